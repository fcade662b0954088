/** Lengths of time as people write and read them. */
import { UsageError } from "./arguments.ts";

const UNITS = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/**
 * Reads a length of time: `90s`, `15m`, `2h` or `3d`. Returns milliseconds.
 * @throws {UsageError} for anything else
 */
export function durationOf(option: string, text: string): number {
  const [, count = "", unit = ""] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  if (count !== "") return Number(count) * UNITS[unit as keyof typeof UNITS];
  throw new UsageError(
    `Cannot use --${option} ${text} as it is no length of time: write 90s, 15m, 2h or 3d`,
  );
}

/** Writes a length of time with its largest unit: `3d`, `2h`, `15m`, `9s`. */
export function written(ms: number): string {
  const [unit, length] = Object.entries(UNITS).findLast(([, length]) => ms >= length) ??
    ["s", 1_000];
  return `${Math.floor(ms / length)}${unit}`;
}
