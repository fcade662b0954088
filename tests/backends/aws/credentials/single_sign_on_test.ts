import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { defaultCredentials } from "../../../../backends/aws/mod.ts";
import { profileCredentials } from "../../../../backends/aws/credentials/profile.ts";
import {
  fakeMachine,
  html,
  type Machine,
  type Request,
  type Respond,
  SECRET,
  TOKEN,
  unreachable,
} from "./fake_machine.ts";

/** SHA-1 of "corp" and of the start URL. */
const BY_SESSION = "/h/.aws/sso/cache/ee0bfd2552fbd840c02cc48b6e823320543c450f.json";
const START = "https://corp.awsapps.com/start";
const CONFIG = `[profile dev]
sso_session = corp
sso_account_id = 123456789012
sso_role_name = Admin
[sso-session corp]
sso_region = eu-central-1
sso_start_url = ${START}
sso_registration_scopes = sso:account:access
`;
const LEGACY = `[profile dev]
sso_start_url = ${START}
sso_region = eu-central-1
sso_account_id = 123456789012
sso_role_name = Admin
`;

const MINUTE = 60_000;
/** The virtual clock begins with the year 2026. */
const NOW = Date.UTC(2026, 0);
const at = (ms: number) => new Date(NOW + ms).toISOString();

const cachedToken = (more: object = {}) => ({
  accessToken: TOKEN,
  expiresAt: at(60 * MINUTE),
  ...more,
});
const renewable = {
  clientId: "client",
  clientSecret: SECRET,
  refreshToken: `refresh-${TOKEN}`,
  registrationExpiresAt: at(24 * 60 * MINUTE),
  expiresAt: at(MINUTE),
};

async function sha1(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-1", new TextEncoder().encode(text));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

interface World {
  config?: string;
  cached?: unknown;
  respond?: Respond;
  variables?: Record<string, string>;
}

async function machineWith(
  { config = CONFIG, cached, respond, variables }: World,
): Promise<Machine> {
  const key = config.includes("sso_session") ? "corp" : START;
  return fakeMachine({
    variables: { HOME: "/h", AWS_PROFILE: "dev", ...variables },
    files: {
      "/h/.aws/config": config,
      ...(cached !== undefined && {
        [`/h/.aws/sso/cache/${await sha1(key)}.json`]: typeof cached === "string"
          ? cached
          : JSON.stringify(cached),
      }),
    },
    respond: respond ?? answered,
  });
}

function answered({ url }: Request): Response {
  if (url.endsWith("/token")) {
    return Response.json({ accessToken: "NEW", expiresIn: 28_800, refreshToken: "NEXT" });
  }
  const roleCredentials = {
    accessKeyId: "ASIASSO",
    secretAccessKey: SECRET,
    sessionToken: TOKEN,
    expiration: NOW + 60 * MINUTE,
  };
  return Response.json({ roleCredentials });
}

async function found(machine: Machine) {
  const found = await machine.settle(profileCredentials(machine.context));
  assert("credentials" in found);
  return found.credentials;
}

describe("credentials of a single sign-on", () => {
  for (const [kind, config] of [["session", CONFIG], ["legacy profile", LEGACY]] as const) {
    it(`are those of the role, by the cached token of a ${kind}`, async () => {
      const machine = await machineWith({ config, cached: cachedToken() });
      assertEquals(await found(machine), {
        accessKeyId: "ASIASSO",
        secretAccessKey: SECRET,
        sessionToken: TOKEN,
        expiration: new Date(NOW + 60 * MINUTE),
      });
      const [request, ...more] = machine.requests;
      assertEquals(more, []);
      assertEquals(
        request!.url,
        "https://portal.sso.eu-central-1.amazonaws.com/federation/credentials?role_name=Admin&account_id=123456789012",
      );
      assertEquals([request!.method, request!.redirect], ["GET", "manual"]);
      assertEquals(request!.headers.get("x-amz-sso_bearer_token"), TOKEN);
      assertEquals(request!.headers.get("authorization"), null);
    });
  }

  it("are asked for in the partition of the region, or where a setting says", async () => {
    const config = CONFIG.replace("eu-central-1", "cn-north-1");
    const machine = await machineWith({ config, cached: cachedToken() });
    await found(machine);
    assert(machine.requests[0]!.url.startsWith("https://portal.sso.cn-north-1.amazonaws.com.cn/"));
    const options: [Record<string, string>, string][] = [
      [{ AWS_ENDPOINT_URL_SSO: "http://sso/" }, "http://sso/federation/"],
      [{ AWS_ENDPOINT_URL: "http://broker" }, "https://portal.sso.eu-central-1.amazonaws.com/"],
      [{ AWS_USE_FIPS_ENDPOINT: "true" }, "https://portal.sso-fips.eu-central-1.amazonaws.com/"],
    ];
    for (const [variables, start] of options) {
      const machine = await machineWith({ cached: cachedToken(), variables });
      const { environment, fetch, clock, random, readTextFile } = machine.context;
      const machinery = { environment, fetch, clock, random, readTextFile: readTextFile! };
      const provide = defaultCredentials(machinery);
      await machine.settle(provide());
      assert(machine.requests[0]!.url.startsWith(start), machine.requests[0]!.url);
    }
  });

  it("take the times of older versions of the command line", async () => {
    const machine = await machineWith({
      cached: cachedToken({ expiresAt: "2026-01-01T01:00:00UTC" }),
    });
    assertEquals((await found(machine)).accessKeyId, "ASIASSO");
  });

  const used: [what: string, world: World][] = [
    ["there is no token", {}],
    ["the token has expired", { config: LEGACY, cached: cachedToken({ expiresAt: at(-1) }) }],
    ["the token cannot be renewed", { cached: cachedToken({ expiresAt: at(-1) }) }],
    ["the service says so", {
      cached: cachedToken(),
      respond: () => Response.json({ message: TOKEN }, { status: 401 }),
    }],
    ["the file is no JSON", { cached: `{"accessToken": "${TOKEN}` }],
    ["the token has no end", { cached: { accessToken: TOKEN } }],
    ["the token is no header", { cached: cachedToken({ accessToken: `${TOKEN}\n` }) }],
    ["renewing is refused", {
      cached: cachedToken({ ...renewable, expiresAt: at(-1) }),
      respond: () => Response.json({ error: TOKEN }, { status: 400 }),
    }],
    ["the registration has ended", {
      cached: cachedToken({ ...renewable, expiresAt: at(-1), registrationExpiresAt: at(-1) }),
    }],
  ];
  for (const [what, world] of used) {
    it(`say which command signs in, retryable, if ${what}`, async () => {
      const machine = await machineWith(world);
      const error = await machine.failure(profileCredentials(machine.context));
      assertEquals([error.code, error.retryable], ["CONFIGURATION", true]);
      assert(error.message.includes("aws sso login --profile dev"), error.message);
    });
  }

  it("are there again after somebody signed in", async () => {
    const machine = await machineWith({});
    await machine.failure(profileCredentials(machine.context));
    machine.files[`/h/.aws/sso/cache/${await sha1("corp")}.json`] = JSON.stringify(cachedToken());
    assertEquals((await found(machine)).accessKeyId, "ASIASSO");
  });

  it("renew a token that ends soon, and store it", async () => {
    const machine = await machineWith({ cached: cachedToken({ ...renewable, startUrl: START }) });
    const written: [path: string, text: string][] = [];
    const writeTextFile = (path: string, text: string) => {
      written.push([path, text]);
      return Promise.resolve();
    };
    await machine.settle(profileCredentials({ ...machine.context, writeTextFile }));
    const [renewal, asked] = machine.requests;
    assertEquals([renewal!.method, renewal!.url], [
      "POST",
      "https://oidc.eu-central-1.amazonaws.com/token",
    ]);
    assertEquals(JSON.parse(renewal!.body), {
      clientId: "client",
      clientSecret: SECRET,
      grantType: "refresh_token",
      refreshToken: `refresh-${TOKEN}`,
    });
    assertEquals(asked!.headers.get("x-amz-sso_bearer_token"), "NEW");
    assertEquals(written.length, 1);
    assertEquals(JSON.parse(written[0]![1]), {
      ...cachedToken({ ...renewable, startUrl: START }),
      accessToken: "NEW",
      refreshToken: "NEXT",
      expiresAt: at(8 * 60 * MINUTE),
    });
  });

  const unrenewed: [what: string, respond: Respond][] = [
    ["refused", () => Response.json({}, { status: 400 })],
    ["answered by a proxy", () => html()],
    ["answered with nothing", () => Response.json({})],
    ["not reached", unreachable],
  ];
  for (const [what, respond] of unrenewed) {
    it(`use the old token while it lives, if renewing is ${what}`, async () => {
      const machine = await machineWith({
        cached: cachedToken(renewable),
        respond: (request, number) =>
          request.url.endsWith("/token") ? respond(request, number) : answered(request),
      });
      assertEquals((await found(machine)).accessKeyId, "ASIASSO");
      assertEquals(machine.requests.at(-1)!.headers.get("x-amz-sso_bearer_token"), TOKEN);
    });
  }

  it("use a new token that cannot be stored", async () => {
    const machine = await machineWith({ cached: cachedToken(renewable) });
    const writeTextFile = () => Promise.reject(new Error("read-only"));
    await machine.settle(profileCredentials({ ...machine.context, writeTextFile }));
    assertEquals(machine.requests.at(-1)!.headers.get("x-amz-sso_bearer_token"), "NEW");
  });

  const broken: [what: string, config: string, says: string][] = [
    ["no account", CONFIG.replace(/sso_account_id.*\n/, ""), "without sso_account_id"],
    ["no role", CONFIG.replace(/sso_role_name.*\n/, ""), "without sso_role_name"],
    ["no region", CONFIG.replace(/sso_region.*\n/, ""), "without sso_region"],
    ["a region that is a host", CONFIG.replace("eu-central-1", "evil.example/"), "sso_region"],
    [
      "a missing session",
      CONFIG.replace("[sso-session corp]", "[sso-session other]"),
      "not in the config",
    ],
    [
      "a contradiction",
      CONFIG.replace("sso_session", "sso_region = us-east-1\nsso_session"),
      "another sso_region",
    ],
  ];
  for (const [what, config, says] of broken) {
    it(`refuse a profile with ${what}`, async () => {
      const machine = await machineWith({ config, cached: cachedToken() });
      const error = await machine.failure(profileCredentials(machine.context));
      assertEquals([error.code, error.retryable], ["CONFIGURATION", false]);
      assert(error.message.includes(says), error.message);
      assertEquals(machine.requests, []);
    });
  }

  it("refuse a role that is refused, without a word of the answer", async () => {
    const respond = () => Response.json({ message: SECRET }, { status: 403 });
    const machine = await machineWith({ cached: cachedToken(), respond });
    const error = await machine.failure(profileCredentials(machine.context));
    assertEquals([error.code, error.retryable], ["CONFIGURATION", false]);
    assert(error.message.includes("sso_role_name"), error.message);
  });

  it("may end at a time that is given as text", async () => {
    const respond = async (request: Request) => {
      const { roleCredentials } = await answered(request).json();
      return Response.json({ roleCredentials: { ...roleCredentials, expiration: at(MINUTE) } });
    };
    const machine = await machineWith({ cached: cachedToken(), respond });
    assertEquals((await found(machine)).expiration, new Date(NOW + MINUTE));
  });

  for (
    const answer of [
      "{}",
      "[]",
      "<html>",
      '{"roleCredentials":{"accessKeyId":1}}',
      '{"roleCredentials":null}',
      ...["1e300", '"soon"', "null", "true"].map((expiration) =>
        `{"roleCredentials":{"accessKeyId":"A","secretAccessKey":"s","sessionToken":"t","expiration":${expiration}}}`
      ),
    ]
  ) {
    it(`are not taken from ${answer}`, async () => {
      const machine = await machineWith({
        cached: cachedToken(),
        respond: () => new Response(answer),
      });
      const error = await machine.failure(profileCredentials(machine.context));
      assertEquals(error.retryable, true);
    });
  }

  it("assume a role from there", async () => {
    const config = CONFIG.replace("profile dev", "profile base") +
      "[profile dev]\nrole_arn = arn:aws:iam::1:role/r\nsource_profile = base\n";
    const machine = await machineWith({
      config,
      cached: cachedToken(),
      respond: (request) => request.url.includes("portal") ? answered(request) : html(403),
    });
    await machine.failure(profileCredentials(machine.context));
    const authorization = machine.requests.at(-1)!.headers.get("authorization");
    assert(authorization?.includes("Credential=ASIASSO/"), authorization ?? "unsigned");
  });

  it("know the hash that AWS names files by", async () => {
    assertEquals(
      await sha1("corp"),
      BY_SESSION.slice("/h/.aws/sso/cache/".length, -".json".length),
    );
  });
});
