import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import config from "../../deno.json" with { type: "json" };
import { run } from "../../tasks/process.ts";

/** Tasks of which another command helps: of Deno, or of the command line. */
const OTHERS = [
  ...[
    "fmt",
    "check",
    "publish:dry",
    "declare",
    "publish",
    "consume",
    "melange",
    "broker",
    "mutate",
  ],
];

function isHelpedByAnother(name: string, command: string): boolean {
  return OTHERS.includes(name) || command.startsWith("deno task");
}

function task(...args: string[]) {
  return run(Deno.execPath(), ["task", "--quiet", ...args], { timeoutMs: 10_000 });
}

describe("deno task", () => {
  for (const [name, { description, command }] of Object.entries(config.tasks)) {
    it(`${name} --help says what it is for, and does nothing`, async () => {
      const { code, stdout, output } = await task(name, "--help");
      assertEquals(code, 0, output);
      assert(stdout.length > 40, output);
      assertEquals(/\berror\b:/.test(output), false, output);
      if (!isHelpedByAnother(name, command)) assertStringIncludes(stdout, description);
    });
  }

  const wrong: [args: string[], hint: string][] = [
    [["broker", "--prot", "1"], "did you mean --port?"],
    [["broker", "--port", "many"], "whole number"],
    [["demo", "--event", "1"], "did you mean --events?"],
    [["ok", "--fast"], 'see "deno task ok --help"'],
    [["consume", "--endpoint=http://127.0.0.1:1", "--quue", "q"], "did you mean --queue?"],
  ];
  for (const [args, hint] of wrong) {
    it(`${args.join(" ")} says what was meant`, async () => {
      const { code, stderr } = await task(...args);
      assertEquals(code, 2, stderr);
      assertStringIncludes(stderr, hint);
      assertEquals(/\bat \S+:\d+/.test(stderr), false, stderr);
    });
  }
});
