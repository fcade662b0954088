/** The types for users to implement: handlers, subscribers, and middleware around them. */
import type { AnyEventType, Event, EventOf } from "../event/event.ts";
import type { EventPublisher } from "../publish/publisher.ts";
import type { Logger } from "../support/logger.ts";
import type { ReceivedMessage } from "../wire/message.ts";

/**
 * The circumstances of an event, for its handler.
 *
 * @category Handling
 */
export interface HandlerContext {
  /** The message that carried the event. */
  readonly message: ReceivedMessage;
  /** The number of this try, from 1. */
  readonly attempt: number;
  /** The queue, or the topic where there is no queue. */
  readonly queue: string;
  /** The time at which the message was received. */
  readonly receivedAt: Date;
  /** Aborts when the lock is lost, the handler's time is up, or a drain runs out. */
  readonly signal: AbortSignal;
  /** The dispatcher's logger. */
  readonly logger: Logger;
  /**
   * Keeps the message locked for `ms` milliseconds from now; `UNSUPPORTED` where there is no lock.
   * A `RangeError` unless `ms` is finite and more than 0: to end a lock, throw.
   */
  extend(ms: number): Promise<void>;
  /** Publishes on the backend of the host, where the host has one. */
  readonly publisher?: EventPublisher;
}

/**
 * Handles an event: resolving acknowledges, throwing retries, a `DeadLetter` gives up. The
 * subscribers of one message share the event, the data and `context.message`, so a handler must
 * change none of them. A change would reach no retry and no dead-letter queue.
 *
 * @category Handling
 */
export type Handler<E extends Event = Event> = (
  event: E,
  context: HandlerContext,
) => void | Promise<void>;

/**
 * A function around a handler. The dispatcher calls the function once per subscriber, so a
 * middleware may keep state for each subscriber.
 *
 * @category Handling
 */
export type Middleware = (next: Handler) => Handler;

/**
 * A handler with its event types.
 *
 * @category Handling
 */
export interface Subscriber<T extends AnyEventType = AnyEventType> {
  /** The subscriber's name: required where de-duplication is on, and to survive deploys. */
  readonly name?: string;
  /** The event types that the subscriber wants. */
  readonly listensTo: T | readonly T[];
  /** Handles one event. */
  readonly process: Handler<EventOf<T>>;
}

/**
 * Options of {@linkcode Dispatcher.subscribe}.
 *
 * @category Handling
 */
export interface SubscribeOptions {
  /** The subscriber's name: required where de-duplication is on. Default: none. */
  name?: string;
}
