/**
 * A proxy that stands between clients and an SQS broker and misbehaves as networks and services do,
 * by a seeded plan. It keeps a log of what really happened, for the judge.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { Buffer } from "node:buffer";
import { drawEntries, drawFate, type FaultProfile } from "./faults.ts";
import { MACHINE, untilNextStep } from "./clock_steps.ts";
import { type Gate, refusalOf, timeAt } from "./gate.ts";
import { openLedger, type WireFact } from "./ledger.ts";
import { systemClock } from "../../src/support/clock.ts";
import { createTurnstile, type Turnstile } from "./turnstile.ts";
import type { Entry, Input, Message, Output } from "./wire.ts";

/** Options of {@linkcode startProxy}. */
export interface ProxyOptions {
  /** The broker. */
  target: string;
  /** Where chance comes from. */
  random: () => number;
  /** How often what goes wrong; may be exchanged while it runs. */
  profile: FaultProfile;
}

/** A proxy that runs. */
export interface Proxy {
  /** Everything that happened, in order. */
  readonly facts: readonly WireFact[];
  /** How often what goes wrong. */
  profile: FaultProfile;
  /** What is checked before a request gets anywhere. */
  readonly gate: Gate;
  /** Who may receive. */
  readonly turnstile: Turnstile;
  /** While set, nothing passes: connections are refused by closing them. */
  down: boolean;
  /** While set, no answer comes. */
  hanging: boolean;
  /** Opens a port for a client; everything that comes in there is his. */
  open(client: string): Promise<string>;
  /** The events that a client has got, whose locks last and which nobody has settled. */
  unsettled(client: string): string[];
  /** The requests of a client, all or those of one action. */
  requests(client: string, action?: string): RequestFact[];
  /** Ends all connections. */
  close(): Promise<void>;
}

/** A request that came in, whatever became of it. */
export type RequestFact = Extract<WireFact, { kind: "request" }>;

/** A request on its way, and where its answer goes. */
interface Call {
  client: string;
  action: string;
  input: Input;
  request: IncomingMessage;
  response: ServerResponse;
}

interface Answer {
  status: number;
  output: Output;
}

/** Starts a proxy. */
export function startProxy({ target, random, profile }: ProxyOptions): Proxy {
  const ledger = openLedger();
  const servers: Server[] = [];
  /** The signatures of requests that were done, and whose connections ended before the answer. */
  const droppedAfter = new Set<string>();
  /** The requests that were held or refused: nothing is signed a third time, so none is held again. */
  const held = new Set<string>();
  let passedSinceHeld = 0;
  const proxy: Proxy = {
    facts: ledger.facts,
    profile,
    gate: { clock: systemClock, clockOffsetMs: 0, clockError: "RequestExpired", token: undefined },
    turnstile: createTurnstile(),
    down: false,
    hanging: false,
    open,
    unsettled: ledger.unsettled,
    requests,
    close,
  };
  return proxy;

  function open(client: string): Promise<string> {
    const server = createServer((request, response) => {
      serve(client, request, response).catch(() => response.destroy());
    });
    servers.push(server);
    return new Promise((resolve) =>
      server.listen(0, "127.0.0.1", () => {
        const { port } = server.address() as { port: number };
        resolve(`http://127.0.0.1:${port}`);
      })
    );
  }

  async function close(): Promise<void> {
    for (const server of servers) {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  }

  function requests(client: string, action?: string): RequestFact[] {
    return ledger.facts.flatMap((fact) => {
      const wanted = fact.kind === "request" && fact.client === client &&
        (action === undefined || fact.action === action);
      return wanted ? [fact] : [];
    });
  }

  async function serve(
    client: string,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    const body = await bodyOf(request);
    const action = String(request.headers["x-amz-target"] ?? "").split(".")[1] ?? "";
    const input = JSON.parse(body || "{}") as Input;
    const entries = input.Entries?.length ?? 1;
    ledger.facts.push({ kind: "request", client, action, entries, at: Date.now() });
    if (proxy.hanging) return;
    if (proxy.down) return void request.socket.destroy();
    const isHeld = mustHold(body);
    if (isHeld) await pause(untilNextStep(MACHINE, Date.now()));
    // Deno's fetch sends a request again, untold, on a connection that was used before and breaks.
    response.setHeader("connection", "close");
    response.setHeader("date", new Date(timeAt(proxy.gate)).toUTCString());
    const refusal = refusalOf(request.headers, proxy.gate);
    if (!refusal) return await meetFate({ client, action, input, request, response });
    held.add(body);
    if (isHeld) ledger.facts.push({ kind: "expired", client, action });
    answer(response, refusal);
  }

  function mustHold(body: string): boolean {
    const { heldEvery } = proxy.profile;
    if (heldEvery === 0 || held.has(body) || ++passedSinceHeld < heldEvery) return false;
    passedSinceHeld = 0;
    held.add(body);
    return true;
  }

  async function meetFate(call: Call): Promise<void> {
    const { request, response, action } = call;
    const { profile } = proxy;
    const fate = drawFate(profile, random);
    if (random() < profile.delay) await pause(20 + random() * 30);
    if (fate === "dropBefore") return void request.socket.destroy();
    if (fate === "error500") return answer(response, INTERNAL_ERROR);
    if (fate === "error503") return answer(response, UNAVAILABLE);
    if (fate === "throttle") {
      const status = profile.throttleAs[Math.floor(random() * profile.throttleAs.length)] ?? 400;
      return answer(response, { status, output: { __type: THROTTLES[status] } });
    }
    const isHanging = action === "ChangeMessageVisibilityBatch" &&
      random() < profile.hangingExtension;
    if (isHanging) return;
    const { lost, ...done } = await handle(call);
    if (action === "ReceiveMessage" && random() < profile.hangingPoll) return;
    const arrives = fate === "pass" || (lost && profile.partialArrives);
    if (!arrives && fate === "dropAfter") {
      droppedAfter.add(signatureOf(request));
      return void request.socket.destroy();
    }
    if (!arrives && fate === "truncate") return truncated(response, done);
    ledger.noteDelivered({ ...call, output: done.output });
    answer(response, done);
  }

  /** Lets a request through, whole or in part, once or twice, and spoils what comes back. */
  async function handle(call: Call): Promise<Answer & { lost: boolean }> {
    const { action, input } = call;
    const isSafe = proxy.profile.partialArrives && droppedAfter.has(signatureOf(call.request));
    const lost = input.Entries && !isSafe ? lostEntries(action, input.Entries) : new Set<Entry>();
    const wanted = input.Entries
      ? { ...input, Entries: input.Entries.filter((entry) => !lost.has(entry)) }
      : input;
    const failed = [...lost].map(throttledEntry);
    if (wanted.Entries?.length === 0) {
      return { status: 200, output: { Failed: failed }, lost: true };
    }
    const { status, output } = await passOn(call, wanted);
    if (action !== "ReceiveMessage" && random() < proxy.profile.duplicate) {
      await passOn(call, wanted);
    }
    if (status === 200 && wanted.Entries) lieAbout(action, wanted.Entries, output);
    if (status === 200 && isDenied(action)) {
      const denied = (input.Entries ?? []).map(({ Id }) => failedEntry(Id));
      return { status, output: { Successful: [], Failed: denied }, lost: failed.length > 0 };
    }
    if (status === 200 && action === "ReceiveMessage") disturbReceive(output);
    if (failed.length > 0) output.Failed = [...(output.Failed ?? []), ...failed];
    return { status, output, lost: failed.length > 0 };
  }

  async function passOn(call: Call, input: Input): Promise<Answer> {
    const answer = call.action === "ReceiveMessage"
      ? await receive(call, input)
      : await forward(target, call.request, input);
    if (answer.status === 200) ledger.noteDone({ ...call, input, output: answer.output });
    return answer;
  }

  async function receive({ client, request }: Call, input: Input): Promise<Answer> {
    const { turnstile } = proxy;
    const entered = await turnstile.enter(client, input, () => request.socket.destroyed);
    if (!entered) return { status: 200, output: {} };
    let output: Output | undefined;
    try {
      const answer = await forward(target, request, entered);
      output = answer.output;
      return answer;
    } finally {
      turnstile.leave(output);
    }
  }

  function lostEntries(action: string, entries: Entry[]): Set<Entry> {
    const { partialSend, partialDelete } = proxy.profile;
    if (action === "SendMessageBatch") return drawEntries(entries, partialSend, random);
    if (action === "DeleteMessageBatch") return drawEntries(entries, partialDelete, random);
    return new Set();
  }

  /** Says of entries that were done that the service failed, or nothing. */
  function lieAbout(action: string, entries: Entry[], output: Output): void {
    const { lyingSend, lyingDelete } = proxy.profile;
    const share = action === "SendMessageBatch"
      ? lyingSend
      : action === "DeleteMessageBatch"
      ? lyingDelete
      : undefined;
    if (!share) return;
    const denied = new Set([...drawEntries(entries, share, random)].map(({ Id }) => Id));
    if (denied.size === 0) return;
    output.Successful = (output.Successful ?? []).filter(({ Id }) => !denied.has(Id));
    if (random() < 0.5) output.Failed = [...(output.Failed ?? []), ...[...denied].map(failedEntry)];
  }

  function isDenied(action: string): boolean {
    return action === "SendMessageBatch" && random() < proxy.profile.denyingSend;
  }

  function disturbReceive(output: Output): void {
    const messages = output.Messages ?? [];
    if (messages.length > 0 && random() < proxy.profile.lostReceive) {
      delete output.Messages;
      return;
    }
    const ghost = ledger.deleted[Math.floor(random() * ledger.deleted.length)];
    if (ghost && messages.length > 0 && messages.length < 10 && random() < proxy.profile.ghost) {
      messages.push(ghost);
    }
    if (messages.length > 0) output.Messages = shuffled(messages, random);
  }
}

/** Messages in any order; those of one group keep theirs, as FIFO queues promise. */
function shuffled(messages: readonly Message[], random: () => number): Message[] {
  const groupOf = ({ Attributes }: Message) => Attributes?.MessageGroupId;
  const mixed = messages.toSorted(() => random() - 0.5);
  const inOrder = new Map(
    [...Map.groupBy(messages, groupOf)].map(([group, list]) => [group, list.values()]),
  );
  return mixed.map((message) => {
    const group = groupOf(message);
    return group === undefined ? message : inOrder.get(group)?.next().value ?? message;
  });
}

const INTERNAL_ERROR: Answer = { status: 500, output: { __type: "InternalFailure" } };
const UNAVAILABLE: Answer = { status: 503, output: { __type: "ServiceUnavailable" } };
const THROTTLES = {
  400: "com.amazonaws.sqs#ThrottlingException",
  403: "com.amazonaws.sqs#RequestThrottled",
  429: "com.amazonaws.sqs#TooManyRequestsException",
};

/** Throttles come marked as the sender's fault. */
function throttledEntry({ Id }: Entry): unknown {
  return { Id, SenderFault: true, Code: "RequestThrottled" };
}

function failedEntry(Id: string): unknown {
  return { Id, SenderFault: false, Code: "InternalError" };
}

const PASSED_HEADERS = [
  "content-type",
  "x-amz-target",
  "x-amzn-query-mode",
  "x-amz-date",
  "authorization",
];

async function forward(target: string, request: IncomingMessage, input: Input): Promise<Answer> {
  const headers = new Headers();
  for (const name of PASSED_HEADERS) {
    const value = request.headers[name];
    if (typeof value === "string") headers.set(name, value);
  }
  const response = await fetch(target, { method: "POST", headers, body: JSON.stringify(input) });
  const text = await response.text();
  return { status: response.status, output: text === "" ? {} : JSON.parse(text) };
}

function signatureOf({ headers }: IncomingMessage): string {
  return String(headers.authorization);
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8");
}

function answer(response: ServerResponse, answer: { status: number; output: unknown }): void {
  response.end(begun(response, answer));
}

function truncated(response: ServerResponse, answer: Answer): void {
  const body = begun(response, answer);
  response.write(body.slice(0, Math.floor(body.length / 2)), () => response.destroy());
}

/** Sends the head of an answer, and returns its body. */
function begun(
  response: ServerResponse,
  { status, output }: { status: number; output: unknown },
): string {
  const body = JSON.stringify(output);
  response.writeHead(status, {
    "content-type": "application/x-amz-json-1.0",
    "content-length": Buffer.byteLength(body),
  });
  return body;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
