/** A server on `node:http`, which Deno, Node.js and Bun have alike. */
import { Buffer } from "node:buffer";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import {
  addressOf,
  type EmulatorAnswer,
  type Incoming,
} from "../../backends/aws/emulator/http/incoming.ts";
import { MelangeError } from "../../src/support/errors.ts";

/** A request of SQS carries 1 MiB of text, which takes up to three times as much in a form. */
const MAX_BODY_BYTES = 8 * 1_024 * 1_024;

const decoder = new TextDecoder();

/** Options of {@linkcode serveHttp}. */
export interface HttpOptions {
  /** The port; 0 takes a free one. */
  readonly port: number;
  /** The address to listen on. */
  readonly host: string;
  /** Answers a request. The signal of the request aborts when who asked has gone. */
  readonly handle: (request: Incoming, body: string) => EmulatorAnswer | Promise<EmulatorAnswer>;
}

/** A server that runs. */
export interface HttpServer {
  /** The address of the server, without a slash at its end. */
  readonly url: string;
  /** Ends the server, and all connections. */
  close(): Promise<void>;
}

/**
 * Starts a server.
 * @throws {MelangeError} `CONFIGURATION` if the server cannot listen there
 */
export async function serveHttp({ port, host, handle }: HttpOptions): Promise<HttpServer> {
  const server = createServer((request, response) => void respond(request, response, handle));
  await listen(server, { port, host });
  return {
    url: urlOf(server.address() as AddressInfo),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function listen(server: Server, { port, host }: { port: number; host: string }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("listening", () => resolve());
    server.once("error", (cause: Error & { code?: string }) => {
      const why = cause.code === "EADDRINUSE"
        ? "something listens there already: pass --port N, or --port 0 for a free one"
        : "the address cannot be used: choose another --port or --host";
      const message = `Cannot listen on ${host}:${port} as ${why}`;
      reject(new MelangeError("CONFIGURATION", message, { cause }));
    });
    server.listen(port, host);
  });
}

function urlOf({ address, port, family }: AddressInfo): string {
  return `http://${family === "IPv6" ? `[${address}]` : address}:${port}`;
}

async function respond(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  handle: HttpOptions["handle"],
): Promise<void> {
  try {
    const request = requestOf(incoming, outgoing);
    const { status, headers, body } = typeof request === "string"
      ? { status: 400, headers: {}, body: request }
      : await answerTo(incoming, request, handle);
    if (outgoing.destroyed) return;
    // As text, the body goes out with the headers in one write.
    outgoing.writeHead(status, { ...headers, "content-length": Buffer.byteLength(body) });
    outgoing.end(body);
  } catch {
    // Who asked has gone, or the handler threw: the connection is all that can tell.
    outgoing.destroy();
  }
}

async function answerTo(
  incoming: IncomingMessage,
  request: Incoming,
  handle: HttpOptions["handle"],
): Promise<EmulatorAnswer> {
  const body = await bodyOf(incoming);
  if (body === undefined) return { status: 413, headers: {}, body: "the body is too long\n" };
  return await handle(request, body);
}

/** A request without its body; a text tells why it is none. */
function requestOf(incoming: IncomingMessage, outgoing: ServerResponse): Incoming | string {
  const { method = "GET", url: path = "/", headers } = incoming;
  if (!path.startsWith("/")) return "the path must begin with /\n";
  const url = `http://${headers.host ?? "localhost"}${path}`;
  if (!isAddress(url)) return "the host is none\n";
  let signal: AbortSignal | undefined;
  const get = (name: string) => {
    const value = headers[name];
    return Array.isArray(value) ? value.join(", ") : value ?? null;
  };
  return {
    method,
    url,
    headers: { get, has: (name) => headers[name] !== undefined },
    get signal() {
      return signal ??= signalOf(outgoing);
    },
  };
}

/** Requests repeat their addresses, and most are looked at only once. */
function isAddress(url: string): boolean {
  try {
    return addressOf(url).href !== "";
  } catch {
    return false;
  }
}

/** Aborts when the connection ends before the answer. */
function signalOf(outgoing: ServerResponse): AbortSignal {
  const gone = new AbortController();
  const leave = () => {
    if (!outgoing.writableEnded) gone.abort();
  };
  if (outgoing.destroyed) leave();
  else outgoing.once("close", leave);
  return gone.signal;
}

function bodyOf(incoming: IncomingMessage): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const chunks: Uint8Array[] = [];
    let size = 0;
    incoming.on("data", (chunk: Uint8Array) => {
      size += chunk.length;
      if (size <= MAX_BODY_BYTES) chunks.push(chunk);
    });
    incoming.once("error", reject);
    incoming.once("close", () => reject(new Error("The request ended before its body")));
    incoming.once("end", () => {
      if (size > MAX_BODY_BYTES) return resolve(undefined);
      const [first, ...more] = chunks;
      const whole = first && more.length === 0 ? first : Buffer.concat(chunks);
      resolve(decoder.decode(whole));
    });
  });
}
