/** The actions behind the buttons of the page: the same requests that a program would send. */
import type { AwsEmulator } from "../../backends/aws/emulator/mod.ts";
import { AwsBackend } from "../../backends/aws/mod.ts";
import { defineEvent, typed } from "../../src/event/event.ts";
import { MessagePublisher } from "../../src/publish/publisher.ts";
import { isFifo } from "../../src/wire/message.ts";
import { nameOf, type View } from "./view.ts";

/** The arguments of an action: texts by name. */
export type Asked = Readonly<Record<string, string | undefined>>;

/** An action that cannot be done; the message says why. */
export class ActionError extends Error {
  /** Creates the error. */
  constructor(message: string) {
    super(message);
    this.name = "ActionError";
  }
}

/** The broker that an action is done to. */
export interface ActionContext {
  readonly aws: AwsEmulator;
  /** The address of the broker. */
  readonly url: string;
  readonly view: (queue: string | undefined) => View;
}

type Action = (asked: Asked, context: ActionContext) => Promise<void>;

/** The actions by their names. */
export const ACTIONS: Readonly<Record<string, Action>> = { send, redrive, purge };

/** Sends an event, or, without a type, a text as it is. */
async function send(asked: Asked, { aws, url }: ActionContext): Promise<void> {
  const { to = "", type = "", data = "", group = "" } = asked;
  const backend = backendAt(to, { aws, url });
  const destination = to.split(":")[2] === "sns" ? { topic: to } : { queue: nameOf(to) };
  const grouped = isFifo(to) ? { group: group || "page" } : {};
  try {
    if (type === "") {
      const unique = isFifo(to) ? { deduplicationId: crypto.randomUUID() } : {};
      const message = { body: data, attributes: {}, ...grouped, ...unique };
      const [result] = await backend.send(destination, [message]);
      if (result && !result.ok) throw result.error;
      return;
    }
    const event = defineEvent(type, { schema: typed<unknown>() })(parsed(data));
    await new MessagePublisher({ backend }).publish(event, { ...destination, ...grouped });
  } finally {
    await backend.close();
  }
}

function parsed(data: string): unknown {
  try {
    return JSON.parse(data);
  } catch {
    throw new ActionError('The data is not JSON: write {"id":1}, or "text"');
  }
}

/** Moves all dead letters back: to the queue that is named, else to the only queue that uses this one. */
async function redrive({ queue = "", to }: Asked, context: ActionContext): Promise<void> {
  const sources = context.view(undefined).queues.find(({ arn }) => arn === queue)?.sources ?? [];
  const [only, ...others] = sources;
  const destination = to || (others.length === 0 ? only : undefined);
  if (destination === undefined) throw new ActionError("Choose the queue that they go back to");
  const backend = backendAt(queue, context);
  try {
    const task = await backend.moves.start(nameOf(queue), { to: nameOf(destination) });
    if (task !== undefined) return;
  } catch (error) {
    throw new ActionError(error instanceof Error ? error.message : String(error));
  } finally {
    await backend.close();
  }
  throw new ActionError("Only a dead-letter queue sends back, and to a queue of its kind");
}

/** The library's own backend, in the region and the account of a queue or topic. */
function backendAt(arn: string, { aws, url }: Pick<ActionContext, "aws" | "url">): AwsBackend {
  const { region, account } = placeOf(arn);
  const credentials = { accessKeyId: account, secretAccessKey: "page" };
  return new AwsBackend({ fetch: aws.fetch, region, endpoint: url, credentials });
}

/** Deletes all messages. */
async function purge({ queue = "" }: Asked, context: ActionContext): Promise<void> {
  const { account } = placeOf(queue);
  const input = { QueueUrl: `${context.url}/${account}/${nameOf(queue)}` };
  await call("PurgeQueue", { arn: queue, input, context });
}

async function call(
  action: string,
  { arn, input, context }: { arn: string; input: object; context: ActionContext },
): Promise<void> {
  const { region, account } = placeOf(arn);
  const scope = `${account}/20260101/${region}/sqs/aws4_request`;
  const response = await context.aws.fetch(`${context.url}/`, {
    method: "POST",
    headers: {
      "content-type": "application/x-amz-json-1.0",
      "x-amz-target": `AmazonSQS.${action}`,
      "x-amz-date": "20260101T000000Z",
      authorization: `AWS4-HMAC-SHA256 Credential=${scope}, SignedHeaders=host, Signature=${
        "0".repeat(64)
      }`,
    },
    body: JSON.stringify(input),
  });
  if (response.ok) return;
  const { message } = await response.json();
  throw new ActionError(String(message ?? `${action} answered ${response.status}`));
}

function placeOf(arn: string): { region: string; account: string } {
  const [, , service, region, account] = arn.split(":");
  if (!region || !account || (service !== "sqs" && service !== "sns")) {
    throw new ActionError("Choose a queue or a topic");
  }
  return { region, account };
}
