import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { run } from "../../tasks/process.ts";
import { startBroker } from "../broker.ts";

const README = new URL("../../examples/shop/README.md", import.meta.url);
const COMMAND = "npx -y deno task melange ";

/** A command of the page, and the exit code that its comment names. */
interface Command {
  readonly line: string;
  readonly args: readonly string[];
  readonly code: number;
}

function commandsIn(text: string): Command[] {
  return text.split("\n").filter((line) => line.startsWith(COMMAND)).map((line) => {
    const [command = "", comment = ""] = line.split("#");
    const code = Number(/exit code (\d)/.exec(comment)?.[1] ?? 0);
    return { line, args: command.slice(COMMAND.length).trim().split(" "), code };
  });
}

describe("examples/shop/README.md", () => {
  it("has commands that do what it says, in this order", async () => {
    await using broker = await disposableBroker();
    await Deno.mkdir("dist", { recursive: true });
    const commands = commandsIn(await Deno.readTextFile(README));
    assertEquals(commands.length, 8);
    for (const { line, args, code } of commands) {
      const permissions = ["-N", "-E", "-R", "-W"];
      const ended = await run(
        Deno.execPath(),
        ["run", "-q", ...permissions, "tasks/local.ts", ...args],
        { env: broker.env, timeoutMs: 60_000 },
      );
      assertEquals([line, ended.code], [line, code], ended.output);
    }
  });
});

async function disposableBroker() {
  const { endpoint, close } = await startBroker();
  const env = {
    AWS_ENDPOINT_URL: endpoint,
    AWS_REGION: "us-east-1",
    AWS_ACCESS_KEY_ID: "test",
    AWS_SECRET_ACCESS_KEY: "test",
  };
  return { env, [Symbol.asyncDispose]: () => close() };
}
