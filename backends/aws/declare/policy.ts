/**
 * The policy of a queue, which lets topics send to the queue. One statement is ours, has our `Sid`,
 * and lists topics. All other statements stay unchanged.
 *
 * https://docs.aws.amazon.com/sns/latest/dg/subscribe-sqs-queue-to-sns-topic.html
 */
import { MelangeError } from "../../../src/support/errors.ts";
import { partitionOf } from "../api/partitions.ts";
import { isRecord } from "../../../src/wire/json.ts";

/** The name of our statement. */
export const STATEMENT_ID = "MelangeSubscriptions";

/**
 * Returns the policy that lets all of these topics send to a queue, or `undefined` if the present
 * policy lets them already.
 *
 * @throws a `MelangeError` with the code `CONFLICT` if the present policy cannot be read: the
 * policy then stays unchanged.
 */
export function policyWith(
  policy: string | undefined,
  queueArn: string,
  topicArns: readonly string[],
): string | undefined {
  const { Statement = [], ...rest } = policy ? parsed(policy) : { Version: "2012-10-17" };
  const statements: unknown[] = Array.isArray(Statement) ? Statement : [Statement];
  const ours = statements.find(isOurs);
  const allowed = ours ? sourcesOf(ours) : [];
  const sources = [...new Set([...allowed, ...topicArns])];
  const statement = statementFor(queueArn, sources, ours?.Condition);
  if (ours && saysTheSame(ours, statement)) return undefined;
  const others = statements.filter((other) => !isOurs(other));
  return JSON.stringify({ ...rest, Statement: [...others, statement] });
}

/** The statements of a policy, as its readers need them. */
export interface PolicyFacts {
  /** The topics that our statement lets send, by ARN; a statement that was changed may hold patterns. */
  readonly sources: string[];
  /** The ids of all other statements, or their places where they have none. */
  readonly foreign: string[];
}

/** Reads the policy of a queue. A policy that cannot be read is a foreign statement by itself. */
export function policyFacts(policy: string | undefined): PolicyFacts {
  try {
    const { Statement = [] } = policy ? parsed(policy) : {};
    const statements: unknown[] = Array.isArray(Statement) ? Statement : [Statement];
    const sources = statements.filter(isOurs).flatMap(sourcesOf);
    const foreign = statements.flatMap((statement, index) => {
      if (isOurs(statement)) return [];
      return isRecord(statement) && typeof statement.Sid === "string" && statement.Sid !== ""
        ? statement.Sid
        : `statement ${index + 1}`;
    });
    return { sources, foreign };
  } catch {
    return { sources: [], foreign: ["a policy that cannot be read"] };
  }
}

function parsed(policy: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(policy);
    if (isRecord(value) && ["object", "undefined"].includes(typeof value.Statement)) return value;
  } catch {
    // Reported below, without the text that the parser would quote.
  }
  throw new MelangeError(
    "CONFLICT",
    "Cannot let topics send to the queue as it has a policy that cannot be read: repair or remove that first",
  );
}

function isOurs(statement: unknown): statement is Record<string, unknown> {
  return isRecord(statement) && statement.Sid === STATEMENT_ID;
}

/**
 * Returns the topics of our statement, also topics in a pattern, so that additions by hand are
 * kept.
 */
function sourcesOf({ Condition }: Record<string, unknown>): string[] {
  return conditionsOf(Condition).flatMap(({ sources }) => sources);
}

/** Returns the operators of a condition, each with the allowed topics and the other keys. */
function conditionsOf(condition: unknown) {
  return Object.entries(isRecord(condition) ? condition : {}).map(([operator, keys]) => {
    const lists = /^(arn|string)(equals|like)/i.test(operator) && isRecord(keys);
    const entries = lists ? Object.entries(keys) : [];
    const isSource = ([key]: [string, unknown]) => key.toLowerCase() === "aws:sourcearn";
    const sources = entries.filter(isSource).flatMap(([, arns]) => arns)
      .filter((arn) => typeof arn === "string");
    const others = entries.filter((entry) => !isSource(entry));
    return { operator, sources, rest: lists ? Object.fromEntries(others) : keys };
  });
}

/**
 * Makes our statement. A further condition from other hands stays, because without it more topics
 * could send.
 */
function statementFor(queueArn: string, sources: string[], condition: unknown) {
  const further = Object.fromEntries(
    conditionsOf(condition)
      .filter(({ rest }) => !isRecord(rest) || Object.keys(rest).length > 0)
      .map(({ operator, rest }) => [operator, rest]),
  );
  const ArnLike = isRecord(further.ArnLike) ? further.ArnLike : {};
  return {
    Sid: STATEMENT_ID,
    Effect: "Allow",
    Principal: { Service: principalsFor(queueArn, sources) },
    Action: "sqs:SendMessage",
    Resource: queueArn,
    Condition: { ...further, ArnLike: { ...ArnLike, "aws:SourceArn": sources } },
  };
}

const SNS = "sns.amazonaws.com";

/**
 * Returns the services that send for these topics. Among regions that every account has, the
 * service is SNS itself. With a region that accounts opt in to, the service is SNS of that region,
 * the queue's region first. With another principal the declaration succeeds, and no message is
 * delivered.
 *
 * https://docs.aws.amazon.com/sns/latest/dg/sns-cross-region-delivery.html
 */
function principalsFor(queueArn: string, topicArns: readonly string[]): string | string[] {
  const queueRegion = regionIn(queueArn);
  const services = topicArns.flatMap((topicArn) => {
    const topicRegion = regionIn(topicArn);
    const optIn = queueRegion === topicRegion
      ? undefined
      : [queueRegion, topicRegion].find(isOptIn);
    if (optIn === undefined) return SNS;
    const regional = `sns.${optIn}.amazonaws.com`;
    // A pattern: the queue's own region may be among them.
    return /[*?]/.test(topicRegion) ? [SNS, regional] : regional;
  });
  const [first = SNS, ...more] = [...new Set(services)].sort();
  return more.length === 0 ? first : [first, ...more];
}

/**
 * Returns the region of an ARN, or of a hand-written pattern, whose region may be a pattern too.
 */
function regionIn(arn: string): string {
  return arn.split(":")[3] ?? "";
}

/**
 * The regions that every account has; accounts opt in to all regions launched after March 2019.
 * https://docs.aws.amazon.com/global-infrastructure/latest/regions/aws-regions.html
 */
const ENABLED_REGIONS =
  /^(us-(east|west)-[12]|ca-central-1|sa-east-1|eu-(central|north)-1|eu-west-[123]|ap-south-1|ap-northeast-[123]|ap-southeast-[12])$/;

/** Tells whether accounts opt in to a region. Only the largest partition has such regions. */
function isOptIn(region: string): boolean {
  return /^[a-z]+(-[a-z]+)+-\d+$/.test(region) && partitionOf(region).id === "aws" &&
    !ENABLED_REGIONS.test(region);
}

/**
 * Compares statements as the service may give them back: a list with one member as the member, in
 * another order or case.
 */
function saysTheSame(ours: Record<string, unknown>, wanted: Record<string, unknown>): boolean {
  // Several operators must all be satisfied, which is not what a list of topics says.
  const condition = (statement: Record<string, unknown>) => {
    const operators = conditionsOf(statement.Condition).filter(({ sources }) => sources.length > 0);
    return [operators.length, ...sourcesOf(statement).sort()].join();
  };
  const principals = ({ Principal }: Record<string, unknown>) =>
    isRecord(Principal) && Object.keys(Principal).join() === "Service"
      ? [Principal.Service].flat().sort().join().toLowerCase()
      : undefined;
  const rest = ({ Condition: _c, Principal: _p, ...others }: Record<string, unknown>) =>
    Object.entries(others).sort().map(([key, value]) =>
      `${key}=${JSON.stringify(value).replace(/^\["([^"]*)"\]$/, '"$1"')}`.toLowerCase()
    ).join();
  return condition(ours) === condition(wanted) && principals(ours) === principals(wanted) &&
    rest(ours) === rest(wanted);
}
