import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { afterEach, beforeEach, describe, it } from "@std/testing/bdd";
import { type HealthServer, serveHealth } from "../../cli/health.ts";
import type { ConsumerStatus } from "../../src/consumer.ts";
import { MelangeError } from "../../src/errors.ts";

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

  it("takes no notice of a query", async () => {
    status = STATUS;
    assertEquals((await get("/ready?verbose=1")).code, 200);
  });

  it("knows two paths only, and names them", async () => {
    for (const path of ["/", "/healthy", "/health/"]) {
      const { code, body } = await get(path);
      assertEquals([code, body], [404, { paths: ["/health", "/ready"] }]);
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
