/** The types that publishers and dispatchers know of payloads. No code, so that nobody pays for it. */
import type { Clock, Random } from "../../support/clock.ts";
import type { Destination, MessageLimits, OutgoingMessage, ReceivedMessage } from "../message.ts";

/**
 * The treatment of bodies that are too large for a message, and of bodies that travel compressed or
 * encrypted. The option `payloads` of a publisher, a dispatcher and a bus.
 *
 * @category Payloads
 */
export interface PayloadOptions {
  /** The store of large bodies: made by a function of `./payloads` or `./payloads/s3`. */
  store: PayloadStore;
  /**
   * The most bytes of a message, attributes included, whose body stays in the message. Publishers
   * only. Default: the limit of the destination.
   */
  overBytes?: number;
  /**
   * The codecs of bodies, in the order of publishing. Readers need the same codecs, in any order.
   * Default: none.
   */
  codecs?: readonly PayloadCodec[];
}

/**
 * A store of large bodies, with the functions that move bodies out of messages and back. Publishers
 * and dispatchers call both functions, so only programs with a store load their code.
 *
 * @category Payloads
 */
export interface PayloadStore {
  /**
   * Returns the message to send: encoded by the codecs, and a pointer if it is too large. The body
   * is stored by then. Rejects with a `MelangeError` if the body is not stored, and with
   * `INVALID_MESSAGE` for a message that breaks the rules of `refusal` before the body is stored or
   * after: publishers do not check again.
   */
  offload(message: OutgoingMessage, options: OffloadOptions): Promise<OutgoingMessage>;
  /**
   * Returns the message with its body as published. Rejects with a `MelangeError`: `UNDECODABLE` if
   * the body can never be read, any other code if a later try may succeed.
   */
  restore(message: ReceivedMessage, options: RestoreOptions): Promise<ReceivedMessage>;
}

/**
 * Options of {@linkcode PayloadStore.offload}.
 *
 * @category Payloads
 */
export interface OffloadOptions extends Omit<PayloadOptions, "store"> {
  /** The destination, whose rules the result must keep. */
  destination: Destination;
  /** The limits of the destination. */
  limits: MessageLimits;
  /** The clock of time limits and pauses. */
  clock: Clock;
  /** The source of jitter. */
  random: Random;
  /** Gives up. Default: never. */
  signal?: AbortSignal | undefined;
}

/**
 * Options of {@linkcode PayloadStore.restore}.
 *
 * @category Payloads
 */
export interface RestoreOptions extends Omit<PayloadOptions, "store"> {
  /** The clock of time limits. */
  clock: Clock;
  /** Gives up. Default: never. */
  signal?: AbortSignal | undefined;
}

/**
 * A reversible change of a body, such as compression or encryption.
 *
 * @category Payloads
 */
export interface PayloadCodec {
  /** The name, which travels with the message: readers find the codec by it. */
  readonly name: string;
  /** Changes a body; `undefined` leaves the body as it is, and the name does not travel. */
  encode(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer> | undefined>;
  /**
   * Changes a body back. A codec must stop as soon as its result exceeds `maxBytes`, because the
   * sender of a message decides how far the body grows.
   */
  decode(
    bytes: Uint8Array<ArrayBuffer>,
    options: { maxBytes: number; signal: AbortSignal },
  ): Promise<Uint8Array<ArrayBuffer>>;
}
