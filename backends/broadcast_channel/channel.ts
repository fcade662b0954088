/**
 * The used part of `BroadcastChannel`. Another implementation, such as a fake for tests, delivers a
 * structured clone to every other channel of the same name, in the order of each sender, or loses
 * the message.
 */
export interface BroadcastChannelLike {
  /** The listener that gets each message. */
  onmessage: ((event: MessageEvent) => void) | null;
  /** The listener that is told of unreadable messages: a sign that the channel is broken. */
  onmessageerror?: ((event: MessageEvent) => void) | null;
  /** Sends to all others; throws if the channel is dead. */
  postMessage(message: unknown): void;
  /** Ends the channel. */
  close(): void;
  /** Lets the process end though the channel is open, where an open channel keeps it running. */
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

/** Opens a channel of the runtime. */
export function openBroadcastChannel(name: string): BroadcastChannelLike {
  return new BroadcastChannel(name);
}

/** The globals that tell of Web Locks. */
export interface LocksScope {
  readonly navigator?: { readonly locks?: LocksLike; readonly userAgent?: string };
}

/** The user agents of browsers and Deno, where Web Locks are known to be sound. */
const SOUND = /^(Mozilla|Deno)\//;

/**
 * Returns the Web Locks of the runtime, where they are known to be sound: browsers and Deno. The
 * Web Locks of Node 24 (24.21.0, with four workers or more) burn a core, fill the memory and end
 * the process. https://github.com/nodejs/node/issues/62644 Bun, Node before 24 and insecure pages
 * have none. Only this function looks at the runtime.
 */
export function runtimeLocks(scope: LocksScope = globalThis as LocksScope): LocksLike | undefined {
  const { navigator } = scope;
  return SOUND.test(navigator?.userAgent ?? "") ? navigator?.locks : undefined;
}
