import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { main } from "../../cli/main.ts";
import { NAME } from "../../cli/package.ts";
import config from "../../deno.json" with { type: "json" };
import { MelangeError } from "../../src/support/errors.ts";
import { fakeIo, moduleAt } from "./fake_io.ts";

async function refused(args: string[], stdin?: string) {
  const io = fakeIo(stdin === undefined ? {} : { stdin });
  const code = await main(args, io);
  assertEquals(io.outLines, []);
  assertEquals(io.errLines.length, 1);
  return { code, error: io.errLines[0] ?? "" };
}

const ORDERS = ["--queue", "q", "--handlers", moduleAt("dispatcher.ts")];

describe("main() refuses arguments with 2, and says what to do", () => {
  const rows: [string, string[], string][] = [
    ["an unknown command", ["subscribe"], "describe, broker, schemas, export, docs are known"],
    ["a misspelt command", ["cosnume"], "did you mean consume?"],
    ["a misspelt call for help", ["hepl"], "did you mean help?"],
    ["an option before the command", ["--region", "x", "declare"], "name the command first"],
    ["an unknown option", ["publish", "--xyz", "x"], 'see "melange publish --help"'],
    ["a misspelt option", ["publish", "--tpoic", "x"], "did you mean --topic?"],
    ["the begin of an option", ["consume", "--visibility", "1"], "--visibility-timeout-ms?"],
    ["a letter for an option", ["declare", "-q", "x"], "did you mean --queue?"],
    ["a missing value", ["declare", "--queue"], "pass --queue NAME"],
    ["an option for a value", ["declare", "--queue", "--json=", "x"], "--queue=--json="],
    ["a value that a flag does not take", ["declare", "--no-x=1"], "unknown option --no-x"],
    [
      "a flag with a value",
      ["publish", "--no-deduplication-id=1"],
      "write --no-deduplication-id alone",
    ],
    ["a port that is none", ["consume", ...ORDERS, "--health-port", "65536"], "0 to 65535"],
    [
      "a file that is not there",
      ["publish", "A", "--topic", "t", "--file", "/no/f"],
      "--file PATH",
    ],
    ["help on what is no command", ["help", "pub"], "did you mean publish?"],
    ["a word for a number", ["consume", ...ORDERS, "--concurrency", "many"], "whole number"],
    ["a number below zero", ["consume", ...ORDERS, "--wait-ms=-1"], "--wait-ms"],
    ["a number too long", ["consume", ...ORDERS, "--wait-ms", "1234567890123"], "whole number"],
    ["an empty name", ["consume", "--queue", "", "--handlers", "x"], "--queue NAME"],
    ["one destination too few", ["publish", "A", "{}", "--delay-ms", "0"], "--delay-ms needs"],
    ["a number out of range", ["consume", ...ORDERS, "--concurrency", "0"], "1 to 10000"],
    ["nothing to declare", ["declare"], "pass --queue NAME or --topic NAME"],
    ["queue options without a queue", ["declare", "--max-receives", "3"], "pass --queue NAME"],
    ["no event type", ["publish"], "publish OrderPlaced"],
    ["an argument too many", ["publish", "A", "{}", "x"], '"x"'],
    ["no destination", ["publish", "A", "{}"], "--topic NAME or --queue NAME"],
    ["two destinations", ["publish", "A", "{}", "--topic", "t", "--queue", "q"], "at once"],
    ["a delayed topic", ["publish", "A", "{}", "--topic", "t", "--delay-ms", "1"], "--queue"],
    ["no data", ["publish", "A", "--topic", "t"], "--file"],
    ["data twice", ["publish", "A", "{}", "--topic", "t", "--file", "x"], "one of them"],
    ["data that is not JSON", ["publish", "A", "{secret}", "--topic", "t"], "is not JSON"],
    ["half an attribute", ["publish", "A", "{}", "--topic", "t", "--attribute", "a"], "NAME=TEXT"],
    ["an unknown format", ["publish", "A", "{}", "--topic", "t", "--format", "xml"], "cloudevents"],
    ["an event type that handlers lack", ["publish", "A", "{}", ...ORDERS], "it has OrderPlaced"],
    ["no queue to consume", ["consume", "--handlers", "x"], "--queue NAME"],
    ["no handlers", ["consume", "--queue", "x"], "--handlers PATH"],
  ];
  for (const [what, args, hint] of rows) {
    it(what, async () => {
      const { code, error } = await refused(args);
      assertEquals(code, 2, error);
      assertStringIncludes(error, hint);
      assertEquals(error.includes("secret"), false);
    });
  }
});

describe("main() fails with 1, and says what to do", () => {
  const handlers: [string, string, RegExp][] = [
    [
      "a module that does not exist",
      "missing.ts",
      /there is no file .*missing\.ts; it must export/,
    ],
    ["a module without handlers", "nothing.ts", /must export `dispatcher` .* or `subscribers`/],
    ["a dispatcher that is none", "wrong_dispatcher.ts", /`dispatcher` is not a Dispatcher/],
    ["subscribers that are no array", "wrong_subscribers.ts", /`subscribers` are not an array/],
    ["a subscriber without a handler", "half_subscriber.ts", /\{ name, listensTo, process \}/],
    ["a dispatcher nobody subscribed at", "nobody.ts", /nobody in it subscribed/],
    ["a module that throws", "throws.ts", /cannot be loaded \(no database\)/],
  ];
  for (const [what, module, hint] of handlers) {
    it(what, async () => {
      const { code, error } = await refused([
        ...["consume", "--queue", "q", "--handlers", moduleAt(module)],
      ]);
      assertEquals(code, 1);
      assertStringIncludes(error, "error: CONFIGURATION: Cannot use the module ");
      assertMatch(error, hint);
    });
  }

  it("a queue that does not exist", async () => {
    const { code, error } = await refused(["consume", ...ORDERS]);
    assertEquals(code, 1);
    assertMatch(error, /^error: NOT_FOUND: .*"q"/);
  });

  it("as one JSON object with --json", async () => {
    const { code, error } = await refused(["consume", ...ORDERS, "--json"]);
    assertEquals(code, 1);
    const { time, message, ...rest } = JSON.parse(error);
    assertEquals(rest, { level: "error", code: "NOT_FOUND" });
    assertEquals([typeof time, typeof message], ["string", "string"]);
  });
});

describe("main() says what went wrong", () => {
  /** The line that is printed when a command throws this. */
  async function said(error: unknown, ...args: string[]): Promise<string> {
    const io = fakeIo();
    io.createBackend = () => {
      throw error;
    };
    await main(["declare", "--queue", "q", ...args], io);
    return io.errLines[0] ?? "";
  }

  it("with all its causes", async () => {
    const cause = new Error("b", { cause: new Error("c", { cause: "d" }) });
    assertEquals(await said(new Error("a", { cause })), "error: a (b (c (d)))");
    assertEquals(await said("text"), "error: text");
    const error = new MelangeError("ACCESS_DENIED", "Cannot go on", { cause });
    assertEquals(await said(error), "error: ACCESS_DENIED: Cannot go on (b (c (d)))");
  });

  it("as JSON, with a code only where there is one", async () => {
    const { time, ...rest } = JSON.parse(await said(new Error("a", { cause: "b" }), "--json"));
    assertEquals(rest, { level: "error", message: "a (b)" });
    assert(Math.abs(Date.parse(time) - Date.now()) < 60_000);
  });

  it("with 2 only where the arguments are wrong", async () => {
    const codes: number[] = [];
    for (const error of [new RangeError("a"), new TypeError("b"), new Error("c")]) {
      const io = fakeIo();
      io.createBackend = () => {
        throw error;
      };
      codes.push(await main(["declare", "--queue", "q"], io));
    }
    assertEquals(codes, [2, 1, 1]);
  });
});

describe("main() helps", () => {
  it("with an overview, and 2 on standard error when nothing was asked", async () => {
    const io = fakeIo();
    assertEquals(await main([], io), 2);
    for (const asking of ["--help", "-h", "help"]) assertEquals(await main([asking], io), 0);
    assertEquals(io.outLines, [io.errLines[0], io.errLines[0], io.errLines[0]]);
    assertEquals(io.outLines[0]?.split("\n").slice(0, 7), [
      "melange COMMAND [options]",
      "",
      "  declare       Creates what is missing: topics, a queue, its dead-letter queue and its subscriptions.",
      "                Doing it again changes nothing; what you do not name is left as it is.",
      "  publish       Publishes events of one type and prints one result a line. The data is JSON: an argument,",
      "                or one value a line from --file or standard input. All of it is read before any is sent.",
      "  consume       Hands each message of a queue to the handlers of a module, until SIGINT or SIGTERM: then it",
    ]);
    assertEquals(io.outLines[0]?.split("\n").at(-1), "  --version     Prints the version.");
  });

  for (const args of [["consume", "--help"], ["consume", "-h"], ["help", "consume"]]) {
    it(`with the options of a command: ${args.join(" ")}`, async () => {
      const io = fakeIo();
      assertEquals(await main(args, io), 0);
      const lines = io.outLines.join("\n").split("\n");
      assertEquals(lines[0], "melange consume [options]");
      assert(
        lines.includes(
          "  --health-port PORT              answer GET /health, /ready and /metrics there",
        ),
      );
      assert(lines.includes("  --json                          print JSON, one object a line"));
      assert(lines.includes("  -h, --help                      print this"));
      assertEquals(lines.at(-1)?.startsWith("Example: melange consume --queue"), true);
    });
  }

  it("with the version, which is that of the package", async () => {
    const io = fakeIo();
    assertEquals([await main(["--version"], io), await main(["-V"], io)], [0, 0]);
    assertEquals(io.outLines, [config.version, config.version]);
    assertEquals(NAME, config.name);
  });

  it("takes what follows two dashes for an argument, and not for help", async () => {
    const io = fakeIo();
    assertEquals(await main(["publish", "--queue", "q", "--", "--help"], io), 2);
    assertStringIncludes(io.errLines[0] ?? "", "without data");
  });

  it("whatever else is said, and with what follows and what may be repeated", async () => {
    const io = fakeIo();
    assertEquals(await main(["publish", "--tpoic", "x", "--help"], io), 0);
    const lines = io.outLines.join("\n").split("\n");
    assertEquals(lines.slice(0, 2), ["melange publish [EVENT] [DATA] [options]", ""]);
    assert(lines.includes("  --attribute NAME=TEXT           an attribute; may be repeated"));
    assert(lines.includes("  --queue NAME                    a queue instead of a topic"));
    assertEquals(io.errLines, []);
  });
});
