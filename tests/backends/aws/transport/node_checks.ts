/**
 * Run on Node: servers with bad manners, and both `nodeFetch()` and the fetch of Node that have to do with
 * them. Prints one line a check, with what came of either.
 */
import { createServer } from "node:net";
import { createServer as createHttpServer } from "node:http";
import { AwsBackend } from "../../../../backends/aws/mod.ts";
import { nodeFetch } from "../../../../backends/aws/transport/node.ts";

const builtIn = globalThis.fetch;
const ours = nodeFetch({ maxConnections: 4 });
let fetch = ours;

/** Answers every connection with these bytes, once it has heard something. */
async function withRaw(
  answer: (write: (text: string) => void, end: () => void) => void,
  use: (url: string) => Promise<unknown>,
): Promise<unknown> {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", () => answer((text) => socket.write(text), () => socket.destroy()));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  const result = await use(`http://127.0.0.1:${port}/`).catch((error) => error);
  server.close();
  return result;
}

const post = (url: string, init: RequestInit = {}) =>
  fetch(url, { method: "POST", body: "body", redirect: "manual", ...init });
const textOf = (url: string) => post(url).then((answer) => answer.text());
const shown = (value: unknown) =>
  value instanceof Error
    ? `${value.name} ${(value.cause as { code?: string })?.code ?? value.message}`
    : value;

async function echo(use: (url: string) => Promise<unknown>): Promise<unknown> {
  let connections = 0;
  const server = createHttpServer((request, response) => {
    const pieces: Uint8Array[] = [];
    request.on("data", (piece) => pieces.push(piece));
    request.on("end", () => {
      const { method, url, headers } = request;
      if (url === "/redirect") response.writeHead(302, { location: "http://127.0.0.1:1/" });
      if (url === "/nothing") response.writeHead(204);
      if (url === "/large") return void response.end("é".repeat(500_000));
      const body = String(pieces.map((piece) => new TextDecoder().decode(piece)).join(""));
      response.end(
        url === "/nothing"
          ? undefined
          : JSON.stringify({ method, url, body, headers, connections }),
      );
    });
  });
  server.on("connection", () => connections += 1);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  const result = await use(`http://127.0.0.1:${port}`).catch((error) => error);
  server.closeAllConnections();
  server.close();
  return result;
}

const checks: Record<string, () => Promise<unknown>> = {
  body: () =>
    echo(async (url) => {
      const sent = await post(`${url}/a?b=1`, { body: "é🙂", headers: { "x-a": "1" } });
      const { method, url: path, body, headers } = await sent.json();
      return [sent.status, sent.ok, method, path, body, headers["x-a"], headers["content-length"]];
    }),
  bytes: () =>
    echo(async (url) => {
      const body = new TextEncoder().encode("bytes");
      const headers = new Headers({ "x-a": "2" });
      const sent = await (await post(url, { body, headers })).json();
      const other = await (await fetch(
        new Request(url, { method: "PUT", body: new URLSearchParams({ a: "b" }) }),
      )).json();
      const get = await (await fetch(new URL(url))).json();
      return [sent.body, sent.headers["x-a"], other.method, other.body, get.method, get.body];
    }),
  kept: () =>
    echo(async (url) => {
      for (let n = 0; n < 5; n++) await (await post(url)).text();
      return (await (await post(url)).json()).connections;
    }),
  redirect: () => echo(async (url) => (await post(`${url}/redirect`)).status),
  nothing: () =>
    echo(async (
      url,
    ) => [(await post(`${url}/nothing`)).status, await (await post(`${url}/nothing`)).text()]),
  large: () => echo(async (url) => (await (await post(`${url}/large`)).text()).length),
  refused: () => post("http://127.0.0.1:1/").catch((error) => error),
  scheme: () => post("file:///etc/hostname").catch((error) => error),
  header: () => echo((url) => post(url, { headers: { "x-a": "a\r\nx-b: c" } })),
  garbage: () => withRaw((write, end) => (write("SMTP ready\r\n\r\n"), end()), textOf),
  status: () => withRaw((write) => write("HTTP/1.1 999 Odd\r\ncontent-length: 0\r\n\r\n"), textOf),
  hangUp: () => withRaw((_, end) => end(), textOf),
  headHangs: () =>
    withRaw(
      (write) => write("HTTP/1.1 200 OK\r\ncontent-le"),
      (url) => post(url, { signal: AbortSignal.timeout(50) }),
    ),
  short: () =>
    withRaw(
      (
        write,
        end,
      ) => (write("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf"), setTimeout(end, 20)),
      textOf,
    ),
  chunks: () =>
    withRaw(
      (
        write,
        end,
      ) => (write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n"),
        setTimeout(end, 20)),
      textOf,
    ),
  badChunks: () =>
    withRaw(
      (write) => write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nhalf\r\n"),
      textOf,
    ),
  twoLengths: () =>
    withRaw(
      (write) => write("HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab"),
      textOf,
    ),
  compressed: () =>
    withRaw(
      (write) => write("HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 2\r\n\r\nab"),
      textOf,
    ),
  longHead: () =>
    withRaw((write) => write(`HTTP/1.1 200 OK\r\nx: ${"y".repeat(99_999)}\r\n\r\n`), textOf),
  abortBefore: () =>
    post("http://127.0.0.1:1/", { signal: AbortSignal.abort("mine") }).catch((reason) => reason),
  abortBody: () =>
    withRaw(
      (write) => write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n"),
      async (url) => {
        const controller = new AbortController();
        const answer = await post(url, { signal: controller.signal });
        setTimeout(() => controller.abort("mine"), 20);
        return await answer.text().catch((reason) => reason);
      },
    ),
  endless: () =>
    withRaw((write) => {
      write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
      for (let n = 0; n < 20; n++) write(`100000\r\n${"x".repeat(1 << 20)}\r\n`);
    }, async (url) => {
      const reader = (await post(url)).body!.getReader();
      await reader.read();
      await reader.cancel();
      return "cancelled";
    }),
  backend: async () => {
    const result = await withRaw(
      (_, end) => end(),
      (endpoint) =>
        new AwsBackend({
          endpoint,
          region: "eu-west-1",
          fetch,
          credentials: { accessKeyId: "A", secretAccessKey: "S" },
        })
          .send({ queue: "https://sqs.eu-west-1.amazonaws.com/123456789012/q" }, [{
            body: "b",
            attributes: {},
          }]),
    );
    return (result as { code?: string }).code;
  },
};

for (const [name, check] of Object.entries(checks)) {
  const results = [];
  for (fetch of [ours, builtIn]) results.push(shown(await check().catch((error) => error)));
  console.log(JSON.stringify([name, ...results]));
}
