/** Names come out of messages, so not all that were ever asked for are kept. */
const MAX_ENTRIES = 10_000;

/** A map that starts anew when full. */
export class BoundedMap<Key, Value> extends Map<Key, Value> {
  readonly #max: number;

  /** Creates an empty map for so many entries. */
  constructor(max = MAX_ENTRIES) {
    super();
    this.#max = max;
  }

  /** Sets a value; an entry too many drops all other entries. */
  override set(key: Key, value: Value): this {
    if (this.size >= this.#max && !this.has(key)) this.clear();
    return super.set(key, value);
  }
}
