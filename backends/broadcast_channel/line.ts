/** A channel with replacement after a break. */
import type { Clock } from "../../src/support/clock.ts";
import { MelangeError } from "../../src/support/errors.ts";
import type { BroadcastChannelLike } from "./channel.ts";

/** The channel of one context, through all its replacements. */
export interface Line {
  /** Opens the channel. */
  open(): void;
  /** Posts; calls `broken` if the channel throws. */
  post(message: unknown): void;
  /** Ends the line. */
  close(): void;
}

/** Options of {@linkcode createLine}. */
export interface LineOptions {
  /** The name of the channel. */
  name: string;
  /** Opens a channel. */
  open: (name: string) => BroadcastChannelLike;
  clock: Clock;
  /**
   * Age from which a channel counts as sound. If a sound channel breaks or gets an unreadable
   * message, the count starts anew.
   */
  soundMs: number;
  /** Called each time a channel is open. */
  opened: () => void;
  /** Called with each message. */
  heard: (message: unknown) => void;
  /** Called when the channel has thrown; another one is opened later. */
  broken: () => void;
  /** Called when no channel works. */
  failed: (reason: MelangeError) => void;
}

/** Attempts to open a channel, and the wait between them: Deno needs a turn after a close. */
const REOPEN = { tries: 100, ms: 5 };
/**
 * Number of replacements of channels that throw soon, and the first wait; each wait is twice the
 * last.
 */
const REPLACE = { tries: 10, ms: 5 };

/** Creates a line that is not open yet. */
export function createLine(options: LineOptions): Line {
  const { name, clock, soundMs, failed } = options;
  let channel: BroadcastChannelLike | undefined;
  let openedAt = 0;
  /** `true` from a throw until the channel is replaced. */
  let isBroken = false;
  /** Number of channels in a row that broke soon. */
  let brokenInARow = 0;
  let isClosed = false;
  let cancelOpening = () => {};

  function open(tries: number): void {
    let opened: BroadcastChannelLike;
    try {
      opened = options.open(name);
    } catch (error) {
      if (tries === 0) return failed(notUsable(name, "could not be opened", error));
      cancelOpening = clock.after(REOPEN.ms, () => open(tries - 1));
      return;
    }
    // Only now: in Deno, who opens a channel in the turn in which the last one closed gets a dead one.
    leave(channel);
    channel = opened;
    openedAt = clock.now();
    isBroken = false;
    opened.onmessage = ({ data }) => isBroken || isClosed || options.heard(data);
    opened.onmessageerror = onUnreadable;
    options.opened();
  }

  /** A stranger may post unreadable messages too: these must not keep a channel from working. */
  function onUnreadable(): void {
    if (clock.now() - openedAt > soundMs) replace(undefined);
  }

  function replace(cause: unknown): void {
    if (isBroken || isClosed) return;
    isBroken = true;
    options.broken();
    brokenInARow = clock.now() - openedAt > soundMs ? 0 : brokenInARow + 1;
    if (brokenInARow > REPLACE.tries) {
      cancelOpening = clock.after(
        0,
        () => failed(notUsable(name, "throws at each post", cause)),
      );
    } else {
      const ms = REPLACE.ms * 2 ** Math.max(brokenInARow - 1, 0);
      cancelOpening = clock.after(ms, () => open(REOPEN.tries));
    }
  }

  function post(message: unknown): void {
    if (isBroken) return;
    try {
      channel?.postMessage(message);
    } catch (error) {
      replace(error);
    }
  }

  function close(): void {
    isClosed = true;
    cancelOpening();
    leave(channel);
  }

  return { open: () => open(REOPEN.tries), post, close };
}

function leave(channel: BroadcastChannelLike | undefined): void {
  if (!channel) return;
  channel.onmessage = channel.onmessageerror = null;
  try {
    channel.close();
  } catch {
    // It is dead: that was noticed when it threw at a post.
  }
}

function notUsable(name: string, why: string, cause: unknown): MelangeError {
  const sentence = `Cannot use the channel "${name}" as it ${why}`;
  return new MelangeError("CLOSED", sentence, { cause });
}
