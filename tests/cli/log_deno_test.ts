import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { createLogger } from "../../cli/log.ts";
import { fakeIo } from "./fake_io.ts";

function logged(json: boolean): string[] {
  const io = fakeIo();
  const logger = createLogger(io, { json });
  logger.debug("not for people");
  logger.info("began");
  logger.warn("slow", { queue: "q", ms: 5, nested: { a: [1] } });
  logger.error("ended", { level: "x", time: "y", message: "z", other: null });
  assertEquals(io.outLines, []);
  return io.errLines;
}

describe("createLogger()", () => {
  it("writes lines for people: the level unless all is well, then the fields", () => {
    assertEquals(logged(false), [
      "began",
      'warn: slow  queue=q  ms=5  nested={"a":[1]}',
      "error: ended  level=x  time=y  message=z  other=null",
    ]);
  });

  it("writes JSON, whose facts no field can replace", () => {
    const lines = logged(true).map((line) => JSON.parse(line));
    assertEquals(lines.every(({ time }) => Math.abs(Date.parse(time) - Date.now()) < 60_000), true);
    assertEquals(lines.map(({ time: _, ...rest }) => rest), [
      { level: "info", message: "began" },
      { level: "warn", message: "slow", queue: "q", ms: 5, nested: { a: [1] } },
      { level: "error", message: "ended", other: null },
    ]);
  });
});
