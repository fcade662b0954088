/**
 * Runs the suite of de-duplication stores against real servers, and prints the table of
 * docs/deduplication.md; fails if a check fails. With names as arguments: those stores only.
 */
import { Redis } from "ioredis";
import { testDeduplicationStore } from "../../backends/conformance/mod.ts";
import { start } from "../../tasks/process.ts";
import { sleep, until, within } from "../wait.ts";
import { type Kind, KINDS, type Opened, TABLE } from "./kinds.ts";
import { killAtEachStep, postgresPlace, sqlitePlace } from "./kills.ts";
import { freePort, startMinistack, startMoto, startPostgres, startRedis } from "./servers.ts";

const CHECK_MS = 240_000;
const CLAIMER = new URL("./claimer.ts", import.meta.url).pathname;
const NO_CLOCK = "no clock of a server: the clocks of the workers must agree";
/** Bare conditional requests to moto, without a store, had two winners in 1 of 60 rounds of 40. */
const NOT_ATOMIC = {
  "claim() gives a key to one of many at the same time": "moto's conditions are not atomic",
};

type Row = Map<string, string>;

const asked = Deno.args.filter((arg) => !arg.startsWith("-"));
const rows = new Map<Kind, Row>();
const failures: string[] = [];
const killed: string[] = [];

await using servers = new AsyncDisposableStack();
const folder = await Deno.makeTempDir({ prefix: "melange-stores-" });
servers.defer(() => Deno.remove(folder, { recursive: true }));

if (isAsked("SQLite")) {
  await runSuite("SQLite", `${folder}/events.db`);
  for (const what of ["sqliteInbox", "sqliteOutbox"]) await killAll(what, sqlitePlace(folder));
}
if (isAsked("Deno KV")) await runSuite("Deno KV", `${folder}/kv.db`);
if (isAsked("Redis")) {
  const { port } = servers.use(await startRedis());
  await runSuite("Redis (ioredis)", port);
  await runSuite("Redis (node-redis)", port);
  await runSuite("Redis (HTTP)", startHttp(port));
}
if (isAsked("Postgres")) {
  const { port } = servers.use(await startPostgres());
  await createTable(port);
  await runSuite("Postgres (pg)", port);
  await runSuite("Postgres (postgres.js)", port);
  await killAll("postgresInbox", postgresPlace(port, "effects_inbox"));
  await killAll("postgresOutbox", postgresPlace(port, "effects_outbox"));
}
if (isAsked("DynamoDB")) {
  for (
    const [kind, startServer] of [
      ["DynamoDB (moto)", startMoto],
      ["DynamoDB (ministack)", startMinistack],
    ] as const
  ) {
    const { port } = servers.use(await startServer());
    await createDynamoTable(port);
    await runSuite(kind, port);
  }
}
printTable();
for (const line of killed) console.log(line);
for (const failure of failures) console.log(`failed: ${failure}`);
console.log(`${failures.length} failed`);
await servers.disposeAsync();
Deno.exit(failures.length > 0 ? 1 : 0);

function isAsked(name: string): boolean {
  return asked.length === 0 ||
    asked.some((word) => name.toLowerCase().startsWith(word.toLowerCase()));
}

async function killAll(what: string, place: ReturnType<typeof sqlitePlace>): Promise<void> {
  const { kills, faults } = await killAtEachStep(what, place, folder);
  killed.push(`${what}: ${kills} kills, ${faults.length} faults`);
  failures.push(...faults.map((fault) => `${what}, ${fault}`));
}

async function runSuite(kind: Kind, at: string): Promise<void> {
  const row: Row = new Map();
  rows.set(kind, row);
  const isLocal = kind === "SQLite" || kind === "Deno KV";
  const checks: [string, () => Promise<void>][] = [];
  testDeduplicationStore({
    name: kind,
    can: isLocal ? ["race", "kill"] : ["race", "kill", "down", "ahead"],
    except: kind === "DynamoDB (moto)" ? NOT_ATOMIC : {},
    leaseMs: kind.startsWith("DynamoDB") ? 4_000 : 1_000,
    slackMs: kind.startsWith("DynamoDB") ? 3_000 : 100,
    test: (name, fn) => void checks.push([name, fn]),
    skip: (name, reason) => {
      const reasons: Record<string, string> = {
        "not given: down": "no server",
        "not given: ahead": NO_CLOCK,
      };
      row.set(name.slice(kind.length + 2), reasons[reason] ?? reason);
    },
    create: () => create(kind, at),
  });
  for (const [name, fn] of checks) {
    const began = performance.now();
    const cell = await within(fn(), { what: name, ms: CHECK_MS }).then(() => "yes", (error) => {
      failures.push(`${name}: ${error?.message ?? error}`);
      return "NO";
    });
    row.set(name.slice(kind.length + 2), cell);
    console.error(`${cell} ${name} (${Math.round(performance.now() - began)} ms)`);
  }
}

async function create(kind: Kind, at: string) {
  const opened: Opened[] = [];
  const open = async (options: { at: string; aheadMs?: number }) => {
    const made = await KINDS[kind](options);
    opened.push(made);
    return made.store;
  };
  const [store, other] = [await open({ at }), await open({ at })];
  const isLocal = kind === "SQLite" || kind === "Deno KV";
  const down = isLocal ? undefined : await open({ at: freePort() });
  const ahead = isLocal ? undefined : new Map([
    [3_600_000, await open({ at, aheadMs: 3_600_000 })],
    [-3_600_000, await open({ at, aheadMs: -3_600_000 })],
  ]);
  return {
    store,
    other,
    pass: sleep,
    race: (prefix: string, count: number) => race(kind, { at, prefix, count }),
    kill: (key: string, leaseMs: number) => kill(kind, { at, key, leaseMs }),
    ...(down ? { down: () => down } : {}),
    ...(ahead ? { ahead: (ms: number) => ahead.get(ms)! } : {}),
    async close() {
      await Promise.all(opened.map(({ close }) => close()));
    },
  };
}

function claimer(args: string[]) {
  const flags = ["run", "-q", "-A", "--no-check", "--unstable-kv"];
  return start(Deno.execPath(), [...flags, CLAIMER, ...args]);
}

async function race(
  kind: Kind,
  { at, prefix, count }: { at: string; prefix: string; count: number },
): Promise<string[][]> {
  const programs = [1, 2].map(() => claimer([kind, at, "race", prefix, `${count}`]));
  try {
    const ends = programs.map((program) => program.line(/^\[.*\]$/, { ms: CHECK_MS - 10_000 }));
    return (await Promise.all(ends)).map(([line]) => JSON.parse(line));
  } finally {
    for (const program of programs) await program[Symbol.asyncDispose]();
  }
}

async function kill(
  kind: Kind,
  { at, key, leaseMs }: { at: string; key: string; leaseMs: number },
): Promise<void> {
  await using program = claimer([kind, at, "hold", key, `${leaseMs}`]);
  await program.line(/^claimed$/);
  program.kill("SIGKILL");
  await program.ended();
}

async function createTable(port: string): Promise<void> {
  const { store, close } = KINDS["Postgres (pg)"]({ at: port });
  // A server that listens may still be starting up.
  await until(() => store.createTable().then(() => true, () => false), { what: "a table" });
  await close();
}

async function createDynamoTable(port: string): Promise<void> {
  const authorization = "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/dynamodb/aws4_request";
  const answer = await fetch(`http://127.0.0.1:${port}/`, {
    method: "POST",
    headers: {
      authorization,
      "content-type": "application/x-amz-json-1.0",
      "x-amz-target": "DynamoDB_20120810.CreateTable",
    },
    body: JSON.stringify({
      TableName: TABLE,
      KeySchema: [{ AttributeName: "key", KeyType: "HASH" }],
      AttributeDefinitions: [{ AttributeName: "key", AttributeType: "S" }],
      BillingMode: "PAY_PER_REQUEST",
    }),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`no table was made: ${answer.status} ${text}`);
}

/** Serves the commands of Redis over HTTP, as Upstash does; returns the port. */
function startHttp(redisPort: string): string {
  const redis = new Redis({ host: "127.0.0.1", port: Number(redisPort) });
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
    const [command, ...args] = await request.json();
    return Response.json({ result: await redis.call(command, ...args) });
  });
  servers.defer(async () => {
    redis.disconnect();
    await server.shutdown();
  });
  return `${server.addr.port}`;
}

function printTable(): void {
  const kinds = [...rows.keys()];
  const names = new Set([...rows.values()].flatMap((row) => [...row.keys()]));
  console.log(`| check | ${kinds.join(" | ")} |`);
  console.log(`| --- |${kinds.map(() => " --- |").join("")}`);
  for (const name of names) {
    console.log(
      `| ${name} | ${kinds.map((kind) => rows.get(kind)?.get(name) ?? "-").join(" | ")} |`,
    );
  }
}
