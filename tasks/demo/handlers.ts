/** What the demo's workers run: handlers that fail now and then, and a record of each try. */
import { Dispatcher } from "../../src/handle/dispatcher.ts";
import type { Middleware } from "../../src/handle/handler.ts";
import { DeadLetter, isDeadLetter } from "../../src/support/errors.ts";
import { OrderPlaced } from "./events.ts";
import { appendTry, type Try } from "./record.ts";

const path = Deno.env.get("DEMO_RECORD") ?? "";

/** Written down before the message is settled: a try that counted is never missing. */
const recorded: Middleware = (next) => async (event, context) => {
  const write = (result: Try["result"]) =>
    appendTry(path, { eventId: event.id, result, at: Date.now() });
  try {
    await next(event, context);
  } catch (error) {
    write(isDeadLetter(error) ? "gaveUp" : "failed");
    throw error;
  }
  write("handled");
};

/** The handlers of both workers; which of them gets what is said by the queue. */
export const dispatcher: Dispatcher = new Dispatcher({ middleware: [recorded] });

dispatcher.subscribe(OrderPlaced, async (event, { attempt, queue }) => {
  const { number } = event.data;
  await new Promise((resolve) => setTimeout(resolve, number % 5));
  if (number % (queue === "billing" ? 20 : 25) === 0 && attempt === 1) throw new Error("try again");
  if (queue !== "billing") return;
  if (number % 250 === 7) throw new DeadLetter("card-expired");
  if (number % 500 === 13) throw new Error("always fails");
}, { name: "demo" });
