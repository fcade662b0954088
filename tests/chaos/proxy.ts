/**
 * A proxy that stands between clients and an SQS broker and misbehaves as networks and services do,
 * by a seeded plan. It keeps a log of what really happened, for the judge.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { Buffer } from "node:buffer";
import { drawFate, type FaultProfile } from "./faults.ts";

/** What the proxy saw. `client` is the name that the client's port was opened under. */
export type WireFact =
  | { kind: "request"; client: string; action: string; entries: number }
  | { kind: "stored"; client: string; id: string }
  | { kind: "delivered"; client: string; id: string; receipt: string; ghost: boolean }
  | { kind: "deleted"; client: string; id: string };

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
  readonly facts: WireFact[];
  /** How often what goes wrong. */
  profile: FaultProfile;
  /** While set, nothing passes: connections are refused by closing them. */
  down: boolean;
  /** While set, no answer comes. */
  hanging: boolean;
  /** Opens a port for a client; everything that comes in there is his. */
  open(client: string): Promise<string>;
  /** How many deliveries a client has got and not deleted. */
  unsettled(client: string): number;
  /** Ends all connections. */
  close(): Promise<void>;
}

interface Entry {
  Id: string;
  MessageBody?: string;
  ReceiptHandle?: string;
}

interface Message {
  MessageId: string;
  ReceiptHandle: string;
  Body: string;
}

/** Starts a proxy. */
export function startProxy(options: ProxyOptions): Proxy {
  const { target, random } = options;
  const facts: WireFact[] = [];
  /** The event of each receipt, and what was deleted: what ghosts are made of. */
  const byReceipt = new Map<string, Message>();
  const deleted: Message[] = [];
  /** The receipts that a client has and nobody has settled, and who got an event last. */
  const held = new Map<string, Set<string>>();
  const last = new Map<string, { client: string; receipt: string }>();
  const servers: ReturnType<typeof createServer>[] = [];

  const proxy: Proxy = {
    facts,
    profile: options.profile,
    down: false,
    hanging: false,
    open,
    unsettled: (client) => held.get(client)?.size ?? 0,
    close,
  };
  return proxy;

  function open(client: string): Promise<string> {
    held.set(client, new Set());
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

  async function serve(
    client: string,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    const body = await bodyOf(request);
    const action = String(request.headers["x-amz-target"] ?? "").split(".")[1] ?? "";
    const input = JSON.parse(body || "{}") as { Entries?: Entry[] };
    facts.push({ kind: "request", client, action, entries: input.Entries?.length ?? 1 });
    if (proxy.hanging) return;
    if (proxy.down) return void request.socket.destroy();
    const { profile } = proxy;
    const fate = drawFate(profile, random);
    if (random() < profile.delay) await pause(20 + random() * 30);
    if (fate === "dropBefore") return void request.socket.destroy();
    if (fate === "error500") return answer(response, 500, { __type: "InternalFailure" });
    if (fate === "error503") return answer(response, 503, { __type: "ServiceUnavailable" });
    if (fate === "throttle") {
      const status = profile.throttleAs[Math.floor(random() * profile.throttleAs.length)] ?? 400;
      return answer(response, status, { __type: `com.amazonaws.sqs#${THROTTLES[status]}` });
    }
    const { status, output } = await handle({ client, action, input, request });
    if (fate === "dropAfter") return void request.socket.destroy();
    if (fate === "truncate") return truncated(response, status, output);
    noteDelivered(client, action, output);
    answer(response, status, output);
  }

  async function handle(
    { client, action, input, request }: {
      client: string;
      action: string;
      input: { Entries?: Entry[] };
      request: IncomingMessage;
    },
  ): Promise<{ status: number; output: Record<string, unknown> }> {
    const { entries, failed } = losses(action, input.Entries ?? []);
    const wanted = input.Entries ? { ...input, Entries: entries } : input;
    if (input.Entries && entries.length === 0) return { status: 200, output: { Failed: failed } };
    const { status, output } = await forward(request, wanted);
    noteDone(client, action, wanted, output);
    if (random() < proxy.profile.duplicate && action !== "ReceiveMessage") {
      const again = await forward(request, wanted);
      noteDone(client, action, wanted, again.output);
    }
    if (failed.length > 0) output.Failed = [...(output.Failed as unknown[] ?? []), ...failed];
    if (action === "ReceiveMessage" && status === 200) disturbReceive(output);
    return { status, output };
  }

  /** Takes entries out of a batch, and says that they failed. */
  function losses(action: string, entries: Entry[]): { entries: Entry[]; failed: unknown[] } {
    const { partialSend, partialDelete } = proxy.profile;
    const fault = action === "SendMessageBatch"
      ? partialSend
      : action === "DeleteMessageBatch"
      ? partialDelete
      : undefined;
    if (!fault || random() >= fault.batches) return { entries, failed: [] };
    const lost = new Set(entries.filter(() => random() < fault.entries));
    // Throttles come marked as the sender's fault.
    const failed = [...lost].map(({ Id }) => ({ Id, SenderFault: true, Code: "RequestThrottled" }));
    return { entries: entries.filter((entry) => !lost.has(entry)), failed };
  }

  function disturbReceive(output: Record<string, unknown>): void {
    const messages = (output.Messages as Message[] | undefined) ?? [];
    for (const message of messages) byReceipt.set(message.ReceiptHandle, message);
    if (messages.length > 0 && random() < proxy.profile.lostReceive) {
      delete output.Messages;
      return;
    }
    const ghost = deleted[Math.floor(random() * deleted.length)];
    if (ghost && messages.length > 0 && messages.length < 10 && random() < proxy.profile.ghost) {
      messages.push(ghost);
    }
    messages.sort(() => random() - 0.5);
  }

  function noteDelivered(client: string, action: string, output: Record<string, unknown>): void {
    if (action !== "ReceiveMessage") return;
    for (const message of (output.Messages as Message[] | undefined) ?? []) {
      const ghost = deleted.includes(message);
      const { ReceiptHandle: receipt } = message;
      const id = eventId(message.Body);
      facts.push({ kind: "delivered", client, id, receipt, ghost });
      if (ghost) continue;
      const before = last.get(id);
      if (before) held.get(before.client)?.delete(before.receipt);
      held.get(client)?.add(receipt);
      last.set(id, { client, receipt });
    }
  }

  function noteDone(
    client: string,
    action: string,
    input: { Entries?: Entry[] },
    output: Record<string, unknown>,
  ): void {
    const successful = new Set(
      ((output.Successful as { Id: string }[] | undefined) ?? []).map(({ Id }) => Id),
    );
    const single = input as unknown as Entry;
    const done = input.Entries?.filter(({ Id }) => successful.has(Id)) ?? [single];
    for (const entry of done) {
      if (action.startsWith("SendMessage") && entry.MessageBody !== undefined) {
        facts.push({ kind: "stored", client, id: eventId(entry.MessageBody) });
      } else if (action.startsWith("DeleteMessage") && entry.ReceiptHandle !== undefined) {
        const message = byReceipt.get(entry.ReceiptHandle);
        for (const receipts of held.values()) receipts.delete(entry.ReceiptHandle);
        if (!message) continue;
        byReceipt.delete(entry.ReceiptHandle);
        if (deleted.length < 1_000) deleted.push(message);
        facts.push({ kind: "deleted", client, id: eventId(message.Body) });
      }
    }
  }

  async function forward(
    request: IncomingMessage,
    input: unknown,
  ): Promise<{ status: number; output: Record<string, unknown> }> {
    const headers = new Headers();
    for (const name of ["content-type", "x-amz-target", "x-amzn-query-mode", "authorization"]) {
      const value = request.headers[name];
      if (typeof value === "string") headers.set(name, value);
    }
    const response = await fetch(target, { method: "POST", headers, body: JSON.stringify(input) });
    const text = await response.text();
    return { status: response.status, output: text === "" ? {} : JSON.parse(text) };
  }
}

const THROTTLES = {
  400: "ThrottlingException",
  403: "RequestThrottled",
  429: "TooManyRequestsException",
};

/** Every event of the laboratory says in its body who it is. */
export function eventId(body: string): string {
  return (JSON.parse(body) as { key: string }).key;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8");
}

function answer(response: ServerResponse, status: number, output: unknown): void {
  const body = JSON.stringify(output);
  response.writeHead(status, {
    "content-type": "application/x-amz-json-1.0",
    "content-length": Buffer.byteLength(body),
  });
  response.end(body);
}

function truncated(response: ServerResponse, status: number, output: unknown): void {
  const body = JSON.stringify(output);
  response.writeHead(status, {
    "content-type": "application/x-amz-json-1.0",
    "content-length": Buffer.byteLength(body),
  });
  response.write(body.slice(0, Math.floor(body.length / 2)), () => response.destroy());
}
