/** The ARNs and URLs of queues and topics. */
import { partitionOf } from "../api/partitions.ts";
import type { Operation } from "./operation.ts";

/** The parts of an ARN. */
export interface Arn {
  /** `aws`, `aws-cn` … */
  readonly partition: string;
  /** `sqs`, `sns`, `lambda` … */
  readonly service: string;
  /** The region. */
  readonly region: string;
  /** The account. */
  readonly account: string;
  /** All that follows. */
  readonly resource: string;
}

/** An ARN: partition, service, region, account and resource. */
const ARN = /^arn:(aws[a-z-]*):([a-z0-9-]+):([a-z0-9-]*):(\d{12}|):(.+)$/;

/** The parts of an ARN; `undefined` for everything else. */
export function parseArn(text: string): Arn | undefined {
  const [, partition = "", service = "", region = "", account = "", resource = ""] =
    ARN.exec(text) ?? [];
  return partition ? { partition, service, region, account, resource } : undefined;
}

/** The ARN of a queue or topic of the account and region that ask. */
export function arnOf(service: "sqs" | "sns", name: string, { region, account }: Place): string {
  return `arn:${partitionOf(region).id}:${service}:${region}:${account}:${name}`;
}

/** Region and account of an address. */
export type Place = Pick<Operation, "region" | "account">;

/** The URL of a queue, at the address that was asked. */
export function queueUrl(queue: { account: string; name: string }, origin: string): string {
  return `${origin}/${queue.account}/${queue.name}`;
}

/** The account and the name in the URL of a queue; `undefined` for everything else. */
export function parseQueueUrl(url: string): { account: string; name: string } | undefined {
  const [, account, name] = /^https?:\/\/[^/?#]+\/(?:[^?#]*\/)?(\d{12})\/([\w.-]+)$/.exec(url) ??
    [];
  return account === undefined || name === undefined ? undefined : { account, name };
}
