/**
 * The part of `BroadcastChannel` that is used. Another one, such as a fake for tests, delivers a
 * structured clone to every other channel of the same name, in the order of each sender, or loses it.
 */
export interface BroadcastChannelLike {
  /** Is called with each message that arrives. */
  onmessage: ((event: MessageEvent) => void) | null;
  /** Sends to all others. */
  postMessage(message: unknown): void;
  /** Ends it. */
  close(): void;
}

/** The part of the Web Locks API that is used. */
export interface LocksLike {
  /** Runs `callback` while it holds the lock of this name. */
  request(
    name: string,
    options: { steal?: boolean; signal?: AbortSignal },
    callback: () => Promise<void>,
  ): Promise<unknown>;
}

/** The channel of the runtime. */
export function openBroadcastChannel(name: string): BroadcastChannelLike {
  return new BroadcastChannel(name);
}

/** The Web Locks of the runtime; there are none in Bun, in Node before 24, and on insecure pages. */
export function runtimeLocks(): LocksLike | undefined {
  const { navigator } = globalThis as { navigator?: { locks?: LocksLike } };
  return navigator?.locks;
}
