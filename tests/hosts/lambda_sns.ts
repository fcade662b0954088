import { snsHandler } from "../../backends/aws/hosts/lambda/mod.ts";
import { MelangeError } from "../../src/support/errors.ts";
import type { OutgoingMessage } from "../../src/wire/message.ts";
import type { Host } from "./host.ts";
import { snsAttributes } from "./sns_attributes.ts";

/** A function behind a topic. If it throws, Lambda invokes it again with the same event. */
export const LAMBDA_SNS: Host = {
  name: "Lambda, SNS",
  kind: "Lambda, SNS",
  open: (dispatcher) => {
    const handler = snsHandler(dispatcher);
    return Promise.resolve({
      deliver: async (message) => {
        try {
          await handler({ Records: [record(message)] });
          return "returned";
        } catch (error) {
          return `threw ${error instanceof MelangeError ? error.code : error}`;
        }
      },
      close: () => Promise.resolve(),
    });
  },
};

function record({ body, attributes }: OutgoingMessage) {
  return {
    EventSource: "aws:sns",
    Sns: {
      Type: "Notification",
      MessageId: crypto.randomUUID(),
      TopicArn: "arn:aws:sns:eu-west-1:123456789012:orders",
      Message: body,
      Timestamp: "2026-06-01T12:00:00.000Z",
      MessageAttributes: snsAttributes(attributes),
    },
  };
}
