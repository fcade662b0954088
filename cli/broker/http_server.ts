/** A server of `fetch` handlers on `node:http`, which Deno, Node.js and Bun have alike. */
import { Buffer } from "node:buffer";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { MelangeError } from "../../src/support/errors.ts";

/** A request of SQS carries 1 MiB of text, which takes up to three times as much in a form. */
const MAX_BODY_BYTES = 8 * 1_024 * 1_024;

/** Options of {@linkcode serveHttp}. */
export interface HttpOptions {
  /** The port; 0 takes a free one. */
  readonly port: number;
  /** The address to listen on. */
  readonly host: string;
  /** Answers a request. The signal of the request aborts when who asked has gone. */
  readonly handle: (request: Request) => Response | Promise<Response>;
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
  const gone = new AbortController();
  const leave = () => {
    if (!outgoing.writableEnded) gone.abort();
  };
  outgoing.once("close", leave);
  try {
    const response = await answer(incoming, gone.signal, handle);
    const body = Buffer.from(await response.arrayBuffer());
    if (gone.signal.aborted) return;
    outgoing.writeHead(response.status, {
      ...Object.fromEntries(response.headers),
      "content-length": String(body.length),
    });
    outgoing.end(body);
  } catch {
    // Who asked has gone, or the handler threw: the connection is all that can tell.
    outgoing.destroy();
  }
}

async function answer(
  incoming: IncomingMessage,
  signal: AbortSignal,
  handle: HttpOptions["handle"],
): Promise<Response> {
  const { method = "GET", url = "/", headers } = incoming;
  if (!url.startsWith("/")) return new Response("the path must begin with /\n", { status: 400 });
  const body = await bodyOf(incoming);
  if (body === undefined) return new Response("the body is too long\n", { status: 413 });
  const address = `http://${headers.host ?? "localhost"}${url}`;
  if (!URL.canParse(address)) return new Response("the host is none\n", { status: 400 });
  const isBare = method === "GET" || method === "HEAD";
  return await handle(
    new Request(address, {
      method,
      headers: headersOf(incoming),
      signal,
      ...(isBare ? {} : { body }),
    }),
  );
}

async function bodyOf(incoming: IncomingMessage): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of incoming) {
    size += chunk.length;
    if (size <= MAX_BODY_BYTES) chunks.push(chunk);
  }
  return size > MAX_BODY_BYTES ? undefined : new Uint8Array(Buffer.concat(chunks));
}

function headersOf({ rawHeaders }: IncomingMessage): [string, string][] {
  const pairs: [string, string][] = [];
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    pairs.push([rawHeaders[at] ?? "", rawHeaders[at + 1] ?? ""]);
  }
  return pairs;
}
