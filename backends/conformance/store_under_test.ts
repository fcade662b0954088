import type { DeduplicationStore } from "../../src/handle/deduplication/store.ts";

/** A store under test, made anew for each check; its keys may be shared with other checks. */
export interface DeduplicationStoreUnderTest {
  /** The store. */
  store: DeduplicationStore;
  /** A second store on the same data, as another process would have it. */
  other: DeduplicationStore;
  /** Lets time pass, for a virtual clock or in truth. */
  pass(ms: number): Promise<void>;
  /** Ends everything. */
  close?(): void | Promise<void>;
  /** Returns a store on the same data whose machine has a clock that is ahead by so much. */
  ahead?(ms: number): DeduplicationStore;
  /** Returns a store whose server does not answer, or answers with an error. */
  down?(): DeduplicationStore;
  /** Lets two processes claim the keys `prefix-0`, `prefix-1`, …; resolves to the keys each got. */
  race?(prefix: string, count: number): Promise<string[][]>;
  /**
   * Starts a process that claims the key for `leaseMs` and then does its effect; kills it before it
   * completes the key. Resolves when it is dead.
   */
  kill?(key: string, leaseMs: number): Promise<void>;
}

/** A function of {@linkcode DeduplicationStoreUnderTest} that not every test can give. */
export type StoreAbility = "ahead" | "down" | "race" | "kill";
