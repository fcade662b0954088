import { snsEndpoint } from "../../backends/aws/hosts/sns_endpoint/mod.ts";
import { fakeSns, post, TOPIC } from "../backends/aws/hosts/sns_endpoint/fake_sns.ts";
import type { Host } from "./host.ts";
import { snsAttributes } from "./sns_attributes.ts";

/** An HTTPS subscription: its messages are signed, and its answers are all that SNS learns. */
export const SNS_ENDPOINT: Host = {
  name: "SNS endpoint",
  kind: "SNS endpoint",
  open: async (dispatcher) => {
    const sns = await fakeSns();
    const { clock, fetch } = sns;
    const endpoint = snsEndpoint({ dispatcher, topics: [TOPIC], clock, fetch });
    return {
      deliver: async ({ body, attributes }) => {
        const notification = await sns.notification({
          SignatureVersion: "2",
          Message: body,
          MessageAttributes: snsAttributes(attributes),
        });
        const response = await endpoint(post(notification));
        await response.body?.cancel();
        return String(response.status);
      },
      close: () => Promise.resolve(),
    };
  },
};
