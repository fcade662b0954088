import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { afterEach, beforeEach, describe, it } from "@std/testing/bdd";
import { type HealthServer, serveHealth } from "../../cli/health.ts";
import type { ConsumerStatus } from "../../src/consume/consumer.ts";
import { MelangeError } from "../../src/support/errors.ts";

const STATUS: ConsumerStatus = {
  queue: "q",
  health: "running",
  running: 1,
  inFlight: 2,
  received: 3,
  acknowledged: 4,
  retried: 5,
  deadLettered: 6,
  lost: 7,
  receiveErrors: 8,
  lastReceiveAt: undefined,
  lastError: undefined,
};

describe("serveHealth()", () => {
  let status = STATUS;
  let server: HealthServer;

  beforeEach(async () => {
    server = await serveHealth({ port: 0, host: "127.0.0.1", status: () => status });
  });
  afterEach(() => server.close());

  async function get(path: string) {
    const response = await fetch(server.url + path);
    return { code: response.status, body: await response.json(), response };
  }

  const codes: [ConsumerStatus["health"], health: number, ready: number][] = [
    ["running", 200, 200],
    ["draining", 200, 503],
    ["stalled", 503, 503],
    ["stopped", 503, 503],
  ];
  for (const [health, healthCode, readyCode] of codes) {
    it(`answers ${healthCode} and ${readyCode} when the worker is ${health}`, async () => {
      status = { ...STATUS, health };
      assertEquals([(await get("/health")).code, (await get("/ready")).code], [
        healthCode,
        readyCode,
      ]);
    });
  }

  it("tells the status as JSON, also where it is not well", async () => {
    for (const health of ["running", "stalled"] as const) {
      status = { ...STATUS, health };
      const { body, response } = await get("/health");
      assertEquals(body, JSON.parse(JSON.stringify(status)));
      assertEquals(response.headers.get("content-type"), "application/json");
    }
  });

  it("answers who asks by an address, localhost or a name that it knows, and nobody else", async () => {
    status = STATUS;
    const named = await serveHealth({
      port: 0,
      host: "127.0.0.1",
      names: ["Worker.internal", "billing"],
      status: () => STATUS,
    });
    const code = async (url: string, host: string) =>
      (await raw(url, `GET /health HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`)).code;
    const known = ["127.0.0.1", "127.0.0.1:80", "10.1.2.3:8080", "[::1]:80", "[fe80::1]"];
    for (const host of [...known, "localhost", "LOCALHOST:1", "localhost.", "localhost.:80"]) {
      assertEquals(await code(server.url, host), 200, host);
    }
    const others = [
      "evil.example",
      "evil.example:80",
      "localhost.evil.example",
      "127.0.0.1.nip.io",
    ];
    const odd = [
      "a@127.0.0.1",
      "[evil.example]",
      "127.0.0.1:80:80",
      "",
      "127.1",
      "worker.internal",
    ];
    for (const host of [...others, ...odd, "xlocalhost", "[::1", "[127.0.0.1]"]) {
      assertEquals(await code(server.url, host), 403, host);
    }
    for (const host of ["worker.internal", "WORKER.INTERNAL.:8080", "billing:80", "127.0.0.1"]) {
      assertEquals(await code(named.url, host), 200, host);
    }
    assertEquals(await code(named.url, "evil.example"), 403);
    await named.close();
  });

  it("tells nothing to a page of others, on no path, and answers a probe without a host", async () => {
    status = { ...STATUS, queue: "secret-queue" };
    for (const path of ["/health", "/ready", "/metrics", "/", "http://127.0.0.1/health"]) {
      const request = `GET ${path} HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n`;
      const { code, text } = await raw(server.url, request);
      assertEquals([code, text.includes("secret-queue")], [403, false], path);
    }
    assertEquals((await raw(server.url, "GET /health HTTP/1.0\r\n\r\n")).code, 200);
  });

  /** Returns the answer to a request that fetch would not send. */
  async function raw(url: string, request: string) {
    const { hostname, port } = new URL(url);
    const connection = await Deno.connect({ hostname, port: Number(port) });
    await connection.write(new TextEncoder().encode(request));
    const text = await new Response(connection.readable).text();
    return { code: Number(text.split(" ")[1]), text };
  }

  it("takes no notice of a query", async () => {
    status = STATUS;
    assertEquals((await get("/ready?verbose=1")).code, 200);
  });

  it("knows three paths only, and names them", async () => {
    for (const path of ["/", "/healthy", "/health/"]) {
      const { code, body } = await get(path);
      assertEquals([code, body], [404, { paths: ["/health", "/ready", "/metrics"] }]);
    }
  });

  it("ends connections that are kept open", async () => {
    const { hostname, port } = new URL(server.url);
    const connection = await Deno.connect({ hostname, port: Number(port) });
    await connection.write(new TextEncoder().encode("GET /health HTTP/1.1\r\n"));
    await server.close();
    const end = await connection.read(new Uint8Array(1_000)).catch(() => null);
    assertEquals(end, null);
    connection.close();
  });

  it("listens where it is told to", async () => {
    assertMatch(server.url, /^http:\/\/127\.0\.0\.1:\d+$/);
    const six = await serveHealth({ port: 0, host: "::1", status: () => STATUS });
    assertMatch(six.url, /^http:\/\/\[::1\]:\d+$/);
    await (await fetch(`${six.url}/health`)).body?.cancel();
    await six.close();
  });

  it("refuses a port that is taken, and says why", async () => {
    const port = Number(new URL(server.url).port);
    const error = await assertRejects(
      () => serveHealth({ port, host: "127.0.0.1", status: () => STATUS }),
      MelangeError,
      `127.0.0.1:${port}`,
    );
    assertEquals(error.code, "CONFIGURATION");
    assertMatch(String((error.cause as Error).message), /EADDRINUSE|in use/i);
  });
});
