/** The next step after an error, where the library cannot know it: commands, and permissions of Deno. */
import { mayReadEnvironment } from "../backends/aws/api/environment.ts";
import { MelangeError } from "../src/support/errors.ts";

/** Returns words to put behind the text of an error; empty where the text says it all. */
export function nextStep(error: unknown): string {
  if (!(error instanceof MelangeError)) return "";
  const { code, message } = error;
  if (code === "NOT_FOUND") {
    return '. "melange queues" lists what is there, and "melange declare --queue NAME --topic NAME" creates what is missing';
  }
  if (code === "INVALID_MESSAGE" && message.includes("needs a message group")) {
    return ": pass --group NAME";
  }
  if (code !== "CONFIGURATION" || message.includes("--allow-env") || mayReadEnvironment()) {
    return "";
  }
  return ". This program may not read the environment: run it with --allow-env";
}
