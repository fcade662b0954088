/** The part of the SQS protocol that the proxy looks into. */

/** An entry of a batch. */
export interface Entry {
  Id: string;
  MessageBody?: string;
  ReceiptHandle?: string;
  VisibilityTimeout?: number;
}

/** What a request says; one that is no batch is its own only entry. */
export interface Input extends Partial<Entry> {
  Entries?: Entry[];
  /** How long a receive waits, in seconds. */
  WaitTimeSeconds?: number;
}

/** A message in an answer. */
export interface Message {
  MessageId: string;
  ReceiptHandle: string;
  Body: string;
  Attributes?: { MessageGroupId?: string };
}

/** What an answer says. */
export interface Output extends Record<string, unknown> {
  Successful?: { Id: string }[];
  Failed?: unknown[];
  Messages?: Message[];
}

/** Every event of the laboratory says in its body who it is. */
export function eventId(body: string): string {
  return (JSON.parse(body) as { key: string }).key;
}

/** The entries of a request that an answer reports as done. */
export function doneOf(input: Input, output: Output): Partial<Entry>[] {
  if (!input.Entries) return [input];
  const successful = new Set((output.Successful ?? []).map(({ Id }) => Id));
  return input.Entries.filter(({ Id }) => successful.has(Id));
}
