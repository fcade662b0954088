/** What an invocation came to. */
export interface Invoked {
  /** The last part of the path that the runtime posted to: `response` or `error`. */
  readonly path: string;
  readonly body: unknown;
}

/** The Runtime API of Lambda, on this machine. */
export interface RuntimeApi {
  /** What the runtime finds in `AWS_LAMBDA_RUNTIME_API`. */
  readonly address: string;
  /** Hands an event to the runtime that asks next; resolves to what it answers. */
  invoke(event: unknown, options?: { timeoutMs?: number }): Promise<Invoked>;
  close(): Promise<void>;
}

interface Invocation {
  readonly id: string;
  readonly event: unknown;
  readonly timeoutMs: number;
  readonly resolve: (invoked: Invoked) => void;
}

/** Serves the API. https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html */
export function serveRuntimeApi(): RuntimeApi {
  const waiting: Invocation[] = [];
  const started = new Map<string, Invocation>();
  let asked: (() => void) | undefined;

  const next = async () => {
    if (waiting.length === 0) await new Promise<void>((resolve) => asked = resolve);
    const invocation = waiting.shift();
    if (!invocation) return new Response(null, { status: 410 });
    started.set(invocation.id, invocation);
    const deadline = Date.now() + invocation.timeoutMs;
    return Response.json(invocation.event, {
      headers: {
        "lambda-runtime-aws-request-id": invocation.id,
        "lambda-runtime-deadline-ms": String(deadline),
      },
    });
  };
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
    const [, id = "", path = ""] =
      /^\/2018-06-01\/runtime\/invocation\/([\w-]+)\/?(\w*)$/.exec(new URL(request.url).pathname) ??
        [];
    if (id === "next") return await next();
    started.get(id)?.resolve({ path, body: await request.json() });
    return new Response(null, { status: started.delete(id) ? 202 : 404 });
  });

  return {
    address: `127.0.0.1:${server.addr.port}`,
    invoke: (event, { timeoutMs = 30_000 } = {}) =>
      new Promise((resolve) => {
        waiting.push({ id: crypto.randomUUID(), event, timeoutMs, resolve });
        asked?.();
      }),
    async close() {
      asked?.();
      await server.shutdown();
    },
  };
}
