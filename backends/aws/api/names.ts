/** The names, ARNs and URLs of queues and topics. Pure: nothing here asks a service. */
import { MelangeError } from "../../../src/support/errors.ts";
import { type Destination, nameOf, shown } from "../../../src/wire/message.ts";
import { partitionOf } from "./partitions.ts";

/** The parts of an ARN of a queue or a topic. */
export interface Arn {
  readonly service: string;
  readonly region: string;
  readonly accountId: string;
  readonly name: string;
}

/** A name, alone, with the rest of an ARN, or with the beginning of a URL. */
export type Address = Pick<Arn, "name"> & Partial<Arn> & { readonly url?: string };

const ADDRESS =
  /^((?<url>\w+:\/\/.+\/)|arn:aws[a-z-]*:(?<service>s[nq]s):(?<region>[a-z0-9-]+):(?<accountId>\d{12}):)?(?<name>[\w-]+(\.fifo)?)$/;

/** Reads the name, ARN or URL of a queue or a topic. Any other text counts as a name, which AWS refuses. */
export function readAddress(text: string): Address {
  return ADDRESS.exec(text)?.groups as Address | undefined ?? { name: text };
}

/** Reads the ARN of a queue or a topic; `undefined` if the text is none. */
export function parseArn(text: string): Arn | undefined {
  const address = readAddress(text);
  return address.service ? address as Arn : undefined;
}

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html */
const QUEUE_CHARACTERS = 80;
/** https://docs.aws.amazon.com/sns/latest/api/API_CreateTopic.html */
const TOPIC_CHARACTERS = 256;

/**
 * Reads the name, ARN or URL of a queue, or the name or ARN of a topic.
 *
 * @throws a `MelangeError` with the code `INVALID_MESSAGE` if AWS would refuse the name.
 */
export function addressOf(destination: Destination): Address {
  const isQueue = "queue" in destination;
  const max = isQueue ? QUEUE_CHARACTERS : TOPIC_CHARACTERS;
  const address = readAddress(nameOf(destination));
  const { service, url, name } = address;
  const isOther = isQueue ? service === "sns" : url || service === "sqs";
  if (/^[\w-]+(\.fifo)?$/.test(name) && name.length <= max && !isOther) return address;
  throw new MelangeError(
    "INVALID_MESSAGE",
    `Cannot use ${
      shown(destination)
    } as its name must be 1 to ${max} of A-Z a-z 0-9 _ - (and .fifo)`,
  );
}

/** Writes the ARN of a queue or a topic. */
export function formatArn({ service, region, accountId, name }: Arn): string {
  return `arn:${partitionOf(region).id}:${service}:${region}:${accountId}:${name}`;
}

/** The address at which AWS offers a service in a region. */
export function serviceUrl(service: string, region: string): string {
  return `https://${service}.${region}.${partitionOf(region).domain}`;
}

/** The base of a queue's URL: everything before the account id and the name. */
export function baseOf(address: string): string | undefined {
  return /^\w+:\/\/[^/]+(.*(?=([/][^/]+){2}$))?/.exec(address)?.[0];
}

const HOST =
  /^\w+:\/\/(?:(?:(?:vpce-[\w-]+\.)?sqs(?:-fips)?\.|(?=[\w-]+\.queue\.))([a-z-]+-(?:north|south|east|west|central)[a-z]*-\d+)\.|queue\.amazonaws\.com[:/])/;

/**
 * Reads the region out of an ARN or the URL of a queue; `undefined` if there is none. In a host, the
 * region counts only in the place and the form of AWS: other hosts may have anything there.
 *
 * https://docs.aws.amazon.com/general/latest/gr/sqs-service.html
 */
export function regionOf(address: string): string | undefined {
  const host = HOST.exec(address.toLowerCase());
  return host ? host[1] ?? "us-east-1" : readAddress(address).region;
}

/** The name of a queue or topic that is given as name, ARN or URL. */
export function shortName(address: string): string {
  return address.replace(/.*[:/]/s, "");
}
