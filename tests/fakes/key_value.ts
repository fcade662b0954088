/** Fakes of Deno KV and of Durable Objects, as far as the stores use them. */
import type { DenoKv, DenoKvOperation } from "../../src/handle/deduplication/deno_kv.ts";
import type {
  DurableObjectKeys,
  DurableObjectKeysNamespace,
  DurableObjectKeysState,
  DurableObjectKeysStorage,
} from "../../src/handle/deduplication/durable_objects.ts";

/** Deno KV in memory: versions count up, and nothing expires. */
export class FakeKv implements DenoKv {
  readonly #entries = new Map<string, { value: unknown; versionstamp: string }>();
  #version = 0;

  async get(key: string[]): Promise<{ value: unknown; versionstamp: string | null }> {
    await Promise.resolve();
    return this.#entries.get(key.join("/")) ?? { value: null, versionstamp: null };
  }

  atomic(): DenoKvOperation {
    const checks: { key: string[]; versionstamp: string | null }[] = [];
    const changes: (() => void)[] = [];
    const operation: DenoKvOperation = {
      check: (entry) => (checks.push(entry), operation),
      set: (key, value) => {
        const versionstamp = `${++this.#version}`;
        changes.push(() => this.#entries.set(key.join("/"), { value, versionstamp }));
        return operation;
      },
      delete: (key) => (changes.push(() => this.#entries.delete(key.join("/"))), operation),
      commit: async () => {
        await Promise.resolve();
        const ok = checks.every(({ key, versionstamp }) => {
          return (this.#entries.get(key.join("/"))?.versionstamp ?? null) === versionstamp;
        });
        if (ok) { for (const change of changes) change(); }
        return { ok };
      },
    };
    return operation;
  }
}

/** A namespace of Durable Objects in memory. The transactions of one object run one at a time. */
export function fakeNamespace(
  create: (state: DurableObjectKeysState) => DurableObjectKeys,
): DurableObjectKeysNamespace {
  const objects = new Map<string, DurableObjectKeys>();
  return {
    idFromName: (name) => name,
    get(id: string) {
      const object = objects.get(id) ?? create(fakeState());
      objects.set(id, object);
      return { fetch: (url, init) => object.fetch(new Request(url, init)) };
    },
  };
}

function fakeState(): DurableObjectKeysState {
  const values = new Map<string, unknown>();
  const inside: DurableObjectKeysStorage = {
    get: (key) => Promise.resolve(values.get(key)),
    put: (key, value) => Promise.resolve(void values.set(key, value)),
    delete: (key) => Promise.resolve(values.delete(key)),
  };
  let last: Promise<unknown> = Promise.resolve();
  return {
    storage: {
      transaction(run) {
        const done = last.then(() => run(inside));
        last = done.catch(() => {});
        return done;
      },
      setAlarm: () => Promise.resolve(),
      deleteAll: () => Promise.resolve(values.clear()),
    },
  };
}
