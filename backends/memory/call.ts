import type { Limits, QueueLimits, ReceiveOptions } from "../../src/backend.ts";
import { checkRanges } from "../../src/support/range.ts";
import { MelangeError } from "../../src/support/errors.ts";
import { messageSize, type OutgoingMessage } from "../../src/wire/message.ts";

/**
 * Refuses a call with too many items.
 *
 * @throws {MelangeError} `INVALID_MESSAGE`
 */
export function checkEntries(count: number, limits: Limits): void {
  if (count > limits.entries) refuse(`takes at most ${limits.entries} items`, count);
}

/**
 * Refuses messages that are together too large for one call.
 *
 * @throws {MelangeError} `INVALID_MESSAGE`
 */
export function checkBatch(messages: readonly OutgoingMessage[], limits: Limits): void {
  const bytes = messages.reduce((total, message) => total + messageSize(message), 0);
  if (bytes > limits.batchBytes) refuse(`takes at most ${limits.batchBytes} bytes`, bytes);
}

function refuse(rule: string, value: number): never {
  throw new MelangeError(
    "INVALID_MESSAGE",
    `Cannot make this call as one call ${rule}: current value is ${value}`,
  );
}

/**
 * Refuses parameters of a receive that SQS refuses.
 *
 * @throws {RangeError} if a number is outside its range
 */
export function checkReceive(options: ReceiveOptions, limits: QueueLimits): void {
  const { max, waitMs, visibilityMs } = options;
  const cannot = "receive";
  checkRanges({ max }, { cannot, min: 1, max: limits.entries });
  checkRanges({ waitMs }, { cannot, min: 0, max: limits.waitMs });
  checkRanges({ visibilityMs }, { cannot, min: 0, max: limits.visibilityMs });
}
