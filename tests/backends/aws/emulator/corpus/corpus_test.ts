import { assert } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { Row } from "./row.ts";
import { run } from "./run.ts";
import { SNS_FILTERS } from "./sns_filters.ts";
import { SNS_MESSAGES } from "./sns_messages.ts";
import { SNS_SUBSCRIPTIONS } from "./sns_subscriptions.ts";
import { SNS_TOPICS } from "./sns_topics.ts";
import { SQS_ATTRIBUTES } from "./sqs_attributes.ts";
import { SQS_BATCHES } from "./sqs_batches.ts";
import { SQS_FIFO } from "./sqs_fifo.ts";
import { SQS_MESSAGES } from "./sqs_messages.ts";
import { SQS_QUEUES } from "./sqs_queues.ts";

const CORPUS: Readonly<Record<string, readonly Row[]>> = {
  "queues of SQS": SQS_QUEUES,
  "attributes of queues": SQS_ATTRIBUTES,
  "messages of SQS": SQS_MESSAGES,
  "batches of SQS": SQS_BATCHES,
  "FIFO queues of SQS": SQS_FIFO,
  "topics of SNS": SNS_TOPICS,
  "subscriptions of SNS": SNS_SUBSCRIPTIONS,
  "messages of SNS": SNS_MESSAGES,
  "filter policies of SNS": SNS_FILTERS,
};

for (const [title, rows] of Object.entries(CORPUS)) {
  describe(`the emulator answers as AWS: ${title}`, () => {
    for (const row of rows) {
      const both = row.ask.service === "sqs" ? ["json", "query"] as const : ["query"] as const;
      for (const protocol of both) {
        if (row.protocol !== undefined && row.protocol !== protocol) continue;
        it(`${row.name} (${protocol})`, () => run(row, protocol));
      }
    }
  });
}

describe("the corpus", () => {
  it("names a source for each row, and no row twice", () => {
    const rows = Object.values(CORPUS).flat();
    for (const { name, source } of rows) assert(source.startsWith("https://"), name);
    assert(new Set(rows.map(({ name }) => name)).size === rows.length, "two rows share a name");
    assert(rows.length >= 150, `${rows.length} rows`);
  });
});
