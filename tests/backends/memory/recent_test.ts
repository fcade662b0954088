import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { createRecent, recall, remember, remembered } from "../../../backends/memory/recent.ts";

describe("recent", () => {
  it("recall() finds an entry until its time and not at it", () => {
    const recent = createRecent<string>();
    remember(recent, { key: "a", value: "first", until: 100 });
    assertEquals(recall(recent, "a", 99), "first");
    assertEquals(recall(recent, "a", 100), undefined);
    assertEquals(recent.entries.size, 0);
  });

  it("gives back the room of what was forgotten", () => {
    const recent = createRecent<number>();
    for (let i = 0; i < 10_000; i++) {
      remember(recent, { key: `k${i}`, value: i, until: i + 10 });
      recall(recent, "", i);
    }
    assertEquals(recent.entries.size, 10);
    assertEquals(recent.queue.length < 3_000, true);
    assertEquals(remembered(recent)[0]?.value, 9_990);
  });
});
