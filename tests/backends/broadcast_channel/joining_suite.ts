import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { BroadcastChannelBackend } from "../../../backends/broadcast_channel/mod.ts";
import { within } from "../../wait.ts";

describe("BroadcastChannelBackend on real channels, without Web Locks", () => {
  for (const count of [2, 3, 8]) {
    it(`${count} that join in one turn: one leads before any call returns`, async () => {
      for (let round = 0; round < 6; round++) {
        const name = `joining-${crypto.randomUUID()}`;
        const backends = Array.from(
          { length: count },
          () => new BroadcastChannelBackend({ name, locks: null }),
        );
        const calls = backends.map(async (backend, place) => {
          await backend.declareQueue(`q-${place}`);
          assertEquals(backends.filter(({ role }) => role === "leader").length, 1);
        });
        await within(Promise.all(calls), { what: "calls", ms: 20_000 });
        for (const backend of backends) {
          for (let place = 0; place < count; place++) await backend.describeQueue(`q-${place}`);
        }
        for (const backend of backends) await backend.close();
      }
    });
  }
});
