import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { containerCredentials } from "../../../../backends/aws/credentials/container.ts";
import { credentialsJson, fakeMachine, html, type Respond, SECRET, TOKEN } from "./fake_machine.ts";

const RELATIVE = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI";
const FULL = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
const TOKEN_VARIABLE = "AWS_CONTAINER_AUTHORIZATION_TOKEN";
const TOKEN_FILE = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE";
const respond = () => credentialsJson();

describe("containerCredentials()", () => {
  it("asks ECS for the path that it is given", async () => {
    const machine = fakeMachine({ variables: { [RELATIVE]: "/v2/credentials/1?x=y" }, respond });
    const found = await containerCredentials(machine.context);
    assertEquals(found, {
      credentials: {
        accessKeyId: "ASIA1",
        secretAccessKey: SECRET,
        sessionToken: TOKEN,
        expiration: new Date("2026-01-01T06:00:00Z"),
      },
    });
    const [request] = machine.requests;
    assertEquals(request?.url, "http://169.254.170.2/v2/credentials/1?x=y");
    assertEquals(request?.headers.get("authorization"), null);
  });

  it("prefers the path to the URL", async () => {
    const variables = { [RELATIVE]: "/a", [FULL]: "https://evil.example/" };
    const machine = fakeMachine({ variables, respond });
    await containerCredentials(machine.context);
    assertEquals(machine.requests[0]?.url, "http://169.254.170.2/a");
  });

  it("is not there without a variable, and asks nobody", async () => {
    const machine = fakeMachine({ respond });
    const found = await containerCredentials(machine.context);
    assert("none" in found && found.none.includes(RELATIVE));
    assertEquals(machine.requests.length, 0);
  });

  const allowed = [
    "https://credentials.example/a",
    "http://localhost:8080/a",
    "http://127.0.0.1/a",
    "http://127.1.2.3:99/a",
    "http://[::1]/a",
    "http://[0:0:0:0:0:0:0:1]/a",
    "http://169.254.170.2/a",
    "http://169.254.170.23/v1/credentials",
    "http://[fd00:ec2::23]/v1/credentials",
    "http://[fd00:ec2:0::0:23]/v1/credentials",
  ];
  for (const url of allowed) {
    it(`asks ${url}`, async () => {
      const variables = { [FULL]: url, [TOKEN_VARIABLE]: "Basic dTpw" };
      const machine = fakeMachine({ variables, respond });
      await containerCredentials(machine.context);
      assertEquals(machine.requests.map(({ url }) => url), [new URL(url).href]);
      assertEquals(machine.requests[0]?.headers.get("authorization"), "Basic dTpw");
    });
  }

  const refused: [variable: string, value: string][] = [
    [FULL, "http://169.254.169.254/latest"],
    [FULL, "http://169.254.170.22/"],
    [FULL, "http://169.254.170.2.evil.example/"],
    [FULL, "http://evil.example/169.254.170.2"],
    [FULL, "http://169.254.170.2@evil.example/"],
    [FULL, "http://user:pass@169.254.170.2/"],
    [FULL, "https://user@credentials.example/"],
    [FULL, "http://localhost.evil.example/"],
    [FULL, "http://127.0.0.1.evil.example/"],
    [FULL, "http://[fd00:ec2::24]/"],
    [FULL, "http://[::ffff:1.2.3.4]/"],
    [FULL, "http://10.0.0.1/"],
    [FULL, "http://0.0.0.0/"],
    [FULL, "ftp://127.0.0.1/"],
    [FULL, "file:///etc/passwd"],
    [FULL, "169.254.170.2"],
    [FULL, "/v2/credentials"],
    [RELATIVE, "v2/credentials"],
    [RELATIVE, "@evil.example/"],
    [RELATIVE, ":99/"],
    [RELATIVE, "http://evil.example/"],
  ];
  for (const [variable, value] of refused) {
    it(`refuses ${value} without a request`, async () => {
      const machine = fakeMachine({
        variables: { [variable]: value, [TOKEN_VARIABLE]: TOKEN },
        respond,
      });
      const error = await machine.failure(containerCredentials(machine.context));
      assertEquals([error.code, error.retryable], ["CONFIGURATION", false]);
      assert(error.message.includes(variable), error.message);
      assertEquals(machine.requests.length, 0);
    });
  }

  it("takes a path that looks like a host as a path", async () => {
    const machine = fakeMachine({ variables: { [RELATIVE]: "//evil.example/a" }, respond });
    await containerCredentials(machine.context);
    assertEquals(machine.requests[0]?.url, "http://169.254.170.2//evil.example/a");
  });

  it("reads the token anew each time, the file before the variable", async () => {
    const variables = {
      [FULL]: "http://169.254.170.23/",
      [TOKEN_FILE]: "/t",
      [TOKEN_VARIABLE]: "v",
    };
    const machine = fakeMachine({ variables, files: { "/t": "first\n" }, respond });
    await containerCredentials(machine.context);
    machine.files["/t"] = "second";
    await containerCredentials(machine.context);
    const sent = machine.requests.map(({ headers }) => headers.get("authorization"));
    assertEquals(sent, ["first", "second"]);
  });

  it("refuses a token that is missing, empty or two lines, without a request", async () => {
    for (const files of [{}, { "/t": "" }, { "/t": `${TOKEN}\r\nx: y` }, { "/t": "tök" }]) {
      const variables = { [FULL]: "http://169.254.170.23/", [TOKEN_FILE]: "/t" };
      const machine = fakeMachine({ variables, files: files as Record<string, string>, respond });
      const error = await machine.failure(containerCredentials(machine.context));
      assertEquals(error.retryable, true, "it may be being replaced");
      assertEquals(machine.requests.length, 0);
    }
  });

  it("refuses a token file where there are no files", async () => {
    const variables = { [FULL]: "http://169.254.170.23/", [TOKEN_FILE]: "/t" };
    const machine = fakeMachine({ variables, respond });
    const context = { ...machine.context, readTextFile: undefined };
    assertEquals((await machine.failure(containerCredentials(context))).retryable, false);
  });

  const broken: [what: string, respond: Respond, retryable: boolean][] = [
    ["HTML", () => html(), true],
    ["nothing", () => new Response(""), true],
    ["a list", () => Response.json([]), true],
    ["null", () => Response.json(null), true],
    ["no key", () => Response.json({ SecretAccessKey: SECRET, Token: TOKEN }), true],
    ["an expiration that is no date", () => credentialsJson({ expires: SECRET }), true],
    ["a 403", () => html(403), false],
    ["a 404", () => html(404), false],
    ["a 500", () => html(500), true],
    ["a redirect", () => Response.redirect("http://169.254.169.254/"), false],
  ];
  for (const [what, respond, retryable] of broken) {
    it(`does not take ${what} for credentials`, async () => {
      const machine = fakeMachine({ variables: { [RELATIVE]: "/a" }, respond });
      const error = await machine.failure(containerCredentials(machine.context));
      assertEquals([error.code, error.retryable], ["CONFIGURATION", retryable]);
    });
  }
});
