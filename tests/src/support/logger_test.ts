import { assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { AwsBackend } from "../../../backends/aws/mod.ts";
import { Dispatcher } from "../../../src/handle/dispatcher.ts";
import { guarded, type Logger } from "../../../src/support/logger.ts";

const LEVELS = ["debug", "info", "warn", "error"] as const;

/** Methods that note what they are called with, and on what. */
function noting<T extends object>(more: T) {
  const calls: unknown[] = [];
  const logger = { ...more } as T & Record<(typeof LEVELS)[number], (...given: unknown[]) => void>;
  for (const level of LEVELS) {
    Object.assign(logger, {
      [level](this: unknown, ...given: unknown[]) {
        calls.push([this === logger, level, ...given]);
      },
    });
  }
  return { calls, logger };
}

describe("guarded()", () => {
  it("calls each level with the text and the fields, as a method of the logger", () => {
    const { calls, logger } = noting({});
    const sound = guarded(logger);
    for (const level of LEVELS) sound[level]("text", { queue: "q" });
    assertEquals(calls, LEVELS.map((level) => [true, level, "text", { queue: "q" }]));
  });

  const shapes: [what: string, shape: object, fieldsFirst: boolean][] = [
    ["pino", { levels: { labels: { 40: "warn" }, values: { warn: 40 } } }, true],
    ["bunyan", { addStream() {}, fields: { name: "x" } }, true],
    ["winston, whose levels are one table", { levels: { error: 0, warn: 1 } }, false],
    ["a logger with levels that are none", { levels: null, fields: {} }, false],
    ["half of pino", { levels: { values: {} } }, false],
    ["half of bunyan", { addStream() {} }, false],
  ];
  for (const [what, shape, fieldsFirst] of shapes) {
    it(`loses no field with ${what}`, () => {
      const { calls, logger } = noting(shape);
      const sound = guarded(logger);
      sound.warn("text", { queue: "q" });
      sound.error("text");
      const both = fieldsFirst ? [{ queue: "q" }, "text"] : ["text", { queue: "q" }];
      const alone = fieldsFirst ? [{}, "text"] : ["text", undefined];
      assertEquals(calls, [[true, "warn", ...both], [true, "error", ...alone]]);
    });
  }

  it("refuses a logger that lacks a level, and says which", () => {
    const syslog = { error() {}, warning() {}, info() {}, debug() {} } as unknown as Logger;
    const error = assertThrows(() => guarded(syslog), TypeError);
    assertEquals(
      error.message,
      "Cannot log to a logger without warn: pass { debug, info, warn, error }, each of which takes (message, fields)",
    );
    for (const none of ["a logger", 1, {}] as unknown as Logger[]) {
      assertThrows(() => guarded(none), TypeError, "without debug, info, warn, error");
    }
  });

  it("stands before every logger that is passed in", () => {
    const half = { error() {} } as unknown as Logger;
    assertThrows(() => new Dispatcher({ logger: half }), TypeError, "debug, info, warn");
    assertThrows(() => new AwsBackend({ logger: half }), TypeError, "debug, info, warn");
  });
});
