import { createInspector } from "../backends/aws/inspect/inspect.ts";
import { type CommandSpec, COMMON_OPTIONS, parseArguments } from "./arguments.ts";
import { backendOptions } from "./backend_options.ts";
import type { Io } from "./io.ts";
import { createLogger } from "./log.ts";
import { tableOf } from "./table.ts";

/** The arguments of `queues`. */
export const QUEUES: CommandSpec<typeof COMMON_OPTIONS> = {
  name: "melange queues",
  help: "Lists the queues of the region whose names begin so, with their depths. Takes no message.",
  positionals: ["PREFIX"],
  options: COMMON_OPTIONS,
  example: "melange queues billing",
};

/** Runs `queues`. */
export async function queues(args: readonly string[], io: Io): Promise<number> {
  const { values, positionals: [prefix] } = parseArguments(args, QUEUES);
  const { json = false } = values;
  const inspector = (io.createInspector ?? createInspector)(backendOptions(values));
  const found = await inspector.queues(prefix);
  if (json) { for (const queue of found) io.out(JSON.stringify(queue)); }
  else if (found.length > 0) {
    const rows = found.map(({ name, available, inFlight, delayed, deadLetterQueue }) =>
      [name, available, inFlight, delayed, deadLetterQueue ?? "-"].map(String)
    );
    const heads = ["QUEUE", "AVAILABLE", "IN FLIGHT", "DELAYED", "DEAD-LETTER QUEUE"];
    for (const line of tableOf([heads, ...rows])) io.out(line);
  }
  if (found.length === 0) {
    const names = prefix === undefined ? "any name" : `a name that begins with "${prefix}"`;
    createLogger(io, { json }).notice({
      message: "No queue",
      fields: { prefix },
      text:
        `There is no queue with ${names} in this account and region; "melange declare --queue NAME" creates one`,
    });
  }
  return 0;
}
