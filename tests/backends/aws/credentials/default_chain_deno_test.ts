/** With real files, a real network and the permissions of a real process. */
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { defaultCredentials } from "../../../../backends/aws/mod.ts";
import { MelangeError } from "../../../../src/errors.ts";

const MODULE = new URL("../../../../backends/aws/mod.ts", import.meta.url).href;
const CONFIG = new URL("../../../../deno.json", import.meta.url).pathname;
const CODE = `
  import { defaultCredentials } from ${JSON.stringify(MODULE)};
  const { accessKeyId } = await defaultCredentials()().catch((error) => ({ accessKeyId: error.message }));
  console.log(accessKeyId);
`;

async function run(permissions: string[], env: Record<string, string>): Promise<string> {
  const command = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-prompt", `--config=${CONFIG}`, ...permissions, "-"],
    clearEnv: true,
    env: { PATH: Deno.env.get("PATH") ?? "", DENO_DIR: cacheFolder(), ...env },
    stdin: "piped",
    stdout: "piped",
  });
  const child = command.spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(CODE));
  await writer.close();
  const { stdout } = await child.output();
  return new TextDecoder().decode(stdout).trim();
}

/** Where this process has its modules, which the other needs as well. */
function cacheFolder(): string {
  const home = Deno.env.get("HOME") ?? "";
  return Deno.env.get("DENO_DIR") ?? `${Deno.env.get("XDG_CACHE_HOME") ?? `${home}/.cache`}/deno`;
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
    const message = await run([], {});
    assertStringIncludes(message, "Cannot sign a request as there are no credentials");
    assertStringIncludes(message, "instance metadata (the metadata service does not answer)");
  });

  it("finds the shared files with the two permissions that it takes", () =>
    withHome(async (HOME) => {
      const permissions = ["--allow-env=HOME,AWS_*", `--allow-read=${HOME}/.aws`];
      assertEquals(await run(permissions, { HOME }), "FILES");
    }));

  it("survives files that must not be read", () =>
    withHome(async (HOME) => {
      const env = { HOME, AWS_EC2_METADATA_DISABLED: "true" };
      assertStringIncludes(await run(["--allow-env=HOME,AWS_*"], env), "NotCapable");
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
