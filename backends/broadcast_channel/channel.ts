/**
 * The part of `BroadcastChannel` that is used. Another one, such as a fake for tests, delivers a
 * structured clone to every other channel of the same name, in the order of each sender, or loses it.
 */
export interface BroadcastChannelLike {
  /** Is called with each message that arrives. */
  onmessage: ((event: MessageEvent) => void) | null;
  /** Is called when something arrived that cannot be read: a sign that the channel is broken. */
  onmessageerror?: ((event: MessageEvent) => void) | null;
  /** Sends to all others; throws if the channel is dead. */
  postMessage(message: unknown): void;
  /** Ends it. */
  close(): void;
  /** Lets the process end though it is open, where it would keep it running. */
  unref?(): unknown;
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

/** What is looked at to find the Web Locks. */
export interface LocksScope {
  readonly navigator?: { readonly locks?: LocksLike; readonly userAgent?: string };
}

/** How browsers and Deno name themselves: where Web Locks are known to be sound. */
const SOUND = /^(Mozilla|Deno)\//;

/**
 * The Web Locks of the runtime, where they are known to be sound: in browsers and in Deno. Those of
 * Node 24 (24.21.0, with four workers or more) burn a core, fill the memory and end the process.
 * https://github.com/nodejs/node/issues/62644
 * Bun, Node before 24 and insecure pages have none. This is the only place that looks at the runtime.
 */
export function runtimeLocks(scope: LocksScope = globalThis as LocksScope): LocksLike | undefined {
  const { navigator } = scope;
  return SOUND.test(navigator?.userAgent ?? "") ? navigator?.locks : undefined;
}
