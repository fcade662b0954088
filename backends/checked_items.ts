/**
 * The check of the items of a call before the first of them is sent. A refused item is a result,
 * and the other items go through. All backends share this file.
 */
import type { SendResult, SettleResult } from "../src/backend.ts";
import { MelangeError } from "../src/support/errors.ts";

/** The items of a call, checked. */
export interface CheckedItems<Item> {
  /** The items to send, in order. */
  readonly accepted: readonly Item[];
  /** Puts the results of the accepted items and the refusals into the order of all items. */
  merge<Result extends SendResult | SettleResult>(results: readonly Result[]): Result[];
}

/** Checks each item. `check` returns the item to send, or the error that refuses the item. */
export function checkItems<Given, Item>(
  given: readonly Given[],
  check: (item: Given) => Item | MelangeError,
): CheckedItems<Item> {
  const items = given.map(check);
  const isAccepted = (item: Item | MelangeError): item is Item => !(item instanceof MelangeError);
  return {
    accepted: items.filter(isAccepted),
    merge<Result extends SendResult | SettleResult>(results: readonly Result[]): Result[] {
      const next = results.values();
      return items.map((item) =>
        isAccepted(item) ? next.next().value as Result : { ok: false, error: item } as Result
      );
    },
  };
}
