/** All that is tested on a broker of others. `deno task test:brokers` names the broker. */
import { assert, assertEquals } from "@std/assert";
import { after, before, describe, it } from "@std/testing/bdd";
import { AwsBackend } from "../../backends/aws/mod.ts";
import { run, start } from "../../tasks/process.ts";
import { withoutAws } from "../without_aws.ts";
import { type BrokerKind, brokersNamed, type RunningBroker } from "./brokers.ts";
import { conformanceOf } from "./conformance.ts";
import { DIFFERENCES } from "./differences.ts";
import { testMeeting } from "./meeting.ts";

const [name = "melange broker"] = Deno.args;

for (const kind of brokersNamed([name.toLowerCase()])) {
  describe(kind.name, () => {
    let broker: RunningBroker;
    before(async () => {
      broker = await kind.start();
    });
    after(() => broker.close());

    testMeeting(kind, () => broker);
    testConformance(kind, () => broker);
    if (kind.hasTopics) testTutorial(() => broker);
  });
}

function testConformance(kind: BrokerKind, broker: () => RunningBroker): void {
  it("keeps the contract but for what docs/brokers.md says", async () => {
    const { ran, failures } = await conformanceOf(broker(), kind);
    console.log(`${kind.name}: ${ran} checks`);
    for (const [check, error] of failures) console.log(`- ${check}: ${error}`);
    assertEquals([...failures.keys()].sort(), Object.keys(DIFFERENCES[kind.name] ?? {}).sort());
  });
}

const ROOT = new URL("../../", import.meta.url);
const ORDER = '{"orderId":"o-1","total":42}';

/** The commands of the README, in their order. */
function testTutorial(broker: () => RunningBroker): void {
  it("runs the tutorial of the README", async () => {
    const { endpoint, options } = broker();
    const env = { ...withoutAws(), AWS_ENDPOINT_URL: endpoint, ...LOCAL };
    const melange = (...args: string[]) => [
      ...["run", "-q", "--no-check", "-A", "tasks/local.ts", ...args],
      ...["--handlers", "examples/handlers.ts"],
    ];
    const at = { env, cwd: ROOT };
    const must = async (...args: string[]) => {
      const { code, output } = await run(Deno.execPath(), melange(...args), at);
      assert(code === 0, output);
    };
    await must("declare", "--queue", "billing", "--dead-letter", "billing-dlq");
    await must("publish", "OrderPlaced", ORDER);
    const consume = melange("consume", "--queue", "billing");
    await using worker = start(Deno.execPath(), consume, at);
    await worker.line(/o-1/);
    worker.kill();
    await worker.ended();
    const backend = new AwsBackend(options);
    const { available, inFlight } = await backend.describeQueue("billing");
    await backend.close();
    assertEquals([available, inFlight], [0, 0]);
  });
}

const LOCAL = {
  AWS_REGION: "us-east-1",
  AWS_ACCESS_KEY_ID: "test",
  AWS_SECRET_ACCESS_KEY: "test",
};
