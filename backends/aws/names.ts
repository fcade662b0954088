/** The names, ARNs and URLs of queues and topics. Pure: nothing here asks a service. */
import { MelangeError } from "../../src/errors.ts";
import { type Destination, nameOf, shown } from "../../src/message.ts";

/** What an ARN of a queue or a topic says. */
export interface Arn {
  readonly service: string;
  readonly region: string;
  readonly accountId: string;
  readonly name: string;
}

/** A name, and what is given with it: nothing, all of an ARN, or the beginning of a URL. */
export type Address = Pick<Arn, "name"> & Partial<Arn> & { readonly url?: string };

const ADDRESS =
  /^((?<url>https?:\/\/.+\/)|arn:aws[a-z-]*:(?<service>s[nq]s):(?<region>[a-z0-9-]+):(?<accountId>\d{12}):)?(?<name>[\w-]+(\.fifo)?)$/;

function parse(text: string): Address | undefined {
  return ADDRESS.exec(text)?.groups as Address | undefined;
}

/** Reads the ARN of a queue or a topic; `undefined` if the text is none. */
export function parseArn(text: string): Arn | undefined {
  const address = parse(text);
  return address?.service ? address as Arn : undefined;
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
  const address = parse(nameOf(destination));
  const { service, url } = address ?? {};
  const isOther = isQueue ? service === "sns" : url || service === "sqs";
  if (address && address.name.length <= max && !isOther) return address;
  throw new MelangeError(
    "INVALID_MESSAGE",
    `Cannot use ${
      shown(destination)
    } as its name must be 1 to ${max} of A-Z a-z 0-9 _ - (and .fifo)`,
  );
}

/** Writes the ARN of a queue or a topic. */
export function formatArn({ service, region, accountId, name }: Arn): string {
  const partition = partitionOf(region);
  return `arn:aws${partition && `-${partition}`}:${service}:${region}:${accountId}:${name}`;
}

/** The address at which AWS offers a service in a region. */
export function serviceUrl(service: string, region: string): string {
  const domain = { "cn": "com.cn", "eusc": "eu" }[partitionOf(region)] ?? "com";
  return `https://${service}.${region}.amazonaws.${domain}`;
}

/** The partition of a region; empty for the largest. https://docs.aws.amazon.com/general/latest/gr/rande.html */
function partitionOf(region: string): string {
  return /^(cn|us-gov|eusc)-/.exec(region)?.[1] ?? "";
}

const REGION =
  /(?<=^arn:[^:]+:s[nq]s:|^https:\/\/([^/]+\.)?sqs(-fips)?\.)[a-z0-9-]+|(?<=^https:\/\/)[a-z0-9-]+(?=\.queue\.)/;

/** The region that an ARN or the URL of a queue names; `undefined` if it names none. */
export function regionOf(address: string): string | undefined {
  return REGION.exec(address)?.[0];
}

/** The name of a queue or topic that is given as name, ARN or URL. */
export function shortName(address: string): string {
  return address.replace(/.*[:/]/s, "");
}
