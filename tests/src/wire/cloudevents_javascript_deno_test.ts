/** CloudEvents of the official package for JavaScript, both ways and in both content modes. */
import { assert, assertEquals } from "@std/assert";
import { CloudEvent, HTTP } from "cloudevents";
import { checkTheirs, type HttpMessage, OURS, oursAs } from "./cloudevents_packages.ts";

const TIME = "2026-05-06T07:08:09.000Z";
const THEIRS = { id: "a 1", source: "/shop", type: "OrderPlaced", time: TIME, subject: "ö 1" };

for (const mode of ["structured", "binary"] as const) {
  Deno.test(`the package for JavaScript reads our events in ${mode} mode`, () => {
    const event = HTTP.toEvent<unknown>(oursAs(mode));
    assert(event instanceof CloudEvent && event.validate());
    const { time, version, ...found } = JSON.parse(JSON.stringify(event));
    assertEquals(found, OURS);
    assertEquals([time, Number(version)], ["2026-01-01T00:00:00.123Z", 3]);
  });

  Deno.test(`we read events of the package for JavaScript in ${mode} mode`, () => {
    const write = (data: Record<string, unknown>) =>
      HTTP[mode](new CloudEvent({ ...THEIRS, ...data })) as HttpMessage;
    const facts = { id: "a 1", type: "OrderPlaced", time: new Date(TIME) };
    const cloudEvent = { source: "/shop", subject: "ö 1", tenant: "a" };
    const json = { datacontenttype: "application/json", tenant: "a" };
    const told = write({ ...json, correlationid: "c", data: { n: "ü" } });
    // The package writes the character set as well.
    const type = mode === "binary" ? told.headers["content-type"] : "application/json";
    checkTheirs(told, {
      ...facts,
      correlationId: "c",
      data: { n: "ü" },
      cloudEvent: { ...cloudEvent, datacontenttype: type },
    });
    const xml = write({ datacontenttype: "text/xml", tenant: "a", data: "<a/>" });
    const xmlType = { ...cloudEvent, datacontenttype: "text/xml" };
    checkTheirs(xml, { ...facts, data: "<a/>", cloudEvent: xmlType });
  });
}

Deno.test("we read bytes of the package for JavaScript, and events without data", () => {
  const write = (data: Record<string, unknown>) =>
    HTTP.structured(new CloudEvent({ ...THEIRS, ...data })) as HttpMessage;
  const facts = { id: "a 1", type: "OrderPlaced", time: new Date(TIME) };
  const cloudEvent = { source: "/shop", subject: "ö 1" };
  checkTheirs(write({}), { ...facts, data: undefined, cloudEvent });
  const bytes = new Uint8Array([0, 255, 1]);
  const datacontenttype = "application/octet-stream";
  checkTheirs(write({ data: bytes, datacontenttype }), {
    ...facts,
    data: bytes,
    cloudEvent: { ...cloudEvent, datacontenttype },
  });
});
