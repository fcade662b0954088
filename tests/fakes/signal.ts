/** How many listeners a signal has, and how many were ever added. */
export interface ListenerCount {
  readonly now: number;
  readonly added: number;
}

/** Counts the listeners of a signal from now on; one that was called once counts no more. */
export function countListeners(signal: AbortSignal): ListenerCount {
  const listening = new Set<unknown>();
  const count = {
    added: 0,
    get now() {
      return listening.size;
    },
  };
  const { addEventListener, removeEventListener } = signal;
  signal.addEventListener = function (type: string, listener: unknown, ...options: never[]) {
    listening.add(listener);
    count.added += 1;
    addEventListener.call(signal, type, listener as EventListener, ...options);
  };
  signal.removeEventListener = function (type: string, listener: unknown, ...options: never[]) {
    listening.delete(listener);
    removeEventListener.call(signal, type, listener as EventListener, ...options);
  };
  addEventListener.call(signal, "abort", () => listening.clear());
  return count;
}
