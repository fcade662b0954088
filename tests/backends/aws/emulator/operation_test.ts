import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { callOf, type Operation } from "../../../../backends/aws/emulator/operation.ts";
import type { World } from "../../../../backends/aws/emulator/world.ts";

function idsAfter(end: string, count: number): string[] {
  const id = `00000000-0000-4000-8000-${end}`;
  const { newId } = callOf({} as World, { id } as Operation);
  return Array.from({ length: count }, () => newId().slice(24));
}

describe("callOf()", () => {
  it("counts ids up from that of the operation, each of the same length", () => {
    assertEquals(idsAfter("00000000000f", 3), ["00000000000f", "000000000010", "000000000011"]);
    assertEquals(idsAfter("ffffffffffff", 3), ["ffffffffffff", "000000000000", "000000000001"]);
    const [first] = idsAfter("abc000000000", 1);
    assertEquals(first, "abc000000000");
  });

  it("leaves the rest of the id as it is, and begins with nobody to wake", () => {
    const id = "12345678-1234-4234-8234-000000000001";
    const call = callOf({} as World, { id } as Operation);
    call.newId();
    assertEquals(call.newId(), "12345678-1234-4234-8234-000000000002");
    assertEquals(call.woken.size, 0);
  });
});
