/** Loading the module that says who handles what. */
import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { Dispatcher } from "../src/handle/dispatcher.ts";
import type { Subscriber } from "../src/handle/handler.ts";
import { MelangeError } from "../src/support/errors.ts";
import type { AnyEventType } from "../src/event/event.ts";
import type { Logger } from "../src/support/logger.ts";

/** What a handlers module says. */
export interface Handlers {
  /** Its `dispatcher`, or one made of its `subscribers`. */
  readonly dispatcher: Dispatcher;
  /** The event types that it exports or that somebody in it listens to. */
  readonly eventTypes: readonly AnyEventType[];
}

/** Options of {@linkcode loadHandlers}. */
export interface LoadHandlersOptions {
  /** What a dispatcher made of `subscribers` logs to. Default: the console. */
  logger?: Logger;
}

const CONVENTION =
  "it must export `dispatcher` (a Dispatcher) or `subscribers` (an array of { name, listensTo, process })";

/**
 * Imports a module and finds the handlers in it: `export const dispatcher = new Dispatcher()`, or
 * `export const subscribers = [{ name, listensTo, process }]`.
 * @throws {MelangeError} `CONFIGURATION` if there is no such module, it cannot be loaded, or it
 * exports no handlers
 */
export async function loadHandlers(
  specifier: string,
  options: LoadHandlersOptions = {},
): Promise<Handlers> {
  const exported = await load(specifier);
  const dispatcher = dispatcherIn(exported, specifier, options);
  if (dispatcher.eventTypes.length === 0 && !dispatcher.takesEverything) {
    throw refusal(specifier, "nobody in it subscribed to anything");
  }
  const types = new Set([...Object.values(exported).filter(isEventType), ...dispatcher.eventTypes]);
  return { dispatcher, eventTypes: [...types] };
}

function refusal(specifier: string, reason: string, cause?: unknown): MelangeError {
  return new MelangeError("CONFIGURATION", `Cannot use the handlers of ${specifier}: ${reason}`, {
    ...(cause === undefined ? {} : { cause }),
  });
}

async function load(specifier: string): Promise<Record<string, unknown>> {
  const url = await urlOf(specifier);
  try {
    return await import(url);
  } catch (error) {
    throw refusal(specifier, "it cannot be loaded", error);
  }
}

/** A path of this machine, unless it is a URL or a package already. */
async function urlOf(specifier: string): Promise<string> {
  if (/^(file|https?|jsr|npm|data):/.test(specifier)) return specifier;
  const path = resolve(specifier);
  try {
    await stat(path);
  } catch (error) {
    const missing = error instanceof Error && "code" in error && error.code === "ENOENT";
    throw missing
      ? refusal(specifier, `there is no file ${path}; ${CONVENTION}`)
      : refusal(specifier, "it cannot be read", error);
  }
  return pathToFileURL(path).href;
}

function dispatcherIn(
  exported: Record<string, unknown>,
  specifier: string,
  options: LoadHandlersOptions,
): Dispatcher {
  const { dispatcher, subscribers } = exported;
  if (isDispatcher(dispatcher)) return dispatcher;
  if (dispatcher !== undefined) throw refusal(specifier, "its `dispatcher` is not a Dispatcher");
  if (subscribers === undefined) throw refusal(specifier, CONVENTION);
  if (!Array.isArray(subscribers)) throw refusal(specifier, "its `subscribers` are not an array");
  const made = new Dispatcher(options);
  try {
    for (const subscriber of subscribers as Subscriber[]) made.subscribe(subscriber);
  } catch (error) {
    throw refusal(specifier, "one of its `subscribers` is not { name, listensTo, process }", error);
  }
  return made;
}

/** By its shape: the module may use another copy of this package. */
function isDispatcher(value: unknown): value is Dispatcher {
  return typeof value === "object" && value !== null && "subscriptionsTo" in value &&
    "options" in value && "eventTypes" in value;
}

function isEventType(value: unknown): value is AnyEventType {
  return typeof value === "function" && "type" in value && typeof value.type === "string" &&
    "schema" in value;
}

/** The same dispatcher, except that it logs elsewhere. */
export function withLogger(dispatcher: Dispatcher, logger: Logger): Dispatcher {
  const options = { ...dispatcher.options, logger };
  return new Proxy(dispatcher, {
    get(target, key) {
      if (key === "options") return options;
      // Private fields are only found on the target itself.
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}
