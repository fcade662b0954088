import { abortable } from "../../src/support/clock.ts";
import { MelangeError } from "../../src/support/errors.ts";
import { type Destination, nameOf } from "../../src/wire/message.ts";
import type { AwsClient } from "./api/client.ts";
import { isNotFound } from "./api/errors.ts";
import { type Address, addressOf, formatArn, readAddress } from "./api/names.ts";
import { getCallerIdentity } from "./api/sns.ts";
import { getQueueUrl } from "./api/sqs.ts";

/** Options for finding addresses by names. */
export interface AddressOptions {
  /**
   * The account of the topics, twelve digits. Default: `AWS_ACCOUNT_ID`, else one
   * `sts:GetCallerIdentity`, which needs no permission.
   */
  accountId?: string;
}

/** Finds the addresses of queues and topics, each once. Names, ARNs and URLs are taken. */
export interface Addresses {
  /** The URL of a queue, or the ARN of a topic, which need not exist. */
  find(destination: Destination): Promise<string>;
  /** Calls with the address, and forgets it if nothing is there. */
  at<T>(
    destination: Destination,
    signal: AbortSignal | undefined,
    call: (address: string) => Promise<T>,
  ): Promise<T>;
  /** Looks for an address once for all that ask meanwhile and later; a failure is not remembered. */
  remember(key: string, look: () => Promise<string>): Promise<string>;
}

/** Creates an empty address book, which keeps found addresses in a map. */
export function createAddresses(
  client: AwsClient,
  options: AddressOptions,
  memory: Map<string, Promise<string>> = new Map(),
): Addresses {
  function forget(key: string, found: Promise<string>): void {
    if (memory.get(key) === found) memory.delete(key);
  }

  function remember(key: string, look: () => Promise<string>): Promise<string> {
    const found = memory.get(key) ?? look();
    memory.set(key, found);
    found.catch(() => forget(key, found));
    return found;
  }

  async function findTopic({ name }: Address): Promise<string> {
    const { region } = await client.place({ service: "sns" });
    return formatArn({
      service: "sns",
      region,
      accountId: await remember("", () => findAccount(client, options)),
      name,
    });
  }

  function find(destination: Destination): Promise<string> {
    const isTopic = "topic" in destination;
    const name = nameOf(destination);
    const address = readAddress(name);
    if (isTopic ? address.service : address.url) return Promise.resolve(name);
    return remember(
      keyOf(destination),
      () => isTopic ? findTopic(address) : findQueue(client, address),
    );
  }

  return {
    find,
    remember,
    async at(destination, signal, call) {
      const found = find(destination);
      return await call(await abortable(found, signal)).catch((error) => {
        if (isNotFound(error)) forget(keyOf(destination), found);
        throw error;
      });
    },
  };
}

/** The key of a queue or topic in the address book. */
export function keyOf(destination: Destination): string {
  return JSON.stringify(destination);
}

/** Wraps addresses so that an invalid name is refused before the first request. */
export function checkingNames(addresses: Addresses): Addresses {
  return {
    ...addresses,
    async find(destination) {
      addressOf(destination);
      return await addresses.find(destination);
    },
    async at(destination, signal, call) {
      addressOf(destination);
      return await addresses.at(destination, signal, call);
    },
  };
}

async function findAccount(client: AwsClient, options: AddressOptions): Promise<string> {
  const account = options.accountId ?? client.environment("AWS_ACCOUNT_ID") ??
    await getCallerIdentity(client);
  if (/^\d{12}$/.test(account)) return account;
  throw new MelangeError("CONFIGURATION", "Cannot use the account id as it must be 12 digits");
}

function findQueue(client: AwsClient, { name, accountId, region }: Address): Promise<string> {
  return getQueueUrl(client, { QueueName: name, QueueOwnerAWSAccountId: accountId }, { region });
}

/**
 * Says of a destination that was not found that nothing was sent, because the error of a question
 * cannot know this.
 */
export function notSent(error: unknown): never {
  const { code, message } = error as MelangeError;
  // ACCESS_DENIED, NOT_FOUND, OUTCOME_UNKNOWN or REFUSED. What is missing in the environment has
  // nothing to do with where it was sent.
  if (!/^[ANOR]/.test(code)) throw error;
  throw new MelangeError(
    code === "OUTCOME_UNKNOWN" ? "REFUSED" : code,
    `${message} (not sent: check accountId)`,
    error!,
  );
}
