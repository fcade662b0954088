import type { World } from "./world.ts";

/** What an action is asked for, as the JSON of the SDKs: bytes are base64. */
export type Input = Readonly<Record<string, unknown>>;
/** What an action answers, as the JSON of the SDKs. */
export type Output = Record<string, unknown>;

/** The services, and `emulator` for what time and the network bring. */
export type ServiceName = "sqs" | "sns" | "sts" | "emulator";

/**
 * One thing that is done to the world. It is plain data that JSON carries, and equal operations on
 * equal worlds have equal results.
 */
export interface Operation {
  /** The time, in milliseconds since the epoch. */
  readonly at: number;
  /** Whose action it is. */
  readonly service: ServiceName;
  /** The action, as AWS names it. */
  readonly action: string;
  /** What it is asked for. */
  readonly input: Input;
  /** The account that asks. */
  readonly account: string;
  /** The region that is asked. */
  readonly region: string;
  /** The address that was asked, without a slash at its end: the URLs of queues begin so. */
  readonly origin: string;
  /** A UUID of its own: all ids that it makes come from this one. */
  readonly id: string;
  /** The X-Ray trace of the request. */
  readonly traceHeader?: string;
  /** The entries of a batch, by place, that fail by the fault of the service. */
  readonly failing?: readonly number[];
  /** Whether a standard queue stores what it is sent twice. */
  readonly twice?: boolean;
  /** What is otherwise than usual. */
  readonly rules?: Rules;
}

/** What an emulator does as it was told. */
export interface Rules {
  /** Whether a topic delivers to queues whose policies do not let it. */
  readonly ignorePolicies?: boolean;
  /** How long the name of a deleted queue cannot be used, in milliseconds. */
  readonly deletedQueueMs?: number;
}

/** An operation under way. */
export interface Call extends Operation {
  /** What it is done to. */
  readonly world: World;
  /** Makes another id. */
  readonly newId: () => string;
  /** Takes the ARNs of the queues that may have something new to receive. */
  readonly woken: Set<string>;
}

/** Does one action. */
export type Action = (call: Call) => Output;

/** Starts an operation. */
export function callOf(world: World, operation: Operation): Call {
  let made = 0;
  return { ...operation, world, newId: () => numbered(operation.id, made++), woken: new Set() };
}

/** The UUID that comes so many places after another one. */
function numbered(id: string, places: number): string {
  if (places === 0) return id;
  const last = (parseInt(id.slice(24), 16) + places) % 2 ** 48;
  return id.slice(0, 24) + last.toString(16).padStart(12, "0");
}
