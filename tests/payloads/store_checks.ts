/**
 * What every store of payloads must do, as checks that any runner can run: also a task, which has no
 * `@std/assert` where JSR does not answer.
 */
import { systemClock } from "../../src/support/clock.ts";
import { MelangeError } from "../../src/support/errors.ts";
import { assert, assertEquals, assertRejects } from "../portable/assert.ts";
import type { Attributes, OutgoingMessage, ReceivedMessage } from "../../src/wire/message.ts";
import {
  aesGcm,
  gzip,
  type OffloadOptions,
  type PayloadStore,
} from "../../src/wire/payloads/mod.ts";

/** A check, by a name that reads after the name of the store. */
export interface StoreCheck {
  readonly name: string;
  run(stores: Stores): Promise<void>;
}

/** The store to check, and others at the same place. */
export interface Stores {
  /** Creates a store for the same bucket. */
  create(options?: { maxBytes?: number; prefix?: string; readBuckets?: string[] }): PayloadStore;
  /** Creates a store for a bucket that does not exist, if this kind of store has such. */
  missingBucket?(): PayloadStore;
  /** The name of the bucket. */
  readonly bucket: string;
}

const CODECS = [gzip({ overBytes: 0 }), aesGcm({ keys: { k: new Uint8Array(32) }, current: "k" })];
/** Keys as other writers may choose them. */
export const KEYS: readonly string[] = [
  "plain",
  "a/b/c",
  "a b+c%20d",
  "é€🌶",
  "!'()*~;:@&=$,?#[]",
  "..a/b..",
  "x".repeat(900),
];

function optionsFor(options: Partial<OffloadOptions> = {}): OffloadOptions {
  return {
    destination: { queue: "q" },
    limits: { messageBytes: 262_144, delayMs: 0 },
    overBytes: 1,
    clock: systemClock,
    random: Math.random,
    ...options,
  };
}

function offload(store: PayloadStore, body: string, options: Partial<OffloadOptions> = {}) {
  const melange = '{"id":"e","on":"2026-01-01T00:00:00.000Z"}';
  const message = { body, attributes: { manifest: "Report", melange } };
  return store.offload(message, optionsFor(options));
}

async function read(store: PayloadStore, message: OutgoingMessage): Promise<string> {
  const received: ReceivedMessage = { ...message, id: "m", sentAt: new Date(), attempt: 1 };
  return (await store.restore(received, { clock: systemClock, codecs: CODECS })).body;
}

function pointerTo(s3BucketName: string, s3Key: string, attributes: Attributes = {}) {
  const pointer = ["software.amazon.payloadoffloading.PayloadS3Pointer", { s3BucketName, s3Key }];
  return { body: JSON.stringify(pointer), attributes };
}

function placeIn(message: OutgoingMessage): { s3BucketName: string; s3Key: string } {
  return JSON.parse(message.body)[1];
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  return (await assertRejects(() => promise, MelangeError)).code;
}

/** All checks, in an order that makes sense to read. */
export const STORE_CHECKS: readonly StoreCheck[] = [
  {
    name: "gives back what it took, of any size and any characters",
    async run({ create }) {
      const texts = [
        "x",
        '"é€🌶\ufeff\\u0000"',
        "\ufeffx",
        "line\r\nline\ttab",
        "é".repeat(200_000),
      ];
      for (const text of texts) {
        for (const codecs of [[], CODECS]) {
          const message = await offload(create(), text, { codecs });
          assertEquals(await read(create(), message), text);
        }
      }
    },
  },
  {
    name: "gives each body a key of its own, below the prefix",
    async run({ create }) {
      const messages = await Promise.all(
        Array.from({ length: 20 }, () => offload(create({ prefix: "pre/fix-" }), "same")),
      );
      const keys = messages.map((message) => placeIn(message).s3Key);
      assertEquals(new Set(keys).size, 20);
      assert(keys.every((key) => key.startsWith("pre/fix-")));
      for (const message of messages) assertEquals(await read(create(), message), "same");
    },
  },
  {
    name: "does not find what is not there, under any key",
    async run({ create, bucket }) {
      for (const key of KEYS) {
        assertEquals(await codeOf(read(create(), pointerTo(bucket, key))), "UNDECODABLE");
      }
    },
  },
  {
    name: "reads no more than the message says",
    async run({ create }) {
      const message = await offload(create(), "x".repeat(100_000));
      for (const said of [1, 99_999]) {
        const attributes = { ...message.attributes, ExtendedPayloadSize: said };
        assertEquals(await codeOf(read(create(), { ...message, attributes })), "UNDECODABLE");
      }
      assertEquals((await read(create(), message)).length, 100_000);
    },
  },
  {
    name: "reads no more than maxBytes",
    async run({ create, bucket }) {
      const { s3Key } = placeIn(await offload(create(), "x".repeat(100_000)));
      const small = create({ maxBytes: 10_000 });
      assertEquals(await codeOf(read(small, pointerTo(bucket, s3Key))), "UNDECODABLE");
      assertEquals((await read(create(), pointerTo(bucket, s3Key))).length, 100_000);
    },
  },
  {
    name: "refuses a body that was changed after the message was made",
    async run({ create }) {
      const [first, second] = [await offload(create(), "first"), await offload(create(), "other")];
      const swapped = { ...first, body: second.body };
      assertEquals(await codeOf(read(create(), swapped)), "UNDECODABLE");
    },
  },
  {
    name: "reads from no bucket that nobody listed",
    async run({ create, bucket }) {
      const { s3Key } = placeIn(await offload(create(), "x"));
      assertEquals(await codeOf(read(create(), pointerTo("foreign", s3Key))), "UNDECODABLE");
      const listed = create({ readBuckets: ["foreign"] });
      assert(await codeOf(read(listed, pointerTo("foreign", s3Key))) !== "");
      assertEquals(await read(create(), pointerTo(bucket, s3Key)), "x");
    },
  },
  {
    name: "tells a missing bucket from a missing object",
    async run({ missingBucket }) {
      if (!missingBucket) return;
      assertEquals(await codeOf(offload(missingBucket(), "x")), "CONFIGURATION");
      const gone = pointerTo("missing-bucket", "k");
      assertEquals(await codeOf(read(missingBucket(), gone)), "CONFIGURATION");
    },
  },
  {
    name: "ends with the reason of the caller's signal",
    async run({ create }) {
      const message = await offload(create(), "x", { codecs: CODECS });
      const received = { ...message, id: "m", sentAt: new Date(), attempt: 1 };
      for (const turns of [0, 1, 3]) {
        const controller = new AbortController();
        const { signal } = controller;
        const options = { clock: systemClock, codecs: CODECS, signal };
        const calls = [
          () => offload(create(), "x".repeat(100_000), { codecs: CODECS, signal }),
          () => create().restore(received, options),
        ];
        if (turns === 0) controller.abort("enough");
        const ends = Promise.allSettled(calls.map((call) => call()));
        for (let turn = 0; turn < turns; turn++) await Promise.resolve();
        controller.abort("enough");
        for (const end of await ends) {
          assert(end.status === "rejected" && end.reason === "enough");
        }
      }
    },
  },
];
