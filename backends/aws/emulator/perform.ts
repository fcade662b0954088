/**
 * The world and its operations: no clock, no promise, no chance. Equal operations have equal
 * results.
 */
import { commonError, notEmulated } from "./errors.ts";
import { type Action, type Call, callOf, type Operation, type Output } from "./operation.ts";
import { SNS_ACTIONS, SNS_NOT_EMULATED } from "./sns/mod.ts";
import { postAnswered } from "./sns/posts.ts";
import { SQS_ACTIONS } from "./sqs/mod.ts";
import { moveMessages, nextMoveAt } from "./sqs/move_tasks.ts";
import type { World } from "./world.ts";

/** The result of an operation. */
export interface Performed {
  /** The answer of the operation. */
  readonly output: Output;
  /** The ARNs of the queues that may have something new to receive. */
  readonly woken: ReadonlySet<string>;
}

const ACTIONS: Readonly<Record<Operation["service"], Readonly<Record<string, Action>>>> = {
  sqs: SQS_ACTIONS,
  sns: SNS_ACTIONS,
  sts: { GetCallerIdentity: getCallerIdentity },
  emulator: { Tick: tick, PostAnswered: postAnswered },
};

/**
 * Does one operation.
 * @throws {RequestError} for a refusal of the service
 */
export function perform(world: World, operation: Operation): Performed {
  const call = callOf(world, operation);
  const { service, action } = operation;
  const act = Object.hasOwn(ACTIONS[service], action) ? ACTIONS[service][action] : undefined;
  if (act) return { output: act(call), woken: call.woken };
  if (service === "sns" && SNS_NOT_EMULATED.includes(action)) throw notEmulated(action);
  if (service === "sts") throw notEmulated(`${action} of STS`);
  throw commonError("InvalidAction", `The action ${action} is not valid for this endpoint.`);
}

/** https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html */
function getCallerIdentity({ account }: Call): Output {
  return {
    Arn: `arn:aws:iam::${account}:user/melange`,
    UserId: `AIDA${account}MELANGE0`.slice(0, 21),
    Account: account,
  };
}

function tick(call: Call): Output {
  moveMessages(call);
  return {};
}

/** Returns the next time at which the world changes by itself; `undefined` if there is none. */
export function nextTickAt(world: World): number | undefined {
  return nextMoveAt(world);
}
