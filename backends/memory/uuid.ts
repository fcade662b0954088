import type { Random } from "../../src/support/clock.ts";

/**
 * A version 4 UUID made from `random`, so that a seeded test always sees the same ids.
 * https://www.rfc-editor.org/rfc/rfc9562#section-5.4
 */
export function uuidFrom(random: Random): string {
  const hex = Array.from({ length: 32 }, (_, place) => digit(place, random)).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

function digit(place: number, random: Random): string {
  if (place === 12) return "4";
  const value = Math.floor(random() * 16);
  return (place === 16 ? 8 + value % 4 : value).toString(16);
}
