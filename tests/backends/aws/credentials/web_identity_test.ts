import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { webIdentityCredentials } from "../../../../backends/aws/credentials/web_identity.ts";
import {
  credentialsXml,
  fakeMachine,
  html,
  type Respond,
  SECRET,
  silence,
  stsError,
  TOKEN,
  unreachable,
} from "./fake_machine.ts";

const ROLE = "arn:aws:iam::123456789012:role/my-role";
const variables = () => ({
  AWS_WEB_IDENTITY_TOKEN_FILE: "/token",
  AWS_ROLE_ARN: ROLE,
  AWS_ROLE_SESSION_NAME: "my-session",
});
const respond = () => credentialsXml("AssumeRoleWithWebIdentity");

describe("webIdentityCredentials()", () => {
  it("exchanges the token at STS in the region, unsigned", async () => {
    const files = { "/token": `${TOKEN}\n` };
    const machine = fakeMachine({ variables: variables(), files, respond });
    const found = await webIdentityCredentials(machine.context);
    assertEquals(found, {
      credentials: {
        accessKeyId: "ASIA1",
        secretAccessKey: SECRET,
        sessionToken: TOKEN,
        expiration: new Date("2026-01-01T06:00:00Z"),
      },
    });
    const [request] = machine.requests;
    assertEquals(request?.url, "https://sts.eu-west-1.amazonaws.com");
    assertEquals(request?.method, "POST");
    assertEquals(request?.headers.get("authorization"), null);
    assertEquals(Object.fromEntries(new URLSearchParams(request?.body)), {
      Action: "AssumeRoleWithWebIdentity",
      Version: "2011-06-15",
      RoleArn: ROLE,
      RoleSessionName: "my-session",
      WebIdentityToken: TOKEN,
    });
  });

  it("asks at the endpoint for STS, and in the partition of the region", async () => {
    const files = { "/token": TOKEN };
    const own = { ...variables(), AWS_ENDPOINT_URL_STS: "https://sts.example/" };
    const other = fakeMachine({ variables: own, files, respond });
    await webIdentityCredentials(other.context);
    assertEquals(other.requests[0]?.url, "https://sts.example/");
    const china = fakeMachine({ variables: variables(), files, respond });
    await webIdentityCredentials({ ...china.context, endpoints: { region: "cn-north-1" } });
    assertEquals(china.requests[0]?.url, "https://sts.cn-north-1.amazonaws.com.cn");
  });

  it("names the session itself if nobody does", async () => {
    const { AWS_ROLE_SESSION_NAME: _, ...rest } = variables();
    const machine = fakeMachine({ variables: rest, files: { "/token": TOKEN }, respond });
    await webIdentityCredentials(machine.context);
    const name = new URLSearchParams(machine.requests[0]?.body).get("RoleSessionName");
    assertEquals(name, `melange-${machine.clock.now()}`);
  });

  it("reads the token anew each time", async () => {
    const machine = fakeMachine({ variables: variables(), files: { "/token": "one" }, respond });
    await webIdentityCredentials(machine.context);
    machine.files["/token"] = "two";
    await webIdentityCredentials(machine.context);
    const sent = machine.requests.map(({ body }) => new URLSearchParams(body));
    assertEquals(sent.map((form) => form.get("WebIdentityToken")), ["one", "two"]);
  });

  it("is not there unless both variables are, or where there are no files", async () => {
    for (const missing of ["AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN"]) {
      const machine = fakeMachine({ variables: { ...variables(), [missing]: "" }, respond });
      const found = await webIdentityCredentials(machine.context);
      assert("none" in found && found.none.includes(missing));
      assertEquals(machine.reads, []);
    }
    const { context, requests } = fakeMachine({ variables: variables(), respond });
    assert("none" in await webIdentityCredentials({ ...context, readTextFile: undefined }));
    assertEquals(requests.length, 0);
  });

  it("fails if the token cannot be read", async () => {
    const machine = fakeMachine({ variables: variables(), respond });
    const error = await machine.failure(webIdentityCredentials(machine.context));
    assert(error.message.includes("ENOENT"));
    assertEquals([error.code, error.retryable], ["CONFIGURATION", true]);
  });

  for (const token of ["", " \n", "\r\n\t"]) {
    it(`fails for a token that is being written: ${JSON.stringify(token)}`, async () => {
      const files = { "/token": token };
      const machine = fakeMachine({ variables: variables(), files, respond });
      const error = await machine.failure(webIdentityCredentials(machine.context));
      assert(error.message.includes("is empty"), error.message);
      assertEquals([error.code, error.retryable], ["CONFIGURATION", true]);
      assertEquals(machine.requests, []);
    });
  }

  it("fails for a file that hangs, and reads it anew", async () => {
    const machine = fakeMachine({ variables: variables(), files: { "/token": TOKEN }, respond });
    const readTextFile = () => new Promise<string>(() => {});
    const error = await machine.failure(
      webIdentityCredentials({ ...machine.context, readTextFile }),
    );
    assertEquals([error.code, error.retryable], ["CONFIGURATION", true]);
    assertEquals(machine.clock.pending, 0);
    assert("credentials" in await webIdentityCredentials(machine.context));
  });

  it("fails without a region", async () => {
    const machine = fakeMachine({ variables: variables(), files: { "/token": TOKEN }, respond });
    const error = await machine.failure(
      webIdentityCredentials({ ...machine.context, endpoints: {} }),
    );
    assert(error.message.includes("AWS_REGION"));
  });

  const broken: [what: string, respond: Respond, retryable: boolean, attempts: number][] = [
    ["AccessDenied", () => stsError("AccessDenied", 403), false, 1],
    ["InvalidIdentityToken", () => stsError("InvalidIdentityToken"), false, 1],
    ["ExpiredTokenException", () => stsError("ExpiredTokenException"), true, 1],
    ["IDPCommunicationError", () => stsError("IDPCommunicationError"), true, 1],
    ["HTML", () => html(), true, 1],
    ["HTML with 400", () => html(400), false, 1],
    ["another answer", () => new Response("<Hi/>"), true, 1],
    ["a 500", () => html(500), true, 3],
    ["silence", silence, true, 3],
    ["a refused connection", unreachable, true, 3],
    ["a redirect", () => Response.redirect("https://evil.example/"), false, 1],
  ];
  for (const [what, respond, retryable, attempts] of broken) {
    it(`does not take ${what} for credentials, nor shows the token`, async () => {
      const files = { "/token": TOKEN };
      const machine = fakeMachine({ variables: variables(), files, respond });
      const error = await machine.failure(webIdentityCredentials(machine.context));
      assertEquals([error.code, error.retryable], ["CONFIGURATION", retryable]);
      assertEquals(machine.requests.length, attempts);
    });
  }
});
