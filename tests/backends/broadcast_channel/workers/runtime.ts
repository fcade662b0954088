/** What differs between the workers of Deno, Bun and Node. */

/** The other end of a worker. */
export interface Port {
  post(message: unknown): void;
  listen(listener: (message: unknown) => void): void;
}

/** A worker that can be ended without warning. */
export interface Thread extends Port {
  terminate(): void;
  /** Stops it, and lets it go on; only tabs can be told so. */
  pause?(isPaused: boolean): Promise<void>;
}

interface Scope {
  Deno?: { memoryUsage(): { heapUsed: number }; exit(code: number): never };
  Bun?: { gc(force: boolean): void };
  process?: {
    versions: Record<string, string>;
    memoryUsage(): { heapUsed: number };
    exit(code: number): never;
  };
  gc?(): void;
  performance: { memory?: { usedJSHeapSize: number } };
  /** In a page: what the test put there, and calls. */
  report?(message: unknown): Promise<void>;
  receiveCommand?: (message: unknown) => void;
  postMessage?(message: unknown): void;
  onmessage?: ((event: MessageEvent) => void) | null;
}

interface NodeWorker {
  postMessage(message: unknown): void;
  on(name: string, listener: (message: unknown) => void): void;
  terminate(): Promise<number>;
}

interface WorkerThreads {
  Worker: new (url: URL) => NodeWorker;
  parentPort: NodeWorker;
}

const scope = globalThis as unknown as Scope;

/** `deno`, `bun`, `node` or `page`. */
export const runtimeName: string = scope.Deno
  ? "deno"
  : scope.Bun
  ? "bun"
  : scope.process
  ? "node"
  : "page";

/** Starts a worker. */
export async function startThread(url: URL): Promise<Thread> {
  if (runtimeName !== "node") {
    const worker = new Worker(url, { type: "module" });
    worker.onerror = (event) => console.log("a worker failed:", event.message);
    return {
      post: (message) => worker.postMessage(message),
      listen: (listener) => void (worker.onmessage = ({ data }) => listener(data)),
      terminate: () => worker.terminate(),
    };
  }
  const { Worker: NodeThread } = await workerThreads();
  const worker = new NodeThread(url);
  worker.on("error", (error) => console.log("a worker failed:", error));
  return {
    post: (message) => worker.postMessage(message),
    listen: (listener) => worker.on("message", listener),
    terminate: () => void worker.terminate(),
  };
}

/** The end of the one who started this worker. */
export async function parentPort(): Promise<Port> {
  if (runtimeName === "page") {
    return {
      post: (message) => void scope.report?.(message),
      listen: (listener) => void (scope.receiveCommand = listener),
    };
  }
  if (runtimeName !== "node") {
    return {
      post: (message) => scope.postMessage?.(message),
      listen: (listener) => void (scope.onmessage = ({ data }) => listener(data)),
    };
  }
  const { parentPort } = await workerThreads();
  return {
    post: (message) => parentPort.postMessage(message),
    listen: (listener) => parentPort.on("message", listener),
  };
}

/** Not a literal, so that a bundler for browsers leaves it alone. */
function workerThreads(): Promise<WorkerThreads> {
  const name = ["node", "worker_threads"].join(":");
  return import(name);
}

/** The bytes that the objects of this thread take, after a collection where that can be asked for. */
export function heapUsed(): number {
  scope.Bun?.gc(true);
  scope.gc?.();
  scope.gc?.();
  return (scope.Deno ?? scope.process)?.memoryUsage().heapUsed ??
    scope.performance.memory?.usedJSHeapSize ?? 0;
}

/** Ends the process. */
export function exit(code: number): void {
  (scope.Deno ?? scope.process)?.exit(code);
}

/** Waits. */
export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
