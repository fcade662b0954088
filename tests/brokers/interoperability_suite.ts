/** Python Melange 7.2, the SDKs of AWS and of CloudEvents, and our three formats, over our broker. */
import { after, before, describe } from "@std/testing/bdd";
import { BROKERS, type RunningBroker } from "./brokers.ts";
import { testMeeting } from "./meeting.ts";

const [kind] = BROKERS;

if (kind) {
  describe(`interoperability on ${kind.name}`, () => {
    let broker: RunningBroker;
    before(async () => {
      broker = await kind.start();
    });
    after(() => broker.close());

    testMeeting(kind, () => broker);
  });
}
