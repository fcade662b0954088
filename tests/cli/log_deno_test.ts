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
  it("writes lines for people: time, level, message and fields", () => {
    const lines = logged(false);
    assertEquals(lines.every((line) => /^\d{4}-\d\d-\d\dT[\d:.]+Z /.test(line)), true);
    assertEquals(lines.map((line) => line.slice(25)), [
      "info  began",
      'warn  slow  queue=q  ms=5  nested={"a":[1]}',
      "error ended  level=x  time=y  message=z  other=null",
    ]);
  });

  it("colours levels and shows the texts of handlers on a terminal only", () => {
    const io = fakeIo({ terminal: true });
    const logger = createLogger(io, { json: false });
    logger.warn("slow");
    assertEquals([logger.exposeErrors, createLogger(fakeIo(), { json: false }).exposeErrors], [
      true,
      undefined,
    ]);
    assertEquals(
      io.errLines[0]?.includes("\x1b[33mwarn\x1b[0m") || Deno.env.get("NO_COLOR") !== undefined,
      true,
    );
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
