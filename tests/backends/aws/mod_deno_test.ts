/** What is peculiar to AwsBackend, on a broker in this process. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { after, before, describe, it } from "@std/testing/bdd";
import { AwsBackend, awsSender } from "../../../backends/aws/mod.ts";
import { MelangeError } from "../../../src/support/errors.ts";
import { run } from "../../../tasks/process.ts";
import { type Broker, startBroker } from "../../broker.ts";
import { message } from "./fake_aws.ts";

describe("AwsBackend on a local broker", () => {
  let broker: Broker;
  let number = 0;
  const requests: string[] = [];

  before(async () => {
    broker = await startBroker();
  });
  after(() => broker.close());

  const newName = () => `own-${++number}`;
  const counted = ((url: string, init: RequestInit) => {
    const headers = new Headers(init.headers);
    const action = new URLSearchParams(String(init.body)).get("Action");
    requests.push(headers.get("x-amz-target")?.split(".")[1] ?? action!);
    return fetch(url, init);
  }) as typeof fetch;
  const newBackend = () => new AwsBackend({ ...broker.options, fetch: counted });

  it("needs one request per batch once names are known", async () => {
    const [topic, queue] = [newName(), newName()];
    const backend = newBackend();
    await backend.declareQueue(queue, { subscribeTo: [topic] });
    const other = newBackend();
    const ten = Array.from({ length: 10 }, () => message());
    requests.length = 0;
    for (let turn = 0; turn < 3; turn++) {
      await other.send({ topic }, ten);
      await other.send({ queue }, ten);
      const call = { max: 10, waitMs: 0, visibilityMs: 30_000 };
      const deliveries = await other.receive(queue, call);
      await other.acknowledge(queue, deliveries.map(({ receipt }) => receipt));
    }
    const asked = requests.filter((action) => action.startsWith("Get"));
    assertEquals(asked, ["GetCallerIdentity", "GetQueueUrl"]);
    assertEquals(requests.length, 2 + 3 * 4);
  });

  it("creates a topic that is missing on the first publish, never a queue", async () => {
    const missing = newName();
    const strict = new AwsBackend({ ...broker.options, createTopics: false });
    for (const backend of [strict, awsSender(broker.options)]) {
      for (const destination of [{ topic: missing }, { queue: missing }]) {
        const sent = () => backend.send(destination, [message()]);
        const error = await assertRejects(sent, MelangeError);
        assertEquals(error.code, "NOT_FOUND");
      }
    }
    const [result] = await newBackend().send({ topic: missing }, [message()]);
    assert(result?.ok);
    const [found] = await awsSender(broker.options).send({ topic: missing }, [message()]);
    assert(found?.ok);
  });

  it("works where it may read no environment variable", async () => {
    const queue = newName();
    await newBackend().declareQueue(queue);
    const module = new URL("../../../backends/aws/mod.ts", import.meta.url).href;
    const code = `
      import { AwsBackend } from ${JSON.stringify(module)};
      const backend = new AwsBackend(${JSON.stringify(broker.options)});
      const { name } = await backend.describeQueue(${JSON.stringify(queue)});
      console.log(name);
      await new AwsBackend().describeQueue("x").catch((error) => console.log(error.code));
    `;
    const net = new URL(broker.endpoint).host;
    const configuration = new URL("../../../deno.json", import.meta.url).pathname;
    const args = ["run", "--no-prompt", `--config=${configuration}`, `--allow-net=${net}`, "-"];
    const { stdout, output } = await run(Deno.execPath(), args, { stdin: code, timeoutMs: 60_000 });
    assertEquals(stdout, `${queue}\nCONFIGURATION\n`, output);
  });
});
