import type { HandlerContext } from "../../src/handle/handler.ts";

/** What a handler is told, without a host. */
export function contextOf(own: Partial<HandlerContext> = {}): HandlerContext {
  return {
    message: { id: "m-1", body: "", attributes: {}, sentAt: new Date(0), attempt: 1 },
    attempt: 1,
    queue: "q",
    receivedAt: new Date(0),
    signal: new AbortController().signal,
    logger: { debug() {}, info() {}, warn() {}, error() {} },
    extend: () => Promise.resolve(),
    ...own,
  };
}
