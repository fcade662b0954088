/**
 * A minimal SQS, SNS and STS in a process of its own, at a free port of 127.0.0.1. It counts
 * requests exactly, answers digests as AWS does, and checks nothing: no signature, no name, no lock.
 * A bench steers it by `POST /bench/reset`, `/bench/end`, `/bench/deleted` and `/bench/counts`.
 */
import { answerQuery, answerSqs, type Stage } from "./actions.ts";
import { countRequest, type Counts, createCounts } from "./counts.ts";
import { createStubQueue, type Sent, type StubQueue } from "./queue.ts";
import type { StubSettings } from "./settings.ts";

/** How long `/bench/deleted` waits, in milliseconds. */
const PATIENCE_MS = 60_000;
/** A receive that is on its way comes within this time, in milliseconds. */
const QUIET_MS = 25;
/** How long `/bench/end` waits for that, in milliseconds. */
const QUIET_PATIENCE_MS = 5_000;

interface State {
  counts: Counts;
  queue: StubQueue;
  settings: StubSettings;
  deleted: number;
  drip: ReturnType<typeof setInterval> | undefined;
}

let last: Sent | undefined;
let awaited: { readonly count: number; readonly done: () => void } | undefined;
let state: State = newState({});
/** Requests that have no answer yet. */
let open = 0;
let lastRequestAt = 0;

Deno.serve({
  hostname: "127.0.0.1",
  port: 0,
  onListen: ({ port }) => console.log(`listens on http://127.0.0.1:${port}`),
}, async (request) => {
  const { pathname } = new URL(request.url);
  const text = await request.text();
  return pathname.startsWith("/bench/") ? await steer(pathname, text) : await serve(request, text);
});

function newState(settings: StubSettings): State {
  const queue = createStubQueue();
  const fresh: State = { counts: createCounts(), queue, settings, deleted: 0, drip: undefined };
  const { backlog = 0, drip } = settings;
  if (backlog > 0) queue.fill(template(), backlog);
  if (drip) {
    const message = template();
    let added = 0;
    fresh.drip = setInterval(() => {
      queue.add(message);
      if (++added >= drip.count) clearInterval(fresh.drip);
    }, drip.everyMs);
  }
  return fresh;
}

function template(): Sent {
  if (last) return last;
  throw new Error("Cannot fill the queue as no message was sent before");
}

async function steer(pathname: string, text: string): Promise<Response> {
  switch (pathname) {
    case "/bench/reset":
      clearInterval(state.drip);
      state.queue.end();
      state = newState(JSON.parse(text));
      return Response.json({});
    case "/bench/end":
      clearInterval(state.drip);
      state.queue.end();
      return Response.json({ quiet: await quiet() });
    case "/bench/deleted":
      return Response.json({ deleted: await deleted(Number(text)) });
    case "/bench/counts":
      return Response.json(state.counts);
  }
  return new Response("No such path", { status: 404 });
}

/** Resolves when so many messages have been deleted since the reset, or when nobody waits longer. */
function deleted(count: number): Promise<number> {
  const watched = state;
  if (watched.deleted >= count) return Promise.resolve(watched.deleted);
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      awaited = undefined;
      resolve(watched.deleted);
    };
    const timer = setTimeout(done, PATIENCE_MS);
    awaited = { count, done };
  });
}

/** Resolves when nobody has asked anything for a moment; to `false` if that does not come about. */
async function quiet(): Promise<boolean> {
  const deadline = performance.now() + QUIET_PATIENCE_MS;
  while (performance.now() < deadline) {
    if (open === 0 && performance.now() - lastRequestAt > QUIET_MS) return true;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return false;
}

async function serve(request: Request, text: string): Promise<Response> {
  open++;
  try {
    return await answer(request, text);
  } finally {
    open--;
    lastRequestAt = performance.now();
  }
}

async function answer(request: Request, text: string): Promise<Response> {
  const { counts, queue, settings } = state;
  const target = request.headers.get("x-amz-target")?.split(".").at(-1);
  const action = target ?? /(?:^|&)Action=(\w+)/.exec(text)?.[1] ?? "";
  countRequest(counts, action, request.headers.has("authorization"));
  const current = state;
  const stage: Stage = {
    counts,
    queue,
    keeps: settings.keeps ?? false,
    onSent: (sent) => last = sent,
    onDeleted: (count) => {
      current.deleted += count;
      if (current === state && awaited && current.deleted >= awaited.count) awaited.done();
    },
  };
  const answered = target ? await answerSqs(action, text, stage) : answerQuery(action, text, stage);
  if (settings.rttMs) await new Promise((resolve) => setTimeout(resolve, settings.rttMs));
  if (answered === undefined) return new Response(`No such action: ${action}`, { status: 400 });
  const type = target ? "application/x-amz-json-1.0" : "text/xml";
  return new Response(answered, { headers: { "content-type": type, "x-amzn-requestid": "1" } });
}
