/**
 * Runs the handlers of a dispatcher in AWS Lambda, behind SQS or SNS.
 *
 * @example
 * ```ts
 * import { defineEvent, Dispatcher, typed } from "@melange/melange";
 * import { sqsHandler } from "@melange/melange/lambda";
 *
 * const Ping = defineEvent("Ping", { schema: typed<{ at: number }>() });
 * const dispatcher = new Dispatcher();
 * dispatcher.subscribe(Ping, (event) => console.log(event.data.at));
 *
 * export const handler = sqsHandler(dispatcher);
 * ```
 *
 * @module
 */
export type { LambdaContext } from "./deadline.ts";
export {
  parseEventFromSns,
  type ParseEventOptions,
  type SnsHandler,
  snsHandler,
  type SnsHandlerOptions,
} from "./sns.ts";
export type { FlushingPublisher, LambdaOptions } from "./invocation.ts";
export {
  type SqsBatchResponse,
  type SqsHandler,
  sqsHandler,
  type SqsHandlerOptions,
} from "./sqs.ts";
