/**
 * Melange: events between publishers and subscribers that do not know each other, over Amazon SNS
 * and SQS, in memory, or between browser tabs, without an SDK.
 *
 * ```ts
 * import { defineEvent, EventBus } from "@melange/melange";
 * import { MemoryBackend } from "@melange/melange/memory"; // or AwsBackend of "@melange/melange/aws"
 * import * as v from "valibot";
 *
 * const OrderPlaced = defineEvent("OrderPlaced", { topic: "orders", schema: v.object({ orderId: v.string() }) });
 * const bus = new EventBus({ backend: new MemoryBackend(), queue: "billing" });
 * bus.subscribe(OrderPlaced, (event) => console.log("bill", event.data.orderId), { name: "bill" });
 * await bus.declare();
 * bus.start();
 * await bus.publish(OrderPlaced({ orderId: "o-1" }));
 * await bus.stop();
 * ```
 *
 * @module
 */
export {
  type Admin,
  type Backend,
  type BackendLimits,
  type CallOptions,
  type DeadLetterCopy,
  type DeclareQueueOptions,
  type DeclareTopicOptions,
  type Delivery,
  type ExistingQueue,
  type ExistingSubscription,
  type ExistingTopic,
  type ExtendResult,
  type Extension,
  type FilterPolicy,
  filterPolicyOf,
  type Guarantees,
  type InspectOptions,
  type Inventory,
  type Limits,
  type Metered,
  type MoveOptions,
  type MoveProgress,
  type MoveTasks,
  type Moving,
  type QueueDescription,
  type QueueLimits,
  type ReceiveOptions,
  type Receiver,
  type Release,
  type Sender,
  type SendResult,
  type SettleResult,
  type SubscriptionOptions,
  type TopicDescription,
  type Usage,
} from "./src/backend.ts";
export type { MessageLimits } from "./src/wire/message.ts";
export type { AsyncDisposing } from "./src/support/async_dispose.ts";
export type { Result } from "./src/support/result.ts";
export { type Clock, type Random, systemClock } from "./src/support/clock.ts";
export {
  type ConsumeEventOptions,
  type ConsumerSettings,
  type ConsumerStatus,
  type Health,
  MessageConsumer,
  type MessageConsumerOptions,
  type RunOptions,
  type StopOptions,
} from "./src/consume/consumer.ts";
export {
  type Claim,
  type DeduplicationStore,
  MemoryDeduplicationStore,
  type MemoryDeduplicationStoreOptions,
} from "./src/handle/deduplication/store.ts";
export { deadLetterCopy, deadLetterFactsOf } from "./src/wire/dead_letter.ts";
export type { ConsumedDelivery } from "./src/consume/deliveries.ts";
export { dispatch, type DispatchHooks, type Outcome } from "./src/handle/dispatch.ts";
export {
  deadLetterTo,
  dispatchAll,
  type DispatchAllOptions,
  type MoveToDeadLetters,
  type PushRecord,
} from "./src/handle/push.ts";
export {
  Dispatcher,
  type DispatcherOptions,
  type Fallback,
  type Subscription,
} from "./src/handle/dispatcher.ts";
export type {
  Handler,
  HandlerContext,
  Middleware,
  SubscribeOptions,
  Subscriber,
} from "./src/handle/handler.ts";
export type {
  OffloadOptions,
  PayloadCodec,
  PayloadOptions,
  PayloadStore,
  RestoreOptions,
} from "./src/wire/payloads/options.ts";
export { openEnvelope } from "./src/wire/sns_envelope.ts";
export {
  DeadLetter,
  type ErrorFacts,
  isDeadLetter,
  MelangeError,
  type MelangeErrorCode,
  type MelangeErrorOptions,
} from "./src/support/errors.ts";
export {
  type AnyEventType,
  type CloudEventAttributes,
  defineEvent,
  type DefineEventOptions,
  type Event,
  type EventOf,
  type EventOverrides,
  type EventType,
  typed,
  type Upcast,
} from "./src/event/event.ts";
export { EventBus, type EventBusOptions } from "./src/event_bus.ts";
export { consoleLogger, type Logger } from "./src/support/logger.ts";
export type {
  ProcessWatch,
  PublishWatch,
  Telemetry,
  TracedDelivery,
  TracedDestination,
  TracedEvent,
  TracedMessage,
  TracedOutcome,
  TracedResult,
  TracedSettlement,
  TracedStatus,
  Watch,
} from "./src/support/telemetry.ts";
export type { BatchHandler, BatchOptions, BatchVerdict } from "./src/handle/batch.ts";
export type { Limiter } from "./src/consume/settings.ts";
export type { KillSwitch } from "./src/handle/middleware/kill_switch.ts";
export {
  type Attributes,
  type AttributeValue,
  type Destination,
  isFifo,
  type MessageOrigin,
  messageSize,
  nameOf,
  type OutgoingMessage,
  type ReceivedMessage,
  refusal,
  type TypedAttribute,
} from "./src/wire/message.ts";
export {
  type EventPublisher,
  MessagePublisher,
  type MessagePublisherOptions,
  type Published,
  type PublishEntry,
  type PublisherSettings,
} from "./src/publish/publisher.ts";
export type {
  CommonPublishOptions,
  PublishAllOptions,
  PublishOptions,
  PublishToQueue,
  PublishToTopic,
} from "./src/publish/outgoing.ts";
export type { DeduplicationOptions } from "./src/handle/once.ts";
export type { DeadLetterFacts, Format, MessageFormat } from "./src/wire/packed.ts";
export type { Backoff, RetryPolicy } from "./src/support/retry.ts";
export type { InputOf, OutputOf, Schema, SchemaIssue, SchemaResult } from "./src/event/schema.ts";
export {
  jsonSerializer,
  type Readers,
  type Serializer,
  type Writer,
  type Writers,
} from "./src/wire/serializer.ts";
export {
  type SerializerBinding,
  SerializerRegistry,
  type SerializerRegistryOptions,
} from "./src/wire/serializer_registry.ts";
export {
  SynchronousEventBus,
  type SynchronousEventBusOptions,
} from "./src/synchronous_event_bus.ts";
