/** The answers of the stub: the actions of SQS in AWS JSON 1.0, those of SNS and STS as queries. */
import { countEntries, type Counts } from "./counts.ts";
import { type Attribute, attributesMd5, md5 } from "./digests.ts";
import type { Sent, StubQueue } from "./queue.ts";

/** What an action works on. */
export interface Stage {
  readonly counts: Counts;
  readonly queue: StubQueue;
  /** Whether what is sent is kept for receives. */
  readonly keeps: boolean;
  /** Is told each message that was sent to a queue. */
  onSent(sent: Sent): void;
  /** Is told how many messages were deleted. */
  onDeleted(count: number): void;
}

interface SendEntry {
  readonly Id?: string;
  readonly MessageBody: string;
  readonly MessageAttributes?: Record<string, Attribute>;
}

interface SqsInput extends SendEntry {
  readonly Entries?: readonly (SendEntry & { readonly Id: string })[];
  readonly MaxNumberOfMessages?: number;
  readonly WaitTimeSeconds?: number;
}

/** Answers an action of SQS; `undefined` for one that the stub does not know. */
export async function answerSqs(
  action: string,
  text: string,
  stage: Stage,
): Promise<string | undefined> {
  const { counts, queue } = stage;
  const { Entries = [], ...input } = JSON.parse(text) as SqsInput;
  if (action !== "ReceiveMessage") countEntries(counts, action, Math.max(Entries.length, 1));
  switch (action) {
    case "SendMessageBatch":
      return batch(Entries.map((entry) => send(entry, stage)));
    case "SendMessage":
      return JSON.stringify(send(input, stage));
    case "ReceiveMessage": {
      const { MaxNumberOfMessages = 1, WaitTimeSeconds = 0 } = input;
      const received = await queue.receive(MaxNumberOfMessages, WaitTimeSeconds * 1_000);
      countEntries(counts, action, received.count);
      if (received.count === 0) counts.emptyReceives++;
      else counts.fullReceives++;
      return received.json;
    }
    case "DeleteMessage":
      stage.onDeleted(1);
      return "{}";
    case "DeleteMessageBatch":
      stage.onDeleted(Entries.length);
      return batch(Entries.map(({ Id }) => ({ Id })));
    case "ChangeMessageVisibilityBatch":
      return batch(Entries.map(({ Id }) => ({ Id })));
    case "GetQueueUrl":
      return JSON.stringify({ QueueUrl: "http://127.0.0.1/000000000000/bench" });
  }
  return undefined;
}

let lastId = 0;

function send({ Id, MessageBody, MessageAttributes = {} }: SendEntry, stage: Stage) {
  const sent = { body: MessageBody, attributes: MessageAttributes };
  stage.onSent(sent);
  if (stage.keeps) stage.queue.add(sent);
  const hasAttributes = Object.keys(MessageAttributes).length > 0;
  return {
    Id,
    MessageId: `m-${++lastId}`,
    MD5OfMessageBody: md5(MessageBody),
    ...(hasAttributes ? { MD5OfMessageAttributes: attributesMd5(MessageAttributes) } : {}),
  };
}

function batch(successful: readonly unknown[]): string {
  return JSON.stringify({ Successful: successful, Failed: [] });
}

/** Answers an action of SNS or STS; `undefined` for one that the stub does not know. */
export function answerQuery(action: string, text: string, { counts }: Stage): string | undefined {
  switch (action) {
    case "PublishBatch": {
      const ids = [...text.matchAll(/member\.\d+\.Id=([^&]*)/g)].map(([, id]) => id);
      countEntries(counts, action, ids.length);
      const members = ids.map((id) =>
        `<member><Id>${id}</Id><MessageId>m-${++lastId}</MessageId></member>`
      );
      return xml(action, `<Successful>${members.join("")}</Successful><Failed/>`);
    }
    case "CreateTopic":
      return xml(action, "<TopicArn>arn:aws:sns:eu-west-1:000000000000:bench</TopicArn>");
    case "GetCallerIdentity":
      return xml(action, "<Account>000000000000</Account>");
  }
  return undefined;
}

function xml(action: string, result: string): string {
  return `<?xml version="1.0"?><${action}Response xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><${action}Result>${result}</${action}Result><ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></${action}Response>`;
}
