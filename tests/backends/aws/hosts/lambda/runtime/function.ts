/** A function as it is deployed: it tells of each event, and fails, gives up or hangs where it is told. */
import { snsHandler, sqsHandler } from "@melange/melange/lambda";
import { DeadLetter, defineEvent, Dispatcher } from "@melange/melange";
import * as v from "valibot";

const Job = defineEvent("Job", {
  schema: v.object({ what: v.picklist(["succeed", "fail", "giveUp", "hang"]) }),
});

const quiet = () => {};
const dispatcher = new Dispatcher({
  logger: { debug: quiet, info: quiet, warn: quiet, error: quiet },
});

dispatcher.subscribe(Job, async (event, { signal }) => {
  const { what } = event.data;
  if (what === "fail") throw new Error("the secret of the message");
  if (what === "giveUp") throw new DeadLetter("told-so");
  if (what === "succeed") return;
  await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
});

const sqs = sqsHandler(dispatcher, { marginMs: 200 });
const sns = snsHandler(dispatcher, { marginMs: 200 });

/** Serves both, to be deployed once. */
export function handler(
  event: { Records: { Sns?: unknown }[] },
  context: { getRemainingTimeInMillis(): number },
): Promise<unknown> {
  return event.Records[0]?.Sns ? sns(event, context) : sqs(event, context);
}
