/**
 * The command line: `declare`, `publish`, `consume`, `dead-letters`, `queues` and `describe`, on SNS
 * and SQS, and `broker`, both services on this machine. The command line is a program on Deno, Node.js and Bun, and a function,
 * {@linkcode main}, for programs of yours.
 *
 * ```sh
 * deno run -N -E -R jsr:@melange/melange/cli consume --queue billing --handlers ./handlers.ts
 * ```
 *
 * @example
 * ```ts
 * import { main } from "@melange/melange/cli";
 *
 * const code = await main(["--version"]);
 * console.log(code); // prints: 0
 * ```
 *
 * @module
 */
import { isMainModule } from "./is_main_module.ts";
import { runProgram } from "./program.ts";

export { main } from "./main.ts";
export type {
  Inspector,
  QueueDepths,
  QueueFacts,
  SubscriptionFacts,
} from "../backends/aws/inspect/inspect.ts";
export type { Io } from "./io.ts";

// Not awaited: `require` takes no module that waits at its top.
if (isMainModule(import.meta)) void runProgram();
