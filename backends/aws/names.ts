/** The names, ARNs and URLs of queues and topics. Pure: nothing here asks a service. */
import { MelangeError } from "../../src/errors.ts";

/** What an ARN of a queue or a topic says. */
export interface Arn {
  readonly service: string;
  readonly region: string;
  readonly accountId: string;
  readonly name: string;
}

const ARN = /^arn:aws[a-z-]*:(sns|sqs):([a-z0-9-]+):(\d{12}):([\w-]{1,256}(?:\.fifo)?)$/;

/** Reads the ARN of a queue or a topic; `undefined` if the text is none. */
export function parseArn(text: string): Arn | undefined {
  const [, service, region, accountId, name] = ARN.exec(text) ?? [];
  return service && region && accountId && name ? { service, region, accountId, name } : undefined;
}

/** Writes the ARN of a queue or a topic. */
export function formatArn(arn: Arn): string {
  const { service, region, accountId, name } = arn;
  return `arn:${partitionOf(region)[0]}:${service}:${region}:${accountId}:${name}`;
}

/** The address at which AWS offers a service in a region. */
export function serviceUrl(service: string, region: string): string {
  return `https://${service}.${region}.${partitionOf(region)[1]}`;
}

/** Partition and domain of a region. https://docs.aws.amazon.com/general/latest/gr/rande.html */
function partitionOf(region: string): [partition: string, domain: string] {
  if (region.startsWith("cn-")) return ["aws-cn", "amazonaws.com.cn"];
  if (region.startsWith("us-gov-")) return ["aws-us-gov", "amazonaws.com"];
  if (region.startsWith("eusc-")) return ["aws-eusc", "amazonaws.eu"];
  return ["aws", "amazonaws.com"];
}

const URL_REGION = /^https:\/\/(?:[^/]+\.)?(?:sqs(?:-fips)?\.([a-z0-9-]+)|([a-z0-9-]+)\.queue)\./;

/** The region that an ARN or the URL of a queue names; `undefined` if it names none. */
export function regionOf(address: string): string | undefined {
  if (address.startsWith("arn:")) return address.split(":")[3];
  const [, region, legacyRegion] = URL_REGION.exec(address) ?? [];
  return region ?? legacyRegion;
}

/** Tells whether a queue is given by its URL. */
export function isUrl(queue: string): boolean {
  return /^https?:\/\//.test(queue);
}

/** The name of a queue or topic that is given as name, ARN or URL. */
export function shortName(address: string): string {
  return address.slice(Math.max(address.lastIndexOf(":"), address.lastIndexOf("/")) + 1);
}

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html */
const QUEUE_NAME = /^(?=.{1,80}$)[\w-]+(?:\.fifo)?$/;
/** https://docs.aws.amazon.com/sns/latest/api/API_CreateTopic.html */
const TOPIC_NAME = /^(?=.{1,256}$)[\w-]+(?:\.fifo)?$/;

/**
 * Checks a name, or the name within an ARN or URL.
 *
 * @throws a `MelangeError` with the code `INVALID_MESSAGE` if AWS would refuse it.
 */
export function assertName(kind: "queue" | "topic", address: string): void {
  const isQueue = kind === "queue";
  const bare = !address.startsWith("arn:") && !(isQueue && isUrl(address));
  const arnOf = parseArn(address)?.service;
  const valid = (isQueue ? QUEUE_NAME : TOPIC_NAME).test(shortName(address)) &&
    (bare ? !/[:/]/.test(address) : isUrl(address) || arnOf === (isQueue ? "sqs" : "sns"));
  if (valid) return;
  const shown = address.replace(/[^\x20-\x7e]/g, "?").slice(0, 128);
  throw new MelangeError(
    "INVALID_MESSAGE",
    `Cannot use the ${kind} "${shown}" as a name is 1 to ${
      isQueue ? 80 : 256
    } of A-Z a-z 0-9 _ -, with ".fifo" at its end if it is FIFO (an ARN${
      isQueue ? " or a URL" : ""
    } is taken too)`,
  );
}
