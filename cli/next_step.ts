/** The next step after an error, where the library cannot know it: commands, and permissions of Deno. */
import { mayReadEnvironment } from "../backends/aws/api/environment.ts";
import { MelangeError } from "../src/support/errors.ts";

/** Words of errors, and the options of the command line that help. */
const OPTIONS: readonly (readonly [said: RegExp, step: string])[] = [
  [/needs a message group/, ": pass --group NAME"],
  [/message takes at most/, ". Send less, or where the data can be read"],
  [/set region or AWS_REGION/, ", or pass --region NAME"],
  [/endpoint as it must be http/, ": pass --endpoint http://HOST:PORT"],
  [/Cannot reach/, ": pass the right --endpoint URL or --region NAME"],
];

const MISSING =
  '. "melange queues" lists what is there, and "melange declare --queue NAME --topic NAME" creates what is missing';

/** Returns words to put behind the text of an error; empty where the text says it all. */
export function nextStep(error: unknown): string {
  if (!(error instanceof MelangeError)) return "";
  const { code, message } = error;
  if (code === "NOT_FOUND") return MISSING;
  if (message.includes("--allow-")) return "";
  if (code === "CONFIGURATION" && !mayReadEnvironment()) {
    return ". This program may not read the environment: run it with --allow-env";
  }
  return OPTIONS.find(([said]) => said.test(message))?.[1] ?? "";
}
