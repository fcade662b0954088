/** Loading the module with the handlers. */
import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { Dispatcher } from "../src/handle/dispatcher.ts";
import type { Subscriber } from "../src/handle/handler.ts";
import { MelangeError } from "../src/support/errors.ts";
import type { AnyEventType } from "../src/event/event.ts";
import { consoleLogger, type Logger } from "../src/support/logger.ts";

/** The contents of a handlers module. */
export interface Handlers {
  /** The module's `dispatcher`, or a dispatcher of its `subscribers`. */
  readonly dispatcher: Dispatcher;
  /** The event types that the module exports or that its handlers listen to. */
  readonly eventTypes: readonly AnyEventType[];
}

/** The event types of a module. */
export interface Events {
  /** The event types that the module exports, or that its handlers listen to. */
  readonly eventTypes: readonly AnyEventType[];
  /** The module's function `toJsonSchema`, if it exports one. */
  readonly toJsonSchema: ((eventType: AnyEventType) => unknown) | undefined;
}

/** Options of {@linkcode loadHandlers}. */
export interface LoadHandlersOptions {
  /** The place for warnings, and the logger of a dispatcher that is made of `subscribers`. Default: the console. */
  logger?: Logger;
}

/** Options of {@linkcode loadModule}. */
export interface LoadModuleOptions extends LoadHandlersOptions {
  /** The words on what the module must export. Default: handlers. */
  convention?: string;
}

const CONVENTION =
  "it must export `dispatcher` (a Dispatcher) or `subscribers` (an array of { name, listensTo, process })";

/**
 * Imports a module and finds its handlers: `export const dispatcher = new Dispatcher()`, or
 * `export const subscribers = [{ name, listensTo, process }]`.
 * @throws {MelangeError} `CONFIGURATION` if there is no such module, the module cannot be loaded,
 * or it exports no handlers
 */
export async function loadHandlers(
  specifier: string,
  options: LoadHandlersOptions = {},
): Promise<Handlers> {
  const exported = await loadModule(specifier, options);
  const dispatcher = dispatcherIn(exported, specifier, options);
  if (dispatcher.eventTypes.length === 0 && !dispatcher.takesEverything) {
    throw refusal(
      specifier,
      "nobody in it subscribed to anything: call `dispatcher.subscribe(…)` while the module is loaded",
    );
  }
  return { dispatcher, eventTypes: typesIn(exported, dispatcher) };
}

/**
 * Imports a module and finds its event types: those that it exports, and those of its handlers, if
 * it has any.
 * @throws {MelangeError} `CONFIGURATION` if there is no such module, the module cannot be loaded,
 * or it has no event type
 */
export async function loadEvents(
  specifier: string,
  options: LoadHandlersOptions = {},
): Promise<Events> {
  const exported = await loadModule(specifier, options);
  const { dispatcher, subscribers, toJsonSchema } = exported;
  const hasHandlers = dispatcher !== undefined || subscribers !== undefined;
  const eventTypes = typesIn(
    exported,
    hasHandlers ? dispatcherIn(exported, specifier, options) : undefined,
  );
  if (eventTypes.length === 0) {
    throw refusal(specifier, "it has no event type: export the results of `defineEvent()`");
  }
  return {
    eventTypes,
    toJsonSchema: typeof toJsonSchema === "function"
      ? toJsonSchema as (eventType: AnyEventType) => unknown
      : undefined,
  };
}

function typesIn(
  exported: Record<string, unknown>,
  dispatcher: Dispatcher | undefined,
): AnyEventType[] {
  const own = Object.values(exported).filter(isEventType);
  return [...new Set([...own, ...dispatcher?.eventTypes ?? []])];
}

/** Makes the error of a module that cannot be used. */
export function refusal(specifier: string, reason: string, cause?: unknown): MelangeError {
  return new MelangeError("CONFIGURATION", `Cannot use the module ${specifier}: ${reason}`, {
    ...(cause === undefined ? {} : { cause }),
  });
}

/** The time in which a module is loaded without a word, in milliseconds. */
const QUIET_MS = 5_000;

/**
 * Imports a module by path or URL.
 * @throws {MelangeError} `CONFIGURATION` if there is no such module, or it cannot be loaded
 */
export async function loadModule(
  specifier: string,
  { logger = consoleLogger, convention = CONVENTION }: LoadModuleOptions,
): Promise<Record<string, unknown>> {
  const url = await urlOf(specifier, convention);
  const timer = setTimeout(() => {
    logger.warn("Still waiting for the module to be loaded", { specifier });
  }, QUIET_MS);
  try {
    return await import(url);
  } catch (error) {
    throw refusal(specifier, `it cannot be loaded${hintOn(error)}`, error);
  } finally {
    clearTimeout(timer);
  }
}

/** Returns a hint on the remedy for an error whose text lacks the remedy. */
function hintOn(error: unknown): string {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code === "ERR_UNKNOWN_FILE_EXTENSION") {
    return "; TypeScript is read by Node.js 22.18 or later, Deno and Bun: use one of them, or compile it";
  }
  return error instanceof Error && error.name === "NotCapable" ? "; allow it to be read" : "";
}

/** Returns the URL of a path of this machine; URLs and packages stay as they are. */
async function urlOf(specifier: string, convention: string): Promise<string> {
  if (/^(file|https?|jsr|npm|data):/.test(specifier)) return specifier;
  const path = resolve(specifier);
  try {
    await stat(path);
  } catch (error) {
    const missing = error instanceof Error && "code" in error && error.code === "ENOENT";
    throw missing
      ? refusal(specifier, `there is no file ${path}; ${convention}`)
      : refusal(specifier, `it cannot be read${hintOn(error)}`, error);
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
  if (dispatcher !== undefined) {
    throw refusal(specifier, "its `dispatcher` is not a Dispatcher: export `new Dispatcher()`");
  }
  if (subscribers === undefined) throw refusal(specifier, CONVENTION);
  if (!Array.isArray(subscribers)) {
    throw refusal(
      specifier,
      "its `subscribers` are not an array: export `[{ name, listensTo, process }]`",
    );
  }
  const made = new Dispatcher(options);
  try {
    for (const subscriber of subscribers as Subscriber[]) made.subscribe(subscriber);
  } catch (error) {
    throw refusal(specifier, "one of its `subscribers` is not { name, listensTo, process }", error);
  }
  return made;
}

/** Tells a dispatcher by its shape: the module may use another copy of this package. */
function isDispatcher(value: unknown): value is Dispatcher {
  return typeof value === "object" && value !== null && "subscriptionsTo" in value &&
    "options" in value && "eventTypes" in value;
}

function isEventType(value: unknown): value is AnyEventType {
  return typeof value === "function" && "type" in value && typeof value.type === "string" &&
    "schema" in value;
}

/** Returns the same dispatcher with another logger. */
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
