/**
 * The calls of DynamoDB that a store of claims takes.
 *
 * https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_UpdateItem.html
 */
import type { AwsClient } from "./client.ts";
import type { ErrorClass } from "./errors.ts";

/** A value as DynamoDB writes it. */
export type DynamoValue = { S: string } | { N: string } | { BOOL: boolean };
/** An item of a table. */
export type DynamoItem = Readonly<Record<string, DynamoValue>>;

/** One change of one item, or a read. */
export interface DynamoInput {
  readonly TableName: string;
  readonly Key: DynamoItem;
  readonly ConsistentRead?: boolean;
  readonly UpdateExpression?: string;
  readonly ConditionExpression?: string;
  readonly ExpressionAttributeNames?: Readonly<Record<string, string>>;
  readonly ExpressionAttributeValues?: DynamoItem;
}

const ERRORS: readonly ErrorClass[] = [
  [/ResourceNotFound/, "CONFIGURATION", "create the table"],
  [/ConditionalCheckFailed/, "CONFLICT", "the item is another"],
  [/Throughput|RequestLimit/, "THROTTLED", "try again later"],
];

/** Calls one action; resolves to the item in the answer, if there is one. */
export function dynamoCall(
  client: AwsClient,
  action: "UpdateItem" | "GetItem",
  input: DynamoInput,
): Promise<DynamoItem | undefined> {
  return client.call({
    service: "dynamodb",
    action,
    headers: {
      "content-type": "application/x-amz-json-1.0",
      "x-amz-target": `DynamoDB_20120810.${action}`,
    },
    body: JSON.stringify(input),
    errors: ERRORS,
    read: (text) => (JSON.parse(text) as { Item?: DynamoItem }).Item,
  });
}
