import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { profileCredentials } from "../../../../backends/aws/credentials/profile.ts";
import { fakeMachine, type Machine, SECRET, TOKEN } from "./fake_machine.ts";

const SESSION = "arn:aws:sts::123456789012:assumed-role/x";
const FILE = "6b5e2ce6e4fcfd47286a3997633a59c9eb34aa2a65be1c74cb35f42d972109f3.json";
const CONFIG = `[profile dev]\nlogin_session = ${SESSION}\n`;
const SOON = "2026-01-01T00:10:00Z";

function machineWith(cached: unknown, variables: Record<string, string> = {}): Machine {
  const folder = variables.AWS_LOGIN_CACHE_DIRECTORY ?? "/h/.aws/login/cache";
  return fakeMachine({
    variables: { HOME: "/h", AWS_PROFILE: "dev", ...variables },
    files: {
      "/h/.aws/config": CONFIG,
      ...(cached !== undefined && { [`${folder}/${FILE}`]: JSON.stringify(cached) }),
    },
  });
}

const cached = (more: object = {}) => ({
  accessToken: {
    accessKeyId: "ASIALOGIN",
    secretAccessKey: SECRET,
    sessionToken: TOKEN,
    accountId: "123456789012",
    expiresAt: SOON,
    ...more,
  },
  refreshToken: TOKEN,
  dpopKey: SECRET,
});

describe("credentials of a login session", () => {
  it("are read from the cache, and end when it says", async () => {
    const elsewhere = { AWS_LOGIN_CACHE_DIRECTORY: "/cache" };
    for (const machine of [machineWith(cached()), machineWith(cached(), elsewhere)]) {
      assertEquals(await profileCredentials(machine.context), {
        credentials: {
          accessKeyId: "ASIALOGIN",
          secretAccessKey: SECRET,
          sessionToken: TOKEN,
          expiration: new Date(SOON),
        },
      });
      assertEquals(machine.requests, []);
    }
  });

  const used: [what: string, cached: unknown][] = [
    ["there is no file", undefined],
    ["they have expired", cached({ expiresAt: "2025-12-31T23:59:59Z" })],
    ["they have no end", cached({ expiresAt: undefined })],
    ["they lack a secret", cached({ secretAccessKey: "" })],
    ["the file has something else", [SECRET]],
    ["the file has null", { accessToken: null }],
  ];
  for (const [what, value] of used) {
    it(`say which command signs in, retryable, if ${what}`, async () => {
      const machine = machineWith(value);
      const error = await machine.failure(profileCredentials(machine.context));
      assertEquals([error.code, error.retryable], ["CONFIGURATION", true]);
      assert(error.message.includes("aws login --profile dev"), error.message);
    });
  }
});
