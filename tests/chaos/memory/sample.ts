import { record } from "../records.ts";

/** How much memory a process takes after so many events. */
export interface Sample {
  /** Events published, or handled. */
  done: number;
  /** Resident memory, in bytes. */
  rss: number;
}

/** The size of what is published. */
export const PAYLOAD = "x".repeat(1_024);

/** Writes a sample down each time another hundredth is done. */
export function sampler(log: string, count: number): () => void {
  let done = 0;
  return () => {
    done += 1;
    if (done % Math.ceil(count / 100) === 0) record(log, { done, rss: Deno.memoryUsage().rss });
  };
}
