import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { main } from "../../cli/mod.ts";
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
    ["an unknown command", ["subscribe"], "declare, publish, consume are known"],
    ["an unknown option", ["publish", "--tpoic", "x"], "--tpoic"],
    ["a missing value", ["declare", "--queue"], "--queue"],
    ["a word for a number", ["consume", ...ORDERS, "--concurrency", "many"], "whole number"],
    ["a number below zero", ["consume", ...ORDERS, "--wait-ms=-1"], "--wait-ms"],
    ["a number too long", ["consume", ...ORDERS, "--wait-ms", "1234567890123"], "whole number"],
    ["an empty name", ["consume", "--queue", "", "--handlers", "x"], "--queue NAME"],
    ["one destination too few", ["publish", "A", "{}", "--delay-ms", "0"], "--delay-ms needs"],
    ["a number out of range", ["consume", ...ORDERS, "--concurrency", "0"], "1 to 10000"],
    ["nothing to declare", ["declare"], "pass --queue NAME or --topic NAME"],
    ["queue options without a queue", ["declare", "--max-receives", "3"], "without --queue"],
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
    ["no handlers", ["consume", "--queue", "x"], "--handlers NAME"],
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
      assertStringIncludes(error, "error: CONFIGURATION: Cannot use the handlers of ");
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
  it("with an overview, and 2 when nothing was asked", async () => {
    const io = fakeIo();
    assertEquals([await main([], io), await main(["--help"], io)], [2, 0]);
    assertEquals(io.outLines[0], io.outLines[1]);
    assertEquals(io.outLines[0]?.split("\n").slice(0, 7), [
      "melange COMMAND [options]",
      "",
      "  declare   Creates what is missing: topics, a queue, its dead-letter queue and its subscriptions.",
      "            Doing it again changes nothing; what you do not name is left as it is.",
      "  publish   Publishes events of one type and prints one result a line. The data is JSON: an argument,",
      "            or one value a line from --file or standard input. All of it is read before any is sent.",
      "  consume   Hands each message of a queue to the handlers of a module, until SIGINT or SIGTERM: then it",
    ]);
    assertEquals(io.outLines[0]?.split("\n").at(-1), "melange COMMAND --help says more");
  });

  it("with the options of a command", async () => {
    const io = fakeIo();
    assertEquals(await main(["consume", "--help"], io), 0);
    const lines = io.outLines.join("\n").split("\n");
    assertEquals(lines[0], "melange consume [options]");
    assert(
      lines.includes("  --health-port PORT              answer GET /health and /ready there"),
    );
    assert(lines.includes("  --json                          print JSON, one object a line"));
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
