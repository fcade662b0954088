/** The least that sends a batch: for those who use no library, and for the limits. */
import { AwsClient } from "aws4fetch";
import { plainMessage, TEN } from "./load.ts";
import { CREDENTIALS, REGION, type Stub, TOPIC_ARN } from "./stub.ts";

/** Posts an action of SQS; resolves to the text of the answer. */
export type Post = (action: string, body: string) => Promise<string>;

/** The headers of an action of SQS. */
export function sqsHeaders(action: string): Record<string, string> {
  return {
    "content-type": "application/x-amz-json-1.0",
    "x-amz-target": `AmazonSQS.${action}`,
  };
}

/** Posts by `fetch`, without a signature. */
export function rawFetch({ url }: Pick<Stub, "url">): Post {
  return async (action, body) => {
    const answer = await fetch(url, { method: "POST", headers: sqsHeaders(action), body });
    return await answer.text();
  };
}

/** Posts by `fetch`, with the signature of aws4fetch. */
export function signedFetch({ url }: Pick<Stub, "url">): Post {
  const client = new AwsClient({ ...CREDENTIALS, service: "sqs", region: REGION, retries: 0 });
  return async (action, body) => {
    const answer = await client.fetch(url, { method: "POST", headers: sqsHeaders(action), body });
    return await answer.text();
  };
}

/** Sends ten messages by hand. */
export async function postTen(post: Post, { queueUrl }: Pick<Stub, "queueUrl">): Promise<void> {
  const text = await post(
    "SendMessageBatch",
    JSON.stringify({ QueueUrl: queueUrl, Entries: tenEntries() }),
  );
  const { Successful } = JSON.parse(text);
  if (Successful.length !== TEN.length) throw new Error("Not all were sent");
}

/** Ten messages as entries of a batch. */
export function tenEntries() {
  return TEN.map((number) => {
    const { id, body } = plainMessage(number);
    const MessageAttributes = {
      type: { DataType: "String", StringValue: "OrderPlaced" },
      id: { DataType: "String", StringValue: id },
    };
    return { Id: String(number), MessageBody: body, MessageAttributes };
  });
}

/** Ten messages as a batch of SNS, written as a query. */
export function tenAsQuery(): string {
  const query = new URLSearchParams({
    Action: "PublishBatch",
    Version: "2010-03-31",
    TopicArn: TOPIC_ARN,
  });
  for (const { Id, MessageBody } of tenEntries()) {
    const entry = `PublishBatchRequestEntries.member.${Number(Id) + 1}`;
    query.set(`${entry}.Id`, Id);
    query.set(`${entry}.Message`, MessageBody);
  }
  return query.toString();
}
