import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { run } from "../../tasks/process.ts";

const STEPS = new URL("../../tasks/steps.ts", import.meta.url).pathname;

async function runSteps(...steps: string[]): Promise<{ code: number; lines: string[] }> {
  const args = ["run", "-q", "-A", STEPS, "static", ...steps, "--"];
  const { code, stdout } = await run(Deno.execPath(), args, { timeoutMs: 60_000 });
  return { code, lines: stdout.split("\n").filter((line) => line !== "") };
}

describe("tasks/steps.ts", () => {
  it("runs one step after the other", async () => {
    assertEquals(await runSteps("echo one", "echo two && echo three"), {
      code: 0,
      lines: ["one", "two", "three"],
    });
  });

  it("ends with the code of the first step that fails", async () => {
    assertEquals(await runSteps("echo one", "exit 3", "echo two"), { code: 3, lines: ["one"] });
  });
});
