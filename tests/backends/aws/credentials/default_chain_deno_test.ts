/** With real files, a real network and the permissions of a real process. */
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { defaultCredentials } from "../../../../backends/aws/mod.ts";
import { MelangeError } from "../../../../src/support/errors.ts";
import { mustRun } from "../../../../tasks/process.ts";
import { withoutAws } from "../../../without_aws.ts";

const MODULE = new URL("../../../../backends/aws/mod.ts", import.meta.url).href;
const CONFIG = new URL("../../../../deno.json", import.meta.url).pathname;
const CODE = `
  import { defaultCredentials } from ${JSON.stringify(MODULE)};
  const { accessKeyId } = await defaultCredentials()().catch((error) => ({ accessKeyId: error.message }));
  console.log(accessKeyId);
`;

/** What the program prints; of AWS it is told what `env` says. */
async function printed(permissions: string[], env: Record<string, string>): Promise<string> {
  const args = ["run", "--quiet", "--no-prompt", `--config=${CONFIG}`, ...permissions, "-"];
  // With another home it would look for its modules elsewhere.
  const all = { DENO_DIR: await cacheFolder(), ...withoutAws(), ...env };
  const options = { env: all, stdin: CODE, timeoutMs: 60_000 };
  return (await mustRun(Deno.execPath(), args, options)).stdout.trim();
}

/** Where this process has its modules. */
async function cacheFolder(): Promise<string> {
  return JSON.parse((await mustRun(Deno.execPath(), ["info", "--json"])).stdout).denoDir;
}

async function withHome(test: (home: string) => Promise<void>): Promise<void> {
  const home = await Deno.makeTempDir();
  try {
    await Deno.mkdir(`${home}/.aws`);
    const keys = "aws_access_key_id = FILES\naws_secret_access_key = example";
    await Deno.writeTextFile(`${home}/.aws/credentials`, `[default]\n${keys}\n`);
    await test(home);
  } finally {
    await Deno.remove(home, { recursive: true });
  }
}

describe("defaultCredentials() in a process", () => {
  it("says what it tried where nothing is allowed", async () => {
    const message = await printed([], {});
    assertStringIncludes(message, "Cannot sign a request as there are no credentials");
    assertStringIncludes(message, "instance metadata (the metadata service does not answer)");
  });

  it("finds the shared files with the two permissions that it takes", () =>
    withHome(async (HOME) => {
      const permissions = ["--allow-env=HOME,AWS_*", `--allow-read=${HOME}/.aws`];
      assertEquals(await printed(permissions, { HOME }), "FILES");
    }));

  it("survives files that must not be read", () =>
    withHome(async (HOME) => {
      const env = { HOME, AWS_EC2_METADATA_DISABLED: "true" };
      assertStringIncludes(await printed(["--allow-env=HOME,AWS_*"], env), "NotCapable");
    }));
});

describe("defaultCredentials() on a network", () => {
  it("gets credentials of a container, and follows no redirect", async () => {
    const paths: string[] = [];
    const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
      const { pathname, origin } = new URL(request.url);
      paths.push(`${pathname} ${request.headers.get("authorization")}`);
      if (pathname === "/elsewhere") return Response.redirect(`${origin}/stolen`, 307);
      const Expiration = "2100-01-01T00:00:00Z";
      return Response.json({ AccessKeyId: "A", SecretAccessKey: "s", Token: "t", Expiration });
    });
    const find = (path: string) => {
      const variables: Record<string, string> = {
        AWS_CONTAINER_CREDENTIALS_FULL_URI: `http://127.0.0.1:${server.addr.port}${path}`,
        AWS_CONTAINER_AUTHORIZATION_TOKEN: "token",
      };
      return defaultCredentials({ environment: (name) => variables[name] })();
    };
    try {
      assertEquals((await find("/credentials")).accessKeyId, "A");
      const error = await assertRejects(() => find("/elsewhere"), MelangeError);
      assert(error.message.includes("redirect"), error.message);
      assertEquals(paths, ["/credentials token", "/elsewhere token"]);
    } finally {
      await server.shutdown();
    }
  });
});
