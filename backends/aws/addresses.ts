import { abortable } from "../../src/clock.ts";
import { MelangeError } from "../../src/errors.ts";
import { isFifo } from "../../src/message.ts";
import type { AwsClient } from "./client.ts";
import { isNotFound } from "./errors.ts";
import { assertName, formatArn, isUrl, parseArn } from "./names.ts";
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
  /** Calls with the URL of a queue, which is forgotten if the queue turns out to be missing. */
  atQueue<T>(
    queue: string,
    signal: AbortSignal | undefined,
    call: (url: string) => Promise<T>,
  ): Promise<T>;
  /** The ARN of a topic, which need not exist. */
  topic(topic: string, signal?: AbortSignal): Promise<string>;
  /** Creates a topic by its name unless it exists, once for all that wait for it; returns its ARN. */
  createTopic(topic: string, signal?: AbortSignal): Promise<string>;
  /** Forgets what was found. */
  forget(name: string): void;
}

/** Creates an empty address book. */
export function createAddresses(client: AwsClient, options: AddressOptions): Addresses {
  const { createTopics = true } = options;
  const queues: Memory = new Map();
  const topics: Memory = new Map();
  const creating: Memory = new Map();
  const accounts: Memory = new Map();

  const create = (topic: string) =>
    remember(creating, topic, async () => {
      try {
        const entry = isFifo(topic) ? [{ key: "FifoTopic", value: "true" }] : [];
        const arn = await createTopic(client, { Name: topic, Attributes: { entry } });
        topics.set(topic, Promise.resolve(arn));
        return arn;
      } finally {
        creating.delete(topic);
      }
    });

  async function arnOf(topic: string): Promise<string> {
    const region = client.region();
    try {
      const accountId = await remember(accounts, "", () => findAccount(client, options));
      return formatArn({ service: "sns", region, accountId, name: topic });
    } catch (error) {
      // A broker without STS. Creating a topic that exists changes nothing, and tells its ARN.
      if (createTopics && isRefusal(error)) return await create(topic);
      throw notSent(error, "give its ARN or the option `accountId`");
    }
  }

  return {
    async atQueue(queue, signal, call) {
      assertName("queue", queue);
      if (isUrl(queue)) return await call(queue);
      const url = remember(queues, queue, () => findQueue(client, queue));
      try {
        return await call(await abortable(url, signal));
      } catch (error) {
        if (isNotFound(error)) queues.delete(queue);
        throw error;
      }
    },
    async topic(topic, signal) {
      assertName("topic", topic);
      if (parseArn(topic)) return topic;
      return await abortable(remember(topics, topic, () => arnOf(topic)), signal);
    },
    createTopic: (topic, signal) => abortable(create(topic), signal),
    forget(name) {
      queues.delete(name);
      topics.delete(name);
    },
  };
}

type Memory = Map<string, Promise<string>>;

/** Looks for it once for all that ask meanwhile and later; a failure is not remembered. */
function remember(memory: Memory, key: string, find: () => Promise<string>): Promise<string> {
  const known = memory.get(key);
  if (known) return known;
  const found = find();
  memory.set(key, found);
  found.catch(() => {
    if (memory.get(key) === found) memory.delete(key);
  });
  return found;
}

async function findAccount(client: AwsClient, options: AddressOptions): Promise<string> {
  const account = options.accountId ?? client.environment("AWS_ACCOUNT_ID") ??
    await getCallerIdentity(client);
  if (/^\d{12}$/.test(account)) return account;
  throw new MelangeError("CONFIGURATION", "Cannot use the account id as it is not twelve digits");
}

async function findQueue(client: AwsClient, queue: string): Promise<string> {
  const arn = parseArn(queue);
  try {
    if (!arn) return await getQueueUrl(client, { QueueName: queue });
    const { name: QueueName, accountId: QueueOwnerAWSAccountId, region } = arn;
    return await getQueueUrl(client, { QueueName, QueueOwnerAWSAccountId }, { region });
  } catch (error) {
    throw notSent(error, "check its name, region and account, or give its URL");
  }
}

function isRefusal(error: unknown): boolean {
  return error instanceof MelangeError && !error.retryable && error.code !== "CONFIGURATION";
}

/** Says that nothing was sent, which the error of a call that only asks cannot know. */
function notSent(error: unknown, hint: string): unknown {
  if (!(error instanceof MelangeError) || error.code === "CLOSED") return error;
  const { retryable, retryAfterMs } = error;
  const code = error.code === "OUTCOME_UNKNOWN" ? "REFUSED" : error.code;
  const message = `${error.message} (nothing was sent: ${hint})`;
  return new MelangeError(code, message, { retryable, retryAfterMs, cause: error.cause });
}
