import { abortable } from "../../src/clock.ts";
import { MelangeError } from "../../src/errors.ts";
import { type Destination, isFifo, nameOf, shown } from "../../src/message.ts";
import type { AwsClient } from "./client.ts";
import { isNotFound } from "./errors.ts";
import { type Address, addressOf, formatArn } from "./names.ts";
import { createTopic, getCallerIdentity } from "./sns.ts";
import { getQueueUrl } from "./sqs.ts";

/** How names become addresses. */
export interface AddressOptions {
  /** The account that the topics are in, twelve digits. Default: `AWS_ACCOUNT_ID`, else one `sts:GetCallerIdentity`, which needs no permission. */
  accountId?: string;
  /** Whether publishing to a topic that is missing creates it. Default: `true`. */
  createTopics?: boolean;
}

/** Finds the addresses of queues and topics, each once. Names, ARNs and URLs are taken. */
export interface Addresses {
  /** The URL of a queue, or the ARN of a topic, which need not exist. */
  find(destination: Destination): Promise<string>;
  /**
   * Calls with the address. If nothing is there, the address is forgotten; a topic is created by
   * its name, once for all that miss it, and called again.
   */
  at<T>(
    destination: Destination,
    signal: AbortSignal | undefined,
    call: (address: string) => Promise<T>,
  ): Promise<T>;
}

/** Creates an empty address book. */
export function createAddresses(client: AwsClient, options: AddressOptions): Addresses {
  const { createTopics = true } = options;
  const memory = new Map<string, Promise<string>>();

  const forget = (key: string, found: Promise<string>) =>
    memory.get(key) === found && memory.delete(key);

  /** Looks for it once for all that ask meanwhile and later; a failure is not remembered. */
  function remember(key: string, look: () => Promise<string>): Promise<string> {
    const found = memory.get(key) ?? look();
    memory.set(key, found);
    found.catch(() => forget(key, found));
    return found;
  }

  async function findTopic(name: string): Promise<string> {
    const region = client.region();
    try {
      const accountId = await remember("", () => findAccount(client, options));
      return formatArn({ service: "sns", region, accountId, name });
    } catch (error) {
      // A broker without STS. Creating a topic that exists changes nothing, and tells its ARN.
      const isRefusal = error instanceof MelangeError && !error.retryable &&
        error.code !== "CONFIGURATION";
      if (createTopics && isRefusal) return await createNamed(client, name);
      throw error;
    }
  }

  function find(destination: Destination): Promise<string> {
    const isTopic = "topic" in destination;
    const address = addressOf(destination);
    if (isTopic ? address.service : address.url) return Promise.resolve(nameOf(destination));
    return remember(
      shown(destination),
      () => (isTopic ? findTopic(address.name) : findQueue(client, address)).catch(notSent),
    );
  }

  return {
    find,
    async at(destination, signal, call) {
      const finding = find(destination);
      const address = await abortable(finding, signal);
      const name = nameOf(destination);
      const key = shown(destination);
      const create = () => createNamed(client, name);
      return await call(address).catch(async (error) => {
        if (!isNotFound(error) || address === name) throw error;
        forget(key, finding);
        if (!createTopics || "queue" in destination) throw error;
        return await call(await abortable(remember(key, create), signal)).catch(asTooEarly);
      });
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
  const input = { QueueName: name, QueueOwnerAWSAccountId: accountId };
  return getQueueUrl(client, input, { region });
}

/** Creates a topic by its name unless it exists; returns its ARN. */
export function createNamed(client: AwsClient, Name: string): Promise<string> {
  const entry = isFifo(Name) ? [{ key: "FifoTopic", value: "true" }] : [];
  return createTopic(client, { Name, Attributes: { entry } });
}

/** Says that nothing was sent, which the error of a call that only asks cannot know. */
function notSent(error: unknown): never {
  if (!(error instanceof MelangeError) || error.code === "CLOSED") throw error;
  const code = error.code === "OUTCOME_UNKNOWN" ? "REFUSED" : error.code;
  const message = `${error.message} (nothing was sent: check its name, region and \`accountId\`)`;
  throw new MelangeError(code, message, error);
}

/** A topic that exists now is not found yet. */
function asTooEarly(error: unknown): never {
  if (!isNotFound(error)) throw error;
  throw new MelangeError(error.code, error.message, { retryable: true, cause: error });
}
