/** The part of an event that a key is made of. */
export interface Identified {
  readonly source?: string | undefined;
  readonly facts: { readonly id: string };
}

/**
 * Returns the key of a subscriber and an event; `undefined` if the event has no id. An event of
 * this library is identified by id, a foreign CloudEvent by source and id. No two pairs make one
 * key: colons join the parts, and a colon in a part is escaped.
 */
export function deduplicationKey(subscriber: string, event: Identified): string | undefined {
  const { source, facts: { id } } = event;
  if (id === "") return undefined;
  const parts = source === undefined ? [subscriber, id] : [subscriber, source, id];
  return parts.map(escaped).join(":");
}

/**
 * Characters that some stores change or cut at, as stores keep text as UTF-8. A key spells them
 * out.
 */
// deno-lint-ignore no-control-regex
const UNSAFE = /[%:\0-\x1F\x7F\p{Cs}\uFFFE\uFFFF]/gu;

function escaped(part: string): string {
  return part.replace(UNSAFE, (character) => {
    const code = character.charCodeAt(0).toString(16).toUpperCase();
    return code.length <= 2 ? `%${code.padStart(2, "0")}` : `%u${code}`;
  });
}
