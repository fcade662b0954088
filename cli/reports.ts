/** The notices about a worker, from its first to its last. */
import type { Usage } from "../src/backend.ts";
import type { ConsumerStatus, MessageConsumer } from "../src/consume/consumer.ts";
import type { Dispatcher } from "../src/handle/dispatcher.ts";
import type { CliLogger, Notice } from "./log.ts";

/** The time between two reports on a terminal, if the counts have changed, in milliseconds. */
export const REPORT_MS = 5_000;

/** Options of {@linkcode startReports}. */
export interface ReportsOptions {
  /** The place for the reports. */
  readonly logger: CliLogger;
  /** The time between two reports, in milliseconds; 0 for none. */
  readonly everyMs: number;
  /** The mark of reports that are written although nothing has changed. */
  readonly always: boolean;
}

/** Writes the counts of a consumer again and again, until the function that it returns is called. */
export function startReports(
  consumer: Pick<MessageConsumer, "status">,
  { logger, everyMs, always }: ReportsOptions,
): () => void {
  if (everyMs === 0) return () => {};
  let last = "";
  const timer = setInterval(() => {
    const notice = counts("Status", consumer.status());
    if (always || notice.text !== last) logger.notice(notice);
    last = notice.text;
  }, everyMs);
  return () => clearInterval(timer);
}

/** Tells that a worker has begun, with its queue and event types. */
export function begun(queue: string, { takesEverything, eventTypes }: Dispatcher): Notice {
  const types = eventTypes.map(({ type }) => type);
  return {
    message: "Consuming",
    fields: { queue, listensTo: types, takesEverything },
    text: `Consuming ${queue}  listensTo=${takesEverything ? "everything" : types.join(", ")}`,
  };
}

/** Tells that a worker has ended, with its counts and the price of its messages, if there is a price. */
export function stopped(status: ConsumerStatus): Notice {
  const notice = counts("Stopped", status);
  const { usage } = status;
  const price = usage?.requestsPerMessage === undefined ? "" : `; ${priceOf(usage)}`;
  return { ...notice, text: `Stopped: ${notice.text}${price}` };
}

function counts(message: string, status: ConsumerStatus): Notice {
  const { queue, acknowledged, retried, deadLettered, inFlight } = status;
  return {
    message,
    fields: { ...status },
    text:
      `${queue}: ${acknowledged} handled, ${retried} retried, ${deadLettered} dead-lettered, ${inFlight} in flight`,
  };
}

/** Returns the price of messages: `0.30 requests a message, 0.12 US dollars a million messages`. */
function priceOf({ requestsPerMessage = 0, dollarsPerMillion = 0 }: Usage): string {
  return `${requestsPerMessage.toFixed(2)} requests a message, ${
    dollarsPerMillion.toFixed(2)
  } US dollars a million messages`;
}
