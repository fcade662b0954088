import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { profileCredentials } from "../../../../backends/aws/credentials/profile.ts";
import {
  credentialsJson,
  credentialsXml,
  fakeMachine,
  html,
  type Machine,
  type Respond,
  SECRET,
  silence,
  stsError,
  TOKEN,
} from "./fake_machine.ts";

const CONFIG = "/home/me/.aws/config";
const CREDENTIALS = "/home/me/.aws/credentials";
const ROLE = "arn:aws:iam::123456789012:role/my-role";
const keys = (id: string) => `aws_access_key_id = ${id}\naws_secret_access_key = ${SECRET}\n`;

interface Files {
  config?: string;
  credentials?: string;
  profile?: string;
  variables?: Record<string, string>;
  respond?: Respond;
}

/** A machine with these files in the usual places. */
function machineWith({ config, credentials, profile, variables, respond }: Files): Machine {
  return fakeMachine({
    variables: { HOME: "/home/me", ...(profile && { AWS_PROFILE: profile }), ...variables },
    files: {
      ...(config !== undefined && { [CONFIG]: config }),
      ...(credentials !== undefined && { [CREDENTIALS]: credentials }),
    },
    respond: respond ?? (() => credentialsXml("AssumeRole")),
  });
}

async function idIn(files: Files): Promise<string | undefined> {
  const found = await profileCredentials(machineWith(files).context);
  return "credentials" in found ? found.credentials.accessKeyId : undefined;
}

async function whyNone(machine: Machine): Promise<string> {
  const found = await profileCredentials(machine.context);
  if ("credentials" in found) throw new Error("there are some");
  return found.none;
}

describe("profileCredentials()", () => {
  it("reads the keys of the default profile", async () => {
    const credentials = `[default]\n${keys("AKID")}aws_session_token = ${TOKEN}`;
    assertEquals(await profileCredentials(machineWith({ credentials }).context), {
      credentials: { accessKeyId: "AKID", secretAccessKey: SECRET, sessionToken: TOKEN },
    });
  });

  const places: [what: string, files: Files, id: string | undefined][] = [
    ["a profile of the credentials file", { credentials: `[a]\n${keys("A")}`, profile: "a" }, "A"],
    ["a profile of the config file", { config: `[profile a]\n${keys("A")}`, profile: "a" }, "A"],
    ["a profile in quotes", { config: `[profile "a"]\n${keys("A")}`, profile: "a" }, "A"],
    ["the default of the config file", { config: `[default]\n${keys("A")}` }, "A"],
    [
      "[profile default] before [default]",
      { config: `[profile default]\n${keys("A")}[default]\n${keys("B")}` },
      "A",
    ],
    [
      "[profile default] after [default]",
      { config: `[default]\n${keys("B")}[profile default]\n${keys("A")}` },
      "A",
    ],
    [
      "the credentials file before the config file",
      { config: `[default]\n${keys("B")}`, credentials: `[default]\n${keys("A")}` },
      "A",
    ],
    [
      "the keys of one file with settings of the other",
      { config: "[default]\nregion = eu-west-1", credentials: `[default]\n${keys("A")}` },
      "A",
    ],
    ["no keys of a profile that is not asked for", { credentials: `[a]\n${keys("A")}` }, undefined],
    ["nothing of [a] in the config file", { config: `[default]\n[a]\n${keys("A")}` }, undefined],
  ];
  for (const [what, files, id] of places) {
    it(`takes ${what}`, async () => assertEquals(await idIn(files), id));
  }

  it("reads the files that the variables name", async () => {
    const machine = fakeMachine({
      variables: { AWS_CONFIG_FILE: "/c", AWS_SHARED_CREDENTIALS_FILE: "~/s", HOME: "/h" },
      files: { "/h/s": `[default]\n${keys("A")}` },
    });
    assert("credentials" in await profileCredentials(machine.context));
    assertEquals(machine.reads, ["/c", "/h/s"]);
  });

  it("finds the home folder of Windows", async () => {
    const path = "C:\\Users\\me/.aws/credentials";
    const files = { [path]: `[default]\r\n${keys("A")}` };
    const machine = fakeMachine({ variables: { USERPROFILE: "C:\\Users\\me" }, files });
    assert("credentials" in await profileCredentials(machine.context));
  });

  it("reads the files anew each time", async () => {
    const machine = machineWith({ credentials: `[default]\n${keys("A")}` });
    await profileCredentials(machine.context);
    machine.files[CREDENTIALS] = `[default]\n${keys("B")}`;
    const found = await profileCredentials(machine.context);
    assert("credentials" in found && found.credentials.accessKeyId === "B");
  });

  it("is not there without files, says why, and reads nothing without a place", async () => {
    assert((await whyNone(machineWith({}))).includes("config file: ENOENT"));
    const homeless = fakeMachine();
    assert((await whyNone(homeless)).includes("HOME"));
    assertEquals(homeless.reads, []);
    const { context, reads } = machineWith({ credentials: `[default]\n${keys("A")}` });
    assert("none" in await profileCredentials({ ...context, readTextFile: undefined }));
    assertEquals(reads, []);
  });

  it("survives files that must not be read", async () => {
    const { context } = machineWith({});
    class NotCapable extends Error {
      override name = "NotCapable";
    }
    const readTextFile = () => Promise.reject(new NotCapable());
    const found = await profileCredentials({ ...context, readTextFile });
    assert("none" in found && found.none.includes("NotCapable"), JSON.stringify(found));
  });

  it("does not read files of any length", async () => {
    const none = await whyNone(machineWith({ credentials: "#".repeat(1024 * 1024 + 1) }));
    assert(none.includes("too long"));
  });

  it("refuses a profile that was asked for and is not there", async () => {
    const machine = machineWith({ credentials: `[default]\n${keys("A")}`, profile: "a" });
    const error = await machine.failure(profileCredentials(machine.context));
    assertEquals([error.code, error.retryable], ["CONFIGURATION", false]);
    assert(error.message.includes("AWS_PROFILE"));
  });

  const garbage = [
    "\u0000\u0001\u0002",
    "<!DOCTYPE html><html>",
    "{}",
    "[",
    "[default",
    "default]\naws_access_key_id",
    `${keys("A")}[default]`,
    "[default]\n= = =\n[[default]]\n[]",
  ];
  for (const text of garbage) {
    it(`finds nothing in ${JSON.stringify(text.slice(0, 24))}`, async () => {
      assertEquals(await idIn({ config: text, credentials: text }), undefined);
    });
  }

  const refused: [what: string, profile: string, says: string][] = [
    ["a key without a secret", "aws_access_key_id = A", "only one of"],
    ["a secret without a key", `aws_secret_access_key = ${SECRET}`, "only one of"],
    ["a credential process", `credential_process = /bin/x ${SECRET}`, "export-credentials"],
    ["a single sign-on without its session", "sso_session = s\nsso_role_name = r", "sso_session"],
    ["a single sign-on", "sso_start_url = https://x.example/", "single sign-on"],
    ["a role with a second factor", `role_arn = r\nmfa_serial = ${SECRET}`, "mfa_serial"],
    ["a role of nobody", `role_arn = ${ROLE}`, "source_profile or credential_source"],
    ["a role of an unknown source", "role_arn = r\ncredential_source = X", "credential_source"],
    ["a role of a missing profile", `role_arn = r\nsource_profile = ${SECRET}`, "does not exist"],
    ["a role of an empty profile", "role_arn = r\nsource_profile = b\n[b]\nx = y", "no credent"],
    ["a role of itself without keys", "role_arn = r\nsource_profile = a", "leads back"],
    [
      "a role of a sign-on",
      "role_arn = r\nsource_profile = b\n[b]\nsso_session = s",
      'profile "b" has a single sign-on',
    ],
    [
      "a loop of roles",
      "role_arn = r\nsource_profile = b\n[b]\nrole_arn = r\nsource_profile = c\n[c]\nrole_arn = r\nsource_profile = b",
      'the profile "c" leads back',
    ],
  ];
  for (const [what, profile, says] of refused) {
    it(`refuses ${what}, and says so`, async () => {
      const machine = machineWith({ credentials: `[a]\n${profile}`, profile: "a" });
      const error = await machine.failure(profileCredentials(machine.context));
      assertEquals([error.code, error.retryable], ["CONFIGURATION", false]);
      assert(error.message.includes(says), error.message);
      assertEquals(machine.requests.length, 0);
    });
  }

  it("prefers keys to what it cannot use", async () => {
    const credentials = `[default]\n${keys("A")}credential_process = x`;
    assertEquals(await idIn({ credentials }), "A");
  });
});

describe("profileCredentials() of a role", () => {
  const config = (more = "") =>
    `[profile a]\nrole_arn = ${ROLE}\nsource_profile = b\n${more}\n[profile b]\n${keys("BASE")}`;

  it("assumes it with the keys of another profile, signed", async () => {
    const more = "role_session_name = me\nexternal_id = x&y\nduration_seconds = 900";
    const machine = machineWith({ config: config(more), profile: "a" });
    const found = await profileCredentials(machine.context);
    assert("credentials" in found);
    assertEquals(found.credentials.accessKeyId, "ASIA1");
    assertEquals(found.credentials.expiration, new Date("2026-01-01T06:00:00Z"));
    const [request] = machine.requests;
    assertEquals(new URL(request!.url).host, "sts.eu-west-1.amazonaws.com");
    const authorization = request!.headers.get("authorization") ?? "";
    assert(authorization.startsWith("AWS4-HMAC-SHA256 Credential=BASE/20260101/eu-west-1/sts/"));
    assertEquals(Object.fromEntries(new URLSearchParams(request!.body)), {
      Action: "AssumeRole",
      Version: "2011-06-15",
      RoleArn: ROLE,
      RoleSessionName: "me",
      ExternalId: "x&y",
      DurationSeconds: "900",
    });
  });

  it("asks in the region of the profile only if there is no other", async () => {
    const machine = machineWith({ config: config("region = us-west-2"), profile: "a" });
    await profileCredentials(machine.context);
    await profileCredentials({ ...machine.context, endpoints: {} });
    machine.variables.AWS_REGION = "sa-east-1";
    await profileCredentials({ ...machine.context, endpoints: {} });
    assertEquals(machine.requests.map(({ url }) => new URL(url).host.split(".")[1]), [
      "eu-west-1",
      "us-west-2",
      "sa-east-1",
    ]);
  });

  it("assumes one role after another", async () => {
    const chain = "[profile a]\nrole_arn = r1\nsource_profile = b\n" +
      `[profile b]\nrole_arn = r2\nsource_profile = c\n[profile c]\n${keys("BASE")}`;
    const respond: Respond = (_, number) => credentialsXml("AssumeRole", { id: `ASIA${number}` });
    const machine = machineWith({ config: chain, profile: "a", respond });
    const found = await profileCredentials(machine.context);
    assert("credentials" in found && found.credentials.accessKeyId === "ASIA2");
    const roles = machine.requests.map(({ body }) => new URLSearchParams(body).get("RoleArn"));
    assertEquals(roles, ["r2", "r1"]);
    assert(machine.requests[1]!.headers.get("authorization")?.includes("Credential=ASIA1/"));
  });

  it("may be its own source, with its own keys", async () => {
    const self = `[profile a]\nrole_arn = ${ROLE}\nsource_profile = a\n${keys("BASE")}`;
    const machine = machineWith({ config: self, profile: "a" });
    assert("credentials" in await profileCredentials(machine.context));
    assert(machine.requests[0]!.headers.get("authorization")?.includes("Credential=BASE/"));
  });

  const sources: [source: string, variables: Record<string, string>, respond: Respond][] = [
    ["Environment", { AWS_ACCESS_KEY_ID: "ENV", AWS_SECRET_ACCESS_KEY: SECRET }, () => html(500)],
    [
      "EcsContainer",
      { AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: "/x" },
      () => credentialsJson({ id: "ENV" }),
    ],
    [
      "Ec2InstanceMetadata",
      {},
      ({ url, method }) =>
        method === "PUT"
          ? new Response("session")
          : url.endsWith("/")
          ? new Response("role")
          : credentialsJson({ id: "ENV" }),
    ],
  ];
  for (const [source, variables, others] of sources) {
    it(`takes its credentials from ${source}`, async () => {
      const respond: Respond = (request, number) =>
        request.url.includes("sts.") ? credentialsXml("AssumeRole") : others(request, number);
      const profile = `[profile a]\nrole_arn = ${ROLE}\ncredential_source = ${source}`;
      const machine = machineWith({ config: profile, profile: "a", variables, respond });
      assert("credentials" in await profileCredentials(machine.context));
      const signed = machine.requests.at(-1)?.headers.get("authorization");
      assert(signed?.includes("Credential=ENV/"), signed ?? "unsigned");
    });
  }

  it("refuses a source that has none", async () => {
    const profile = `[profile a]\nrole_arn = ${ROLE}\ncredential_source = EcsContainer`;
    const machine = machineWith({ config: profile, profile: "a" });
    const error = await machine.failure(profileCredentials(machine.context));
    assert(error.message.includes("credential_source"));
  });

  it("exchanges the token of a web identity", async () => {
    const profile = `[profile a]\nrole_arn = ${ROLE}\nweb_identity_token_file = /token\n` +
      "role_session_name = me\nregion = us-west-2";
    const respond = () => credentialsXml("AssumeRoleWithWebIdentity");
    const machine = machineWith({ config: profile, profile: "a", respond });
    machine.files["/token"] = TOKEN;
    assert("credentials" in await profileCredentials({ ...machine.context, endpoints: {} }));
    const [{ url, body }] = machine.requests as [Machine["requests"][0]];
    assertEquals(new URL(url).host, "sts.us-west-2.amazonaws.com");
    assertEquals(new URLSearchParams(body).get("WebIdentityToken"), TOKEN);
    assertEquals(new URLSearchParams(body).get("RoleSessionName"), "me");
  });

  const broken: [what: string, respond: Respond, retryable: boolean][] = [
    ["AccessDenied", () => stsError("AccessDenied", 403), false],
    ["an unknown key", () => stsError("InvalidClientTokenId", 403), false],
    ["throttling", () => stsError("Throttling"), true],
    ["a 500", () => html(500), true],
    ["HTML", () => html(), true],
    ["another answer", () => credentialsXml("AssumeRole", { expires: "never" }), true],
    ["silence", silence, true],
    ["a redirect", () => Response.redirect("https://evil.example/"), false],
  ];
  for (const [what, respond, retryable] of broken) {
    it(`does not take ${what} for credentials`, async () => {
      const machine = machineWith({ config: config(), profile: "a", respond });
      const error = await machine.failure(profileCredentials(machine.context));
      assertEquals([error.code, error.retryable], ["CONFIGURATION", retryable]);
      assert(machine.requests.length <= 3, `bounded: ${machine.requests.length}`);
      assertEquals(machine.clock.pending, 0);
    });
  }
});
