import type { World } from "./world.ts";

/** The input of an action, as in the JSON of the SDKs: bytes are base64. */
export type Input = Readonly<Record<string, unknown>>;
/** The answer of an action, as in the JSON of the SDKs. */
export type Output = Record<string, unknown>;

/** The services, and `emulator` for the effects of time and of the network. */
export type ServiceName = "sqs" | "sns" | "sts" | "emulator";

/**
 * A change of the world, or a question to the world. An operation is plain data that JSON carries,
 * and equal operations on equal worlds have equal results.
 */
export interface Operation {
  /** The time, in milliseconds since the epoch. */
  readonly at: number;
  /** The service of the action. */
  readonly service: ServiceName;
  /** The action, as AWS names it. */
  readonly action: string;
  /** The input of the action. */
  readonly input: Input;
  /** The account that asks. */
  readonly account: string;
  /** The region that is asked. */
  readonly region: string;
  /**
   * The address of the request, without a slash at the end; the URLs of queues begin with this
   * address.
   */
  readonly origin: string;
  /** A UUID, from which all ids of the operation are made. */
  readonly id: string;
  /** The X-Ray trace of the request. */
  readonly traceHeader?: string;
  /** The entries of a batch, by place, that fail by the fault of the service. */
  readonly failing?: readonly number[];
  /** Tells that a standard queue stores each sent message twice. */
  readonly twice?: boolean;
  /** A number from which the order of a standard queue is drawn, in place of that of sending. */
  readonly disorder?: number;
  /** The rules that differ from the usual. */
  readonly rules?: Rules;
}

/** The rules of an emulator. */
export interface Rules {
  /** Tells that a topic delivers to queues whose policies do not allow the topic. */
  readonly ignorePolicies?: boolean;
  /** Time that the name of a deleted queue cannot be used, in milliseconds. */
  readonly deletedQueueMs?: number;
  /** Time until changed attributes of a queue hold, in milliseconds. */
  readonly attributesMs?: number;
  /** Time until a changed filter policy holds, in milliseconds. */
  readonly filterPoliciesMs?: number;
}

/** An operation under way. */
export interface Call extends Operation {
  /** The world of the operation. */
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

/** Returns the UUID so many places after another UUID. */
function numbered(id: string, places: number): string {
  if (places === 0) return id;
  const last = (parseInt(id.slice(24), 16) + places) % 2 ** 48;
  return id.slice(0, 24) + last.toString(16).padStart(12, "0");
}
