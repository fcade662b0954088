/** Runs a row of the corpus against an emulator in virtual time. */
import { assert, assertEquals } from "@std/assert";
import { awsEmulator } from "../../../../../backends/aws/emulator/mod.ts";
import { seededRandom, VirtualClock } from "../../../../../backends/memory/testing.ts";
import { until } from "../../../../wait.ts";
import { ask, type Protocol, type WireAnswer } from "../wire.ts";
import { filled } from "./filled.ts";
import type { Row, Step } from "./row.ts";

/** Makes the calls of a row, and compares the last answer with that of AWS. */
export async function run(row: Row, protocol: Protocol): Promise<void> {
  const clock = new VirtualClock();
  const aws = awsEmulator({
    clock,
    random: seededRandom(1),
    region: "eu-west-1",
    policies: "ignored",
    deletedQueueMs: 60_000,
    fetch: () => Promise.resolve(new Response()),
  });
  const { fetch } = aws;
  const kept: Record<string, unknown> = {};
  const call = async (step: Step): Promise<WireAnswer> => {
    const { service, action, region = "eu-west-1" } = step;
    const wire = { fetch, origin: "http://aws.test", region };
    const input = filled(step.input, kept) as Step["input"];
    const pending = ask(wire, service === "sns" ? "query" : protocol, { service, action, input });
    // A long poll waits for the clock.
    if (action === "ReceiveMessage" && Number(input.WaitTimeSeconds) > 0) {
      await clock.advance(20_000);
    }
    const answer = await pending;
    if (step.as !== undefined) kept[step.as] = answer.output;
    return answer;
  };
  for (const step of row.given) {
    if ("seconds" in step) {
      await clock.advance(step.seconds * 1_000);
      continue;
    }
    const answer = await call(step);
    assert(answer.status === 200, `${step.action} before: ${answer.code} ${answer.message}`);
  }
  check(row, protocol, await call(row.ask), kept);
  if ([...row.given, row.ask].some((step) => "input" in step && step.input.Protocol === "http")) {
    // The post that asks to confirm is signed, which takes its own time.
    await until(() => aws.snapshot().posts.length === 0, { what: "a post" });
  }
}

function check(
  { refused, answer = {} }: Row,
  protocol: Protocol,
  found: WireAnswer,
  kept: Record<string, unknown>,
): void {
  if (!refused) {
    assertEquals([found.status, found.code, found.message], [200, undefined, undefined]);
    const wanted = protocol === "query" ? asText(answer) : answer;
    return assertEquals(like(found.output, filled(wanted, kept)), filled(wanted, kept));
  }
  assertEquals([found.status, found.code], [refused.status, refused.code]);
  if (found.shape !== undefined) assertEquals(found.shape, refused.shape ?? refused.code);
  const { message } = refused;
  const text = filled(typeof message === "object" ? message[protocol] : message, kept);
  if (text !== undefined) assertEquals(like(found.message, text), text);
}

/** In XML everything is text. */
function asText(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(asText);
  if (typeof value !== "object" || value === null) return String(value);
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, asText(each)]));
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** What was found, with the patterns of what is wanted in the places that they fit. */
function like(found: unknown, wanted: unknown): unknown {
  if (typeof wanted === "string") {
    return (wanted === "<any>" && found !== undefined && found !== "") ||
        (wanted === "<id>" && UUID.test(String(found))) ||
        (wanted === "<number>" && /^\d+(\.\d+)?$/.test(String(found))) ||
        (wanted.endsWith("…") && String(found).startsWith(wanted.slice(0, -1))) ||
        sameJson(found, wanted)
      ? wanted
      : found;
  }
  if (Array.isArray(wanted) && Array.isArray(found)) {
    return found.map((each, place) => like(each, wanted[place]));
  }
  if (typeof wanted !== "object" || typeof found !== "object" || !wanted || !found) return found;
  return Object.fromEntries(
    Object.entries(found).map(([name, each]) => [
      name,
      like(each, (wanted as Record<string, unknown>)[name]),
    ]),
  );
}

/** Policies are texts of JSON, in which the order of members means nothing. */
function sameJson(found: unknown, wanted: string): boolean {
  if (!wanted.startsWith("{") || typeof found !== "string") return false;
  try {
    assertEquals(like(JSON.parse(found), JSON.parse(wanted)), JSON.parse(wanted));
    return true;
  } catch {
    return false;
  }
}
