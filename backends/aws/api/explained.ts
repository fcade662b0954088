/** The errors of refused requests with all that AWS says to a person, and that quotes no data. */
import { MelangeError } from "../../../src/support/errors.ts";
import type { Refused } from "./client.ts";
import { serviceError } from "./errors.ts";

/**
 * The sentence of AWS about a denial: who, which action, which resource, which policy. Only
 * identifiers and these words are taken out of the text.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
 */
const DENIAL =
  /([\w:+=,.@/-]{1,300}) is not authorized to perform: ([\w-]{1,40}:[\w*]{1,80})(?: on resource: ([\w:+=,.@/*-]{1,400}))?(?: (because no [a-z -]{1,60} polic(?:y|ies) allows? the [\w:-]{1,100} action|with an explicit deny in an? [a-z -]{1,60} policy))?/i;

/** Makes the error of a refused request, with the words of AWS or the call that helps. */
export function explainedError(what: string, failure: Refused, text: string): MelangeError {
  const error = serviceError(what, failure);
  const words = wordsFor(error, failure, text);
  if (words === undefined) return error;
  return new MelangeError(error.code, `${error.message}: ${words}`, error);
}

function wordsFor({ code }: MelangeError, { service }: Refused, text: string): string | undefined {
  if (code === "ACCESS_DENIED") return denialIn(text);
  if (code !== "NOT_FOUND") return undefined;
  return service === "sns" ? "declareTopic() creates it" : "declareQueue() creates it";
}

/** Returns the sentence of AWS about a denial, made of its identifiers; `undefined` without one. */
export function denialIn(text: string): string | undefined {
  const [, who, action, resource, why] = DENIAL.exec(text) ?? [];
  if (who === undefined) return undefined;
  return `${who} is not authorized to perform ${action}${resource ? ` on ${resource}` : ""}${
    why ? ` ${why.toLowerCase()}` : ""
  }`;
}
