/**
 * The codes that a caller may switch on. The union is open: a backend may add codes of its own.
 *
 * | code | meaning |
 * |---|---|
 * | `CONFIGURATION` | an option or an environment variable is missing or contradicts another |
 * | `INVALID_EVENT` | the data violates the schema of its event type; nothing was sent |
 * | `INVALID_MESSAGE` | a limit, a name or a missing group; nothing was sent |
 * | `NOT_FOUND` | the queue or topic does not exist |
 * | `ACCESS_DENIED` | the credentials or the policy do not allow it |
 * | `CONFLICT` | it exists already, with other attributes; or it is busy with the same |
 * | `THROTTLED` | the service asked to slow down; not stored |
 * | `REFUSED` | definitely not stored |
 * | `OUTCOME_UNKNOWN` | the attempts are used up; it may or may not have been stored |
 * | `UNDECODABLE` | a received body cannot be turned into an event |
 * | `LOCK_LOST` | the visibility timeout of a delivery ran out; another consumer may have it |
 * | `TIMEOUT` | the time given to a handler or a request is over |
 * | `STOPPED` | a consumer was stopped while this was under way |
 * | `CLOSED` | the publisher or backend was closed before |
 * | `UNSUPPORTED` | this backend, or this queue, cannot do that |
 * | `UNKNOWN_TYPE` | a received event has no subscriber |
 * | `CIRCUIT_OPEN` | what a handler depends on is down, says `circuitBreaker()` |
 *
 * @category Errors
 */
export type MelangeErrorCode =
  | "CONFIGURATION"
  | "INVALID_EVENT"
  | "INVALID_MESSAGE"
  | "NOT_FOUND"
  | "ACCESS_DENIED"
  | "CONFLICT"
  | "THROTTLED"
  | "REFUSED"
  | "OUTCOME_UNKNOWN"
  | "UNDECODABLE"
  | "LOCK_LOST"
  | "TIMEOUT"
  | "STOPPED"
  | "CLOSED"
  | "UNSUPPORTED"
  | "UNKNOWN_TYPE"
  | "CIRCUIT_OPEN"
  | (string & Record<never, never>);

/**
 * Options of {@linkcode MelangeError}.
 *
 * @category Errors
 */
export interface MelangeErrorOptions extends ErrorOptions {
  /** Tells that a repetition of the call may succeed. Default: `false`. */
  retryable?: boolean;
  /** The pause that the service asked for before the next attempt, in milliseconds. Default: none. */
  retryAfterMs?: number | undefined;
}

/**
 * A condition that a caller can handle, told apart by `code`. The message of the error never holds
 * a credential, a message body or a field of a body.
 *
 * @example
 * ```ts
 * import { MelangeError } from "@melange/melange";
 *
 * const error = new MelangeError("THROTTLED", "Cannot send: too many requests", { retryable: true });
 * if (error.code !== "THROTTLED" || !error.retryable) throw new Error("unexpected");
 * ```
 *
 * @category Errors
 */
export class MelangeError extends Error {
  /** The kind of error; stable across releases. */
  declare readonly code: MelangeErrorCode;
  /** Tells that a repetition of the call may succeed. */
  declare readonly retryable: boolean;
  /** The pause that the service asked for before the next attempt, in milliseconds. */
  declare readonly retryAfterMs: number | undefined;

  /** Creates an error with a code, a sentence for people, and optionally a cause. */
  constructor(code: MelangeErrorCode, message: string, options: MelangeErrorOptions = {}) {
    super(message, options);
    this.name = "MelangeError";
    this.code = code;
    this.retryable = options.retryable ?? false;
    this.retryAfterMs = options.retryAfterMs;
  }
}

/**
 * Creates the error of an action that may or may not have been done. `rest` goes on from "Cannot tell
 * the outcome".
 */
export function outcomeUnknown(rest: string, options?: MelangeErrorOptions): MelangeError {
  return new MelangeError("OUTCOME_UNKNOWN", `Cannot tell the outcome ${rest}`, options);
}

/** Tells whether a thrown value is an error of ours, without trust in the value. */
export function isMelangeError(error: unknown): error is MelangeError {
  try {
    return error instanceof MelangeError;
  } catch {
    // A revoked proxy was thrown.
    return false;
  }
}

const DEAD_LETTER = /* @__PURE__ */ Symbol.for("@melange/melange/DeadLetter");

/**
 * Thrown by a handler to say that retrying is pointless: the message goes to the dead-letter queue
 * at once, with `reason` among its facts. Without a dead-letter queue, an error is logged and the
 * message is retried.
 *
 * @example
 * ```ts
 * import { DeadLetter, isDeadLetter } from "@melange/melange";
 *
 * const error = new DeadLetter("card-expired");
 * if (!isDeadLetter(error) || error.reason !== "card-expired") throw new Error("unexpected");
 * ```
 *
 * @category Handling
 */
export class DeadLetter extends Error {
  /** A short code for the reason. The code is stored with the message, and must hold no secret. */
  readonly reason: string;

  /**
   * Creates the verdict. `reason` is stored with the message.
   * @throws {TypeError} if the reason is no text
   */
  constructor(reason: string, options?: ErrorOptions) {
    if (typeof reason !== "string") {
      throw new TypeError(
        `Cannot dead-letter as the reason must be text: current value is ${reason}`,
      );
    }
    super(reason, options);
    this.name = "DeadLetter";
    this.reason = reason;
    Object.defineProperty(this, DEAD_LETTER, { value: true });
  }
}

/**
 * Tells whether a thrown value is a {@linkcode DeadLetter}, also one of another copy of this module.
 *
 * @example
 * ```ts
 * import { isDeadLetter } from "@melange/melange";
 *
 * if (isDeadLetter(new Error("boom"))) throw new Error("unexpected");
 * ```
 *
 * @category Handling
 */
export function isDeadLetter(value: unknown): value is DeadLetter {
  return probe(() => typeof value === "object" && value !== null && DEAD_LETTER in value) ?? false;
}

/**
 * Returns the reason of a {@linkcode DeadLetter}, also of another copy of this module. Returns
 * `undefined` for any other error, and for a reason that is no text: such a `DeadLetter` is a
 * failure like any other.
 */
export function reasonOf(thrown: unknown): string | undefined {
  const reason = isDeadLetter(thrown) ? probe(() => thrown.reason) : undefined;
  return typeof reason === "string" ? reason : undefined;
}

/**
 * Looks at a foreign value, whose getters and proxies may throw; then the result is `undefined`.
 */
export function probe<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch {
    return undefined;
  }
}

/**
 * The loggable part of an error; foreign text may quote a message body.
 *
 * @category Errors
 */
export interface ErrorFacts {
  /** The class of the error. */
  name: string;
  /** The code, if the error has one. */
  code?: string;
  /**
   * The text of a {@linkcode MelangeError}, which quotes no data. The text of any other error only
   * where the logger has `exposeErrors`.
   */
  message?: string;
  /** The reason of a {@linkcode DeadLetter}. */
  reason?: string;
  /** The place where the error was thrown: the first stack frames, without the message. */
  at?: string[];
}

/** The longest text of an error in a log line. */
const MAX_TEXT = 1_000;

/**
 * Reduces any thrown value to the loggable facts. Text of others is told only if it is `exposed`:
 * then the frames of this library are left out as well, where there are others. Never throws.
 */
export function describeError(error: unknown, { exposed = false } = {}): ErrorFacts {
  if (!probe(() => error instanceof Error)) return { name: typeof error };
  const { name, code, message } = textsOf(error as Error, ["name", "code", "message"]);
  const facts: ErrorFacts = { name: name ?? "Error" };
  if (code !== undefined) facts.code = code;
  const reason = reasonOf(error);
  if (reason !== undefined) facts.reason = reason.slice(0, 100);
  const isOurs = probe(() => Object.getPrototypeOf(error) === MelangeError.prototype);
  if (message && (exposed || isOurs)) facts.message = message.slice(0, MAX_TEXT);
  const frames = framesOf(error as Error);
  const theirs = exposed ? frames.filter((frame) => !frame.includes(ownFolder())) : frames;
  if (frames.length > 0) facts.at = (theirs.length > 0 ? theirs : frames).slice(0, 3);
  return facts;
}

/** The folder of this library, as its own stack frames name it; in a bundle, nothing has that name. */
function ownFolder(): string {
  const [, folder = "no folder"] = /(\S*\/)src\/support\/errors\./.exec(new Error().stack ?? "") ??
    [];
  return folder.replace(/^\(/, "");
}

/** Reads the frames behind the message, as lines of a message may look like frames. */
function framesOf(error: Error): string[] {
  const { message, stack } = textsOf(error, ["message", "stack"]);
  const start = message === undefined ? -1 : stack?.indexOf(message) ?? -1;
  if (message === undefined || stack === undefined || start < 0) return [];
  const lines = stack.slice(start + message.length).split("\n");
  return lines.filter((line) => /^\s+at /.test(line)).map((line) => line.trim());
}

/** Reads the properties that are text, each once. */
function textsOf(error: Error, names: readonly string[]): Record<string, string | undefined> {
  return Object.fromEntries(names.map((name) => {
    const value = probe(() => (error as unknown as Record<string, unknown>)[name]);
    return [name, typeof value === "string" ? value : undefined];
  }));
}
