import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { profileCredentials } from "../../../../backends/aws/credentials/profile.ts";
import { fakeMachine, SECRET, TOKEN } from "./fake_machine.ts";

const COMMAND = `/bin/helper --secret ${SECRET}`;

function machineWith(run?: (commandLine: string) => Promise<string>) {
  const machine = fakeMachine({
    variables: { HOME: "/h", AWS_PROFILE: "dev" },
    files: { "/h/.aws/config": `[profile dev]\ncredential_process = ${COMMAND}\n` },
  });
  return { machine, context: { ...machine.context, runProcess: run } };
}

const printed = (more: object = {}) =>
  JSON.stringify({ Version: 1, AccessKeyId: "ASIAPROC", SecretAccessKey: SECRET, ...more });

describe("credentials of a process", () => {
  it("are what it prints", async () => {
    const commands: string[] = [];
    const more = { SessionToken: TOKEN, Expiration: "2026-01-01T01:00:00Z", AccountId: "1" };
    const { context } = machineWith((commandLine) => {
      commands.push(commandLine);
      return Promise.resolve(printed(more));
    });
    assertEquals(await profileCredentials(context), {
      credentials: {
        accessKeyId: "ASIAPROC",
        secretAccessKey: SECRET,
        sessionToken: TOKEN,
        expiration: new Date(more.Expiration),
      },
    });
    assertEquals(commands, [COMMAND]);
    const lasting = await profileCredentials(machineWith(() => Promise.resolve(printed())).context);
    assert("credentials" in lasting && lasting.credentials.expiration === undefined);
  });

  it("are refused where no program may be started, with what to do", async () => {
    const { machine, context } = machineWith();
    const error = await machine.failure(profileCredentials(context));
    assertEquals([error.code, error.retryable], ["CONFIGURATION", false]);
    assert(error.message.includes("allowCredentialProcess"), error.message);
  });

  const broken: [what: string, run: () => Promise<string>][] = [
    ["fails", () => Promise.reject(new Error(`exit 1: ${SECRET}`))],
    ["throws at once", () => {
      throw new Error(SECRET);
    }],
    ["prints nothing", () => Promise.resolve("")],
    ["prints text", () => Promise.resolve(SECRET)],
    ["prints null", () => Promise.resolve("null")],
    ["prints another version", () => Promise.resolve(printed({ Version: 2 }))],
    ["prints no secret", () => Promise.resolve(printed({ SecretAccessKey: "" }))],
    ["prints a token that is none", () => Promise.resolve(printed({ SessionToken: 1 }))],
    ["prints an end that is none", () => Promise.resolve(printed({ Expiration: "soon" }))],
    [
      "prints what has expired",
      () => Promise.resolve(printed({ Expiration: "2025-12-31T23:00:00Z" })),
    ],
    ["never ends", () => new Promise(() => {})],
  ];
  for (const [what, run] of broken) {
    it(`are an error that may pass, and quotes nothing, if it ${what}`, async () => {
      const { machine, context } = machineWith(run);
      const asked = profileCredentials(context);
      asked.catch(() => {});
      for (let second = 0; second < 61; second++) await machine.clock.advance(1_000);
      const error = await machine.failure(asked);
      assertEquals([error.code, error.retryable], ["CONFIGURATION", true]);
      assert(error.message.includes("credential_process"), error.message);
      assertEquals(machine.clock.pending, 0);
    });
  }
});
