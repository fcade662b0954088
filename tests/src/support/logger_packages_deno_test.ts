/** The loggers that people have, from their packages. */
import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Writable } from "node:stream";
import { configure, getLogger, type LogRecord, reset } from "@logtape/logtape";
import bunyan from "bunyan";
import { pino } from "pino";
import winston from "winston";
import { Dispatcher } from "../../../src/handle/dispatcher.ts";
import type { Logger } from "../../../src/support/logger.ts";

const TEXT = "A handler failed";
const FIELDS = { queue: "q", error: { name: "Error", code: "E1" } };

/** Logs through a dispatcher, as the library does. */
function log(logger: Logger): void {
  const { warn, info } = new Dispatcher({ logger }).options.logger;
  warn(TEXT, FIELDS);
  info("begun");
}

describe("a logger of a package loses no field:", () => {
  it("pino", () => {
    const lines: string[] = [];
    log(pino({ base: null, timestamp: false }, { write: (line: string) => void lines.push(line) }));
    assertEquals(lines.map((line) => JSON.parse(line)), [
      { level: 40, ...FIELDS, msg: TEXT },
      { level: 30, msg: "begun" },
    ]);
  });

  it("a child of pino's", () => {
    const lines: string[] = [];
    const root = pino({ base: null, timestamp: false }, {
      write: (line: string) => void lines.push(line),
    });
    log(root.child({ service: "billing" }));
    assertEquals(JSON.parse(lines[0] ?? ""), {
      ...{ level: 40, service: "billing", ...FIELDS, msg: TEXT },
    });
  });

  it("bunyan", () => {
    const records: Record<string, unknown>[] = [];
    const stream = { write: (record: object) => void records.push({ ...record }) };
    log(bunyan.createLogger({ name: "x", streams: [{ type: "raw", stream }] }) as Logger);
    const [first] = records;
    assertEquals([first?.msg, first?.queue, first?.error], [TEXT, FIELDS.queue, FIELDS.error]);
  });

  it("winston", () => {
    const lines: unknown[] = [];
    const stream = new Writable({
      write(chunk, _encoding, done) {
        lines.push(JSON.parse(String(chunk)));
        done();
      },
    });
    log(winston.createLogger({ transports: [new winston.transports.Stream({ stream })] }));
    assertEquals(lines, [
      { level: "warn", message: TEXT, ...FIELDS },
      { level: "info", message: "begun" },
    ]);
  });

  it("LogTape", async () => {
    const records: LogRecord[] = [];
    await configure({
      sinks: { records: (record: LogRecord) => void records.push(record) },
      loggers: [
        { category: "shop", sinks: ["records"], lowestLevel: "debug" },
        { category: ["logtape", "meta"], sinks: [] },
      ],
    });
    log(getLogger("shop"));
    await reset();
    assertEquals(records.map(({ rawMessage, properties }) => [rawMessage, properties]), [
      [TEXT, FIELDS],
      ["begun", {}],
    ]);
  });

  it("console", () => {
    const lines: unknown[] = [];
    log({ ...console, warn: (...given: unknown[]) => void lines.push(given), info() {} });
    assertEquals(lines, [[TEXT, FIELDS]]);
  });

  it("@std/log of JSR, or a logger of its shape where JSR does not answer", async () => {
    const records: [msg: string, args: unknown[]][] = [];
    log(await stdLogger((msg, args) => void records.push([msg, args])));
    assertEquals(records[0], [TEXT, [FIELDS]]);
  });
});

/** Creates a logger of `@std/log` whose one handler notes the records. */
async function stdLogger(note: (msg: string, args: unknown[]) => void): Promise<Logger> {
  const handler = {
    handle: (record: { msg: string; args: unknown[] }) => note(record.msg, record.args),
  };
  try {
    // Not a literal: Deno would wait for JSR before this file runs.
    const name = "jsr:@std/log@^0.224.14";
    const { Logger } = await import(name);
    return new Logger("shop", "DEBUG", { handlers: [handler] });
  } catch {
    const at = (msg: string, ...args: unknown[]) => handler.handle({ msg, args });
    return { debug: at, info: at, warn: at, error: at };
  }
}
