/** Names come out of messages, so not all that were ever asked for are kept. */
const MAX_ENTRIES = 10_000;

/** A map that starts anew when it is full. */
export class BoundedMap<Key, Value> extends Map<Key, Value> {
  /** Sets a value; one entry too many drops all others. */
  override set(key: Key, value: Value): this {
    if (this.size >= MAX_ENTRIES && !this.has(key)) this.clear();
    return super.set(key, value);
  }
}
