import type { LazyEvent } from "../../wire/format.ts";

/**
 * The key of a subscriber and an event; `undefined` if the event has no id. The event's identity is
 * its id where this library wrote it, and its source with its id where it is a CloudEvent of others.
 * No two pairs make one key: the parts are joined by colons, and a colon in a part is escaped.
 */
export function deduplicationKey(subscriber: string, event: LazyEvent): string | undefined {
  const { source, facts: { id } } = event;
  if (id === "") return undefined;
  const parts = source === undefined ? [subscriber, id] : [subscriber, source, id];
  return parts.map(escaped).join(":");
}

/** Stores keep text as UTF-8, some of them up to a zero: what does not survive that is spelled out. */
// deno-lint-ignore no-control-regex
const UNSAFE = /[%:\0-\x1F\x7F\p{Cs}\uFFFE\uFFFF]/gu;

function escaped(part: string): string {
  return part.replace(UNSAFE, (character) => {
    const code = character.charCodeAt(0).toString(16).toUpperCase();
    return code.length <= 2 ? `%${code.padStart(2, "0")}` : `%u${code}`;
  });
}
