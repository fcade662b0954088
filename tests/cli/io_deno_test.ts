import { assertEquals, assertInstanceOf } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import process from "node:process";
import { AwsBackend } from "../../backends/aws/mod.ts";
import { processIo } from "../../cli/io.ts";

/** A process whose streams are terminals or not, and what it wrote. */
function fakeProcess(
  { terminals = [], stdin = [] }: {
    terminals?: ("stdin" | "stdout" | "stderr")[];
    stdin?: (Uint8Array | string)[];
  } = {},
) {
  const written: [stream: string, text: string][] = [];
  const stream = (name: "stdout" | "stderr") => ({
    isTTY: terminals.includes(name),
    write: (text: string) => written.push([name, text]),
  });
  const input = {
    isTTY: terminals.includes("stdin"),
    async *[Symbol.asyncIterator]() {
      yield* stdin;
    },
  };
  const io = processIo({ stdin: input, stdout: stream("stdout"), stderr: stream("stderr") });
  return { io, written };
}

function writeAll(terminals: ("stdout" | "stderr")[]) {
  const { io, written } = fakeProcess({ terminals });
  io.progress("1 of 2");
  io.out("result");
  io.err("note");
  return { written, terminal: io.terminal };
}

describe("processIo()", () => {
  it("writes lines, and no progress, where nobody looks", () => {
    assertEquals(writeAll([]), {
      written: [["stdout", "result\n"], ["stderr", "note\n"]],
      terminal: false,
    });
  });

  it("rewrites the line of progress on a terminal, whose results go elsewhere", () => {
    assertEquals(writeAll(["stderr"]), {
      written: [
        ["stderr", "\r\x1b[K1 of 2"],
        ["stdout", "result\n"],
        ["stderr", "\r\x1b[Knote\n"],
      ],
      terminal: true,
    });
  });

  it("writes no progress between results on the same terminal", () => {
    assertEquals(writeAll(["stdout", "stderr"]), {
      written: [["stdout", "result\n"], ["stderr", "note\n"]],
      terminal: true,
    });
    assertEquals(writeAll(["stdout"]).terminal, false);
  });

  it("reads standard input to its end, letters that arrive in two parts too", async () => {
    const bytes = new TextEncoder().encode("a€ü");
    for (let cut = 0; cut <= bytes.length; cut++) {
      const { io } = fakeProcess({ stdin: [bytes.slice(0, cut), bytes.slice(cut)] });
      assertEquals(await io.stdin(), "a€ü");
    }
    assertEquals(await fakeProcess({ stdin: ["a", "b"] }).io.stdin(), "ab");
  });

  it("shows a letter that never arrives whole", async () => {
    const { io } = fakeProcess({ stdin: [new TextEncoder().encode("a€").slice(0, 3)] });
    assertEquals(await io.stdin(), "a\uFFFD");
  });

  it("does not wait for somebody to type", async () => {
    const { io } = fakeProcess({ terminals: ["stdin"], stdin: ["typed"] });
    assertEquals(await io.stdin(), undefined);
  });

  it("calls back on SIGINT and SIGTERM until it is told not to", () => {
    const seen: string[] = [];
    const before = [process.listenerCount("SIGINT"), process.listenerCount("SIGTERM")];
    const off = processIo().onSignal((name) => seen.push(name));
    process.emit("SIGINT");
    process.emit("SIGTERM");
    assertEquals(seen, ["SIGINT", "SIGTERM"]);
    off();
    assertEquals([process.listenerCount("SIGINT"), process.listenerCount("SIGTERM")], before);
  });

  it("creates backends of AWS", async () => {
    const backend = processIo().createBackend({ region: "eu-west-1" });
    assertInstanceOf(backend, AwsBackend);
    await backend.close();
  });
});
