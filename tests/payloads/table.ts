/** Every writer with every reader: this library and the Java client, by size and codecs. */
import { AwsBackend } from "../../backends/aws/mod.ts";
import { s3Payloads } from "../../backends/aws/payloads/s3.ts";
import { MessageConsumer } from "../../src/consume/consumer.ts";
import { defineEvent, typed } from "../../src/event/event.ts";
import { Dispatcher } from "../../src/handle/dispatcher.ts";
import { MessagePublisher } from "../../src/publish/publisher.ts";
import { aesGcm, gzip, type PayloadCodec } from "../../src/wire/payloads/mod.ts";
import { type Broker, startBroker } from "../broker.ts";
import { installJava, type JavaClient, type Moto } from "./install.ts";

/** A row of the table. */
export interface Row {
  readonly writer: Side;
  readonly reader: Side;
  readonly codecs: string;
  /** A word for each size: `ok`, or what was wrong. */
  readonly sizes: Readonly<Record<string, string>>;
}

export type Side = "Melange" | "Java";

const SIZES: readonly (readonly [name: string, bytes: number])[] = [
  ["100 B", 100],
  ["256 KiB", 262_144],
  ["1 MiB", 1_048_576],
  ["10 MiB", 10_485_760],
];
const KEY = new Uint8Array(32).map((_, at) => at);
const CODECS: Readonly<Record<string, PayloadCodec>> = {
  gzip: gzip({ overBytes: 0 }),
  "aes-gcm": aesGcm({ keys: { k1: KEY }, current: "k1" }),
};
const CHAINS = ["-", "gzip", "aes-gcm", "gzip,aes-gcm"];
/** The bucket of all bodies. */
export const BUCKET = "melange-payloads";
const Report = defineEvent("Report", { schema: typed<Record<string, unknown>>() });

/** A body, with a name that travels beside it. */
interface Case {
  readonly name: string;
  readonly size: string;
  readonly codecs: string;
  readonly body: string;
  readonly file: string;
  readonly hash: string;
}

/** All that the runs share. */
interface World {
  readonly broker: Broker;
  readonly moto: Moto;
  readonly java: JavaClient;
  readonly backend: AwsBackend;
  readonly cases: readonly Case[];
}

/** Fills the table, on S3 at this address. */
export async function fillTable(moto: Moto, say: (what: string) => void): Promise<Row[]> {
  const java = await installJava();
  const broker = await startBroker();
  const backend = new AwsBackend(broker.options);
  const folder = await Deno.makeTempDir();
  try {
    const world = { broker, moto, java, backend, cases: await makeCases(folder) };
    const rows: Row[] = [];
    for (const writer of ["Melange", "Java"] as const) {
      for (const reader of ["Melange", "Java"] as const) {
        say(`${writer} to ${reader}`);
        rows.push(...await pair(writer, reader, world));
      }
    }
    return rows;
  } finally {
    await backend.close();
    await broker.close();
    await Deno.remove(folder, { recursive: true });
  }
}

async function makeCases(folder: string): Promise<Case[]> {
  const cases: Case[] = [];
  for (const [size, bytes] of SIZES) {
    const body = bodyOf(bytes);
    const hash = await hashOf(body);
    const file = `${folder}/${bytes}.json`;
    await Deno.writeTextFile(file, body);
    for (const codecs of CHAINS) {
      cases.push({ name: `${bytes}:${codecs}`, size, codecs, body, file, hash });
    }
  }
  return cases;
}

/** A body of exactly so many bytes, with characters of one to four, that compresses by a half. */
function bodyOf(bytes: number): string {
  const head = '{"text":"é€🌶';
  const rest = bytes - new TextEncoder().encode(`${head}"}`).length;
  const noise = new Uint8Array(Math.ceil(rest / 2));
  for (let at = 0; at < noise.length; at += 65_536) {
    crypto.getRandomValues(noise.subarray(at, at + 65_536));
  }
  return `${head}${hexOf(noise).slice(0, rest)}"}`;
}

async function hashOf(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return hexOf(new Uint8Array(digest));
}

function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

async function pair(writer: Side, reader: Side, world: World): Promise<Row[]> {
  const queue = `${writer}-to-${reader}`;
  const { address } = await world.backend.declareQueue(queue);
  const name = address.split(":").at(-1);
  const url = `${world.broker.endpoint}/000000000000/${name}`;
  await (writer === "Java" ? javaWrites(url, world) : melangeWrites(queue, world));
  const read = await (reader === "Java" ? javaReads(url, world) : melangeReads(queue, world));
  return CHAINS.map((codecs) => {
    const ofChain = world.cases.filter((each) => each.codecs === codecs);
    const sizes = ofChain.map(({ name, size, hash }) => [size, verdict(read.get(name), hash)]);
    return { writer, reader, codecs, sizes: Object.fromEntries(sizes) };
  });
}

function verdict(read: string | undefined, hash: string): string {
  if (read === undefined) return "not read";
  return read === hash ? "ok" : "another body";
}

function storeOf({ moto }: World) {
  const credentials = { accessKeyId: "test", secretAccessKey: "test" };
  return s3Payloads({ bucket: BUCKET, endpoint: moto.endpoint, region: "us-east-1", credentials });
}

async function melangeWrites(queue: string, world: World): Promise<void> {
  const store = storeOf(world);
  for (const { name, codecs: chain, body } of world.cases) {
    const codecs = chain === "-" ? [] : chain.split(",").map((codec) => CODECS[codec]!);
    const payloads = { store, overBytes: 262_144, codecs };
    const publisher = new MessagePublisher({ backend: world.backend, payloads });
    await publisher.publish(Report(JSON.parse(body)), { queue, attributes: { name } });
  }
}

async function melangeReads(queue: string, world: World): Promise<Map<string, string>> {
  const read = new Map<string, string>();
  const payloads = { store: storeOf(world), codecs: Object.values(CODECS) };
  const dispatcher = new Dispatcher({ payloads, onUndecodable: "acknowledge" });
  dispatcher.subscribe(Report, async ({ data }, { message }) => {
    const hash = await hashOf(JSON.stringify(data));
    if (await hashOf(message.body) === hash) read.set(String(message.attributes.name), hash);
  });
  const consumer = new MessageConsumer({ backend: world.backend, queue, dispatcher });
  for (const _ of world.cases) await consumer.consumeEvent({ waitMs: 1_000 });
  return read;
}

async function javaWrites(url: string, world: World): Promise<void> {
  // The old name of the attribute is the default of the client.
  for (const isLegacy of [true, false]) {
    const cases = world.cases.filter((_, at) => (at % 2 === 0) === isLegacy);
    const files = cases.flatMap(({ name, file, codecs }) => [name, file, codecs]);
    const args = ["write", url, BUCKET, hexOf(KEY), String(isLegacy), ...files];
    await world.java.run(args, environment(world));
  }
}

async function javaReads(url: string, world: World): Promise<Map<string, string>> {
  const args = ["read", url, BUCKET, hexOf(KEY), String(world.cases.length)];
  const lines = await world.java.run(args, environment(world));
  return new Map(lines.map((line) => {
    const [, name = "", , hash = ""] = line.split(" ");
    return [name, hash];
  }));
}

function environment({ broker, moto }: World): Record<string, string> {
  return { SQS_ENDPOINT: broker.endpoint, S3_ENDPOINT: moto.endpoint };
}
