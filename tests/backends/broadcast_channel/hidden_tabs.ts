/**
 * Tabs that nobody looks at, in a real Chromium: to playwright each tab is visible, so that these are
 * opened through the DevTools protocol itself.
 */
import { start } from "../../../tasks/process.ts";
import { within } from "../../wait.ts";
import { EXECUTABLE, FLAGS, requireChromium } from "./chromium.ts";
import type { Thread } from "./workers/runtime.ts";

/** A Chromium whose visible tab is empty. */
export interface HiddenTabs {
  /** Opens a hidden tab with the worker in it. */
  open(): Promise<HiddenTab>;
  close(): Promise<void>;
}

/** A tab that nobody looks at; `pause` freezes it, as Chromium does to save energy. */
export interface HiddenTab extends Thread {
  /** `hidden`, if all is well. */
  visibility(): Promise<string>;
  /** The times between the last fires of a timer of 10 ms, in milliseconds; the last one goes on. */
  timerGaps(): Promise<number[]>;
}

/** An event of the DevTools protocol. */
interface DevToolsEvent {
  readonly method: string;
  readonly params: Readonly<Record<string, unknown>>;
  readonly sessionId?: string;
}

interface DevTools {
  send<T>(method: string, params?: object, sessionId?: string): Promise<T>;
  readonly listeners: Set<(event: DevToolsEvent) => void>;
  close(): void;
}

/** How long Chromium may take for an answer, in milliseconds. */
const ANSWER_MS = 60_000;

const PAGE = `<!doctype html><title>hidden</title><script>
  globalThis.report = (message) => sendReport(JSON.stringify(message));
  const fires = [];
  const fire = () => {
    fires.push(performance.now());
    setTimeout(fire, 10);
  };
  fire();
  globalThis.timerGaps = () => {
    const times = [...fires.slice(-4), performance.now()];
    return times.slice(1).map((time, place) => Math.round(time - times[place]));
  };
</script><script type="module" src="worker.js"></script>`;

/** Starts Chromium, which throttles timers as it does for everybody. */
export async function startHiddenTabs(worker: string): Promise<HiddenTabs> {
  await requireChromium();
  const profile = await Deno.makeTempDir();
  const args = [...FLAGS, "--remote-debugging-port=0", `--user-data-dir=${profile}`, "about:blank"];
  const chromium = start(EXECUTABLE, args);
  const [, address = ""] = await chromium.line(/DevTools listening on (ws:\S+)/, {
    from: "stderr",
  });
  const tools = await connect(address);
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, ({ url }) => {
    const isScript = url.endsWith("/worker.js");
    const type = isScript ? "text/javascript" : "text/html";
    return new Response(isScript ? worker : PAGE, {
      headers: { "content-type": `${type}; charset=utf-8` },
    });
  });
  return {
    open: () => openHiddenTab(tools, `http://127.0.0.1:${server.addr.port}/`),
    close: async () => {
      await tools.send("Browser.close");
      await chromium.ended();
      tools.close();
      await server.shutdown();
      await Deno.remove(profile, { recursive: true });
    },
  };
}

async function connect(address: string): Promise<DevTools> {
  const socket = new WebSocket(address);
  const opened = new Promise((resolve, reject) => {
    socket.onopen = resolve;
    socket.onerror = reject;
  });
  await within(opened, { what: `an answer of ${address}` });
  const listeners: DevTools["listeners"] = new Set();
  const calls = new Map<number, PromiseWithResolvers<unknown>>();
  socket.onmessage = ({ data }) => {
    const message = JSON.parse(data);
    const call = calls.get(message.id);
    calls.delete(message.id);
    if (!call) return listeners.forEach((listener) => listener(message));
    if (message.error) call.reject(new Error(message.error.message));
    else call.resolve(message.result);
  };
  let last = 0;
  function send<T>(method: string, params: object = {}, sessionId?: string): Promise<T> {
    const call = Promise.withResolvers<unknown>();
    calls.set(++last, call);
    socket.send(JSON.stringify({ id: last, method, params, sessionId }));
    const answer = call.promise as Promise<T>;
    return within(answer, { what: `Chromium's answer to ${method}`, ms: ANSWER_MS });
  }
  return { send, listeners, close: () => socket.close() };
}

async function openHiddenTab(tools: DevTools, url: string): Promise<HiddenTab> {
  const created = { url: "about:blank", background: true };
  const { targetId } = await tools.send<{ targetId: string }>("Target.createTarget", created);
  const attach = { targetId, flatten: true };
  const { sessionId } = await tools.send<{ sessionId: string }>("Target.attachToTarget", attach);
  const send = <T>(method: string, params?: object) => tools.send<T>(method, params, sessionId);
  const evaluate = async <T>(expression: string) => {
    const asked = { expression, returnByValue: true };
    return (await send<{ result: { value: T } }>("Runtime.evaluate", asked)).result.value;
  };
  await send("Page.enable");
  await send("Runtime.enable");
  await send("Runtime.addBinding", { name: "sendReport" });
  const isLoaded = next(tools, "Page.loadEventFired", sessionId);
  await send("Page.navigate", { url });
  await isLoaded;
  return {
    post: (message) => {
      // Fails if the tab has been closed.
      evaluate(`receiveCommand(${JSON.stringify(message)})`).catch(() => {});
    },
    listen: (listener) => {
      tools.listeners.add(({ method, params, sessionId: from }) => {
        if (method !== "Runtime.bindingCalled" || from !== sessionId) return;
        listener(JSON.parse(String(params.payload)));
      });
    },
    terminate: () => void tools.send("Target.closeTarget", { targetId }).catch(() => {}),
    pause: async (isPaused) => {
      await send("Page.setWebLifecycleState", { state: isPaused ? "frozen" : "active" });
    },
    visibility: () => evaluate("document.visibilityState"),
    timerGaps: () => evaluate("timerGaps()"),
  };
}

function next({ listeners }: DevTools, method: string, sessionId: string): Promise<void> {
  const happened = new Promise<void>((resolve) => {
    const listener = (event: DevToolsEvent) => {
      if (event.method !== method || event.sessionId !== sessionId) return;
      listeners.delete(listener);
      resolve();
    };
    listeners.add(listener);
  });
  return within(happened, { what: method, ms: ANSWER_MS });
}
