import { describe, it } from "@std/testing/bdd";
import { s3Payloads } from "../../../../backends/aws/payloads/s3.ts";
import { memoryPayloads, payloadStore } from "../../../../src/wire/payloads/mod.ts";
import { fakeS3 } from "../../../payloads/fake_s3.ts";
import { STORE_CHECKS, type Stores } from "../../../payloads/store_checks.ts";

const bucket = "mine";

/** Stores by name; each check gets new ones, which share their objects. */
const STORES: Readonly<Record<string, () => Stores>> = {
  "memoryPayloads()": () => {
    const objects = new Map<string, string>();
    return { bucket, create: (options) => memoryPayloads({ ...options, bucket, objects }) };
  },
  "payloadStore() over a map": () => {
    const kept = new Map<string, string>();
    const nameOf = (place: { bucket: string; key: string }) => JSON.stringify(place);
    return {
      bucket,
      create: (options) =>
        payloadStore({
          put: (place, body) => Promise.resolve(void kept.set(nameOf(place), body)),
          get: (place) => Promise.resolve(kept.get(nameOf(place))),
        }, { ...options, bucket }),
    };
  },
  "s3Payloads()": () => {
    const { fetch } = fakeS3(bucket);
    const settings = {
      region: "us-east-1",
      endpoint: "http://s3.test",
      credentials: { accessKeyId: "a", secretAccessKey: "b" },
      environment: () => undefined,
      fetch,
    };
    return {
      bucket,
      create: (options) => s3Payloads({ ...settings, ...options, bucket }),
      missingBucket: () => s3Payloads({ ...settings, bucket: "missing-bucket" }),
    };
  },
};

for (const [name, create] of Object.entries(STORES)) {
  describe(name, () => {
    for (const check of STORE_CHECKS) it(check.name, () => check.run(create()));
  });
}
