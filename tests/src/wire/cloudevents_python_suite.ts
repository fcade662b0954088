/** CloudEvents of the official package for Python, which is installed, both ways and in both modes. */
import { assertEquals } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { mustRun } from "../../../tasks/process.ts";
import { checkTheirs, type HttpMessage, OURS, oursAs } from "./cloudevents_packages.ts";

const PACKAGE = "cloudevents==2.2.0";
/** The installation may take so long, in milliseconds. */
const INSTALL_MS = 120_000;

/** Reads our messages, and writes some; everything goes through files. */
const PROGRAM = `
import json, sys
from datetime import datetime, timezone
from cloudevents.core.bindings import http
from cloudevents.core.v1.event import CloudEvent

ours = json.load(open(sys.argv[1] + "/ours.json"))

def found(message):
    event = http.from_http_event(http.HTTPMessage(message["headers"], message["body"].encode()))
    data = event.get_data()
    fields = {k: str(v) for k, v in event.get_attributes().items() if k != "time"}
    return {**fields, "time": event.get_time().isoformat(), "data": data}

def theirs(write, data, **attributes):
    time = datetime(2026, 5, 6, 7, 8, 9, tzinfo=timezone.utc)
    event = CloudEvent({"specversion": "1.0", "id": "a 1", "source": "/shop", "type": "OrderPlaced",
                        "time": time, "subject": "ö 1", "tenant": "a", **attributes}, data)
    message = write(event)
    return {"headers": message.headers, "body": message.body.decode()}

json.dump({
    "found": {mode: found(message) for mode, message in ours.items()},
    "theirs": {
        "structured": theirs(http.to_structured_event, {"n": "ü"}, correlationid="c", datacontenttype="application/json"),
        "binary": theirs(http.to_binary_event, {"n": "ü"}, correlationid="c", datacontenttype="application/json"),
        "bytes": theirs(http.to_structured_event, b"\\x00\\xff\\x01", datacontenttype="application/octet-stream"),
        "nothing": theirs(http.to_structured_event, None),
    },
}, open(sys.argv[1] + "/answer.json", "w"))
`;

interface Answer {
  readonly found: Record<"structured" | "binary", Record<string, unknown>>;
  readonly theirs: Record<"structured" | "binary" | "bytes" | "nothing", HttpMessage>;
}

describe("the package of CloudEvents for Python", () => {
  let folder: string;
  let answer: Answer;

  beforeAll(async () => {
    folder = await Deno.makeTempDir();
    await mustRun("python3", ["-m", "venv", `${folder}/venv`], { timeoutMs: INSTALL_MS });
    const python = `${folder}/venv/bin/python`;
    const install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", PACKAGE];
    await mustRun(python, install, { timeoutMs: INSTALL_MS });
    const ours = { structured: oursAs("structured"), binary: oursAs("binary") };
    await Deno.writeTextFile(`${folder}/ours.json`, JSON.stringify(ours));
    await mustRun(python, ["-c", PROGRAM, folder], { timeoutMs: 30_000 });
    answer = JSON.parse(await Deno.readTextFile(`${folder}/answer.json`));
  });

  afterAll(() => Deno.remove(folder, { recursive: true }));

  it("reads our events in both modes", () => {
    for (const mode of ["structured", "binary"] as const) {
      const { time, ...found } = answer.found[mode];
      assertEquals(found, { ...OURS, version: "3" }, mode);
      assertEquals(new Date(time as string), new Date("2026-01-01T00:00:00.123Z"));
    }
  });

  const facts = { id: "a 1", type: "OrderPlaced", time: new Date("2026-05-06T07:08:09Z") };
  const cloudEvent = { source: "/shop", subject: "ö 1", tenant: "a" };

  it("writes events that we read in both modes", () => {
    for (const mode of ["structured", "binary"] as const) {
      checkTheirs(answer.theirs[mode], {
        ...{ ...facts, correlationId: "c", data: { n: "ü" } },
        cloudEvent: { ...cloudEvent, datacontenttype: "application/json" },
      });
    }
  });

  it("writes bytes that we read, and events without data", () => {
    checkTheirs(answer.theirs.bytes, {
      ...{ ...facts, data: new Uint8Array([0, 255, 1]) },
      cloudEvent: { ...cloudEvent, datacontenttype: "application/octet-stream" },
    });
    checkTheirs(answer.theirs.nothing, { ...facts, data: undefined, cloudEvent });
  });
});
