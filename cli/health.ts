import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { MelangeError } from "../src/support/errors.ts";
import { UsageError } from "./arguments.ts";
import { isAskedHost } from "./asked_host.ts";
import type { ConsumerStatus } from "../src/consume/consumer.ts";
import { PROMETHEUS_TYPE, prometheusText } from "../src/operate/prometheus.ts";

const MAX_PORT = 65_535;

/** Options of {@linkcode serveHealth}. */
export interface HealthOptions {
  /** The port; 0 takes a free one. */
  port: number;
  /** The address to listen on. */
  host: string;
  /** The names that may be asked by, beside addresses, localhost and `host`. Default: none. */
  names?: readonly string[] | undefined;
  /** Returns the status that is told. */
  status: () => ConsumerStatus;
}

/** A server that tells how a worker is. */
export interface HealthServer {
  /** The address of the server. */
  readonly url: string;
  /** Ends the server, and all connections. */
  close(): Promise<void>;
}

/**
 * Answers `/health` with 200 as long as the worker runs or drains, and `/ready` with 200 as long as
 * the worker runs; else 503. The body is the status as JSON: counts and codes, nothing of any
 * message. Answers `/metrics` with the counts in the text format of Prometheus. A request for the name of another host gets a 403, so that no foreign page can read the
 * status.
 * @throws {MelangeError} `CONFIGURATION` if the port is taken
 */
export async function serveHealth(options: HealthOptions): Promise<HealthServer> {
  const names = [options.host, ...options.names ?? []];
  const server = createServer((request, response) => {
    if (!isAskedHost(request.headers.host, names)) {
      response.writeHead(403, { "content-type": "application/json" });
      response.end('{"error":"the host is not known: name it with --health-name"}');
      return;
    }
    const [path] = (request.url ?? "").split("?");
    const status = options.status();
    if (path === "/metrics") {
      response.writeHead(200, { "content-type": PROMETHEUS_TYPE });
      response.end(prometheusText([status]));
      return;
    }
    const code = codeOf(path, status.health);
    response.writeHead(code, { "content-type": "application/json" });
    response.end(
      code === 404 ? '{"paths":["/health","/ready","/metrics"]}' : JSON.stringify(status),
    );
  });
  await listen(server, options);
  const { address, port, family } = server.address() as AddressInfo;
  return {
    url: `http://${family === "IPv6" ? `[${address}]` : address}:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/**
 * Refuses an invalid port.
 * @throws {UsageError}
 */
export function checkPort(port: number | undefined): void {
  if (port === undefined || port <= MAX_PORT) return;
  throw new UsageError(
    `Cannot use --health-port as it takes 0 to ${MAX_PORT}: current value is ${port}`,
  );
}

function codeOf(path: string | undefined, health: ConsumerStatus["health"]): number {
  if (path === "/ready") return health === "running" ? 200 : 503;
  if (path === "/health") return health === "running" || health === "draining" ? 200 : 503;
  return 404;
}

function listen(server: Server, { port, host }: HealthOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("listening", () => resolve());
    server.once("error", (cause) => {
      const message =
        `Cannot answer health checks on ${host}:${port}: choose another --health-port or --health-host`;
      reject(new MelangeError("CONFIGURATION", message, { cause }));
    });
    server.listen(port, host);
  });
}
