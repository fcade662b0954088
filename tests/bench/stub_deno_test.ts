import { assertEquals } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { AwsBackend } from "../../backends/aws/mod.ts";
import { createStub, CREDENTIALS, QUEUE, REGION, type Stub } from "../../bench/program/stub.ts";
import { type Program, start } from "../../tasks/process.ts";

const RECEIVE = { max: 10, waitMs: 0, visibilityMs: 30_000 };

describe("the stub of the bench", () => {
  let program: Program;
  let stub: Stub;
  let backend: AwsBackend;

  beforeAll(async () => {
    program = start(Deno.execPath(), ["run", "-A", "--no-check", "bench/stub/main.ts"]);
    const [, url = ""] = await program.line(/^listens on (\S+)/);
    stub = createStub(url);
    const options = { region: REGION, endpoint: url, credentials: CREDENTIALS };
    backend = new AwsBackend({ ...options, integrity: "all" });
  });
  afterAll(async () => {
    await backend.close();
    await program[Symbol.asyncDispose]();
  });

  function send(count: number) {
    const attributes = {
      kind: "é",
      bytes: new Uint8Array([0, 255]),
      number: { type: "Number", value: "1" },
    };
    return backend.send(
      { queue: QUEUE },
      Array.from({ length: count }, () => ({ body: "ü", attributes })),
    );
  }

  it("counts requests and messages exactly, and answers digests that the library accepts", async () => {
    await stub.reset({ keeps: true });
    assertEquals((await send(10)).every(({ ok }) => ok), true);
    const deliveries = await backend.receive(QUEUE, RECEIVE);
    assertEquals(deliveries.map(({ message }) => message.body), Array(10).fill("ü"));
    await backend.acknowledge(QUEUE, deliveries.map(({ receipt }) => receipt));
    assertEquals(await backend.receive(QUEUE, RECEIVE), []);
    await stub.deleted(10);
    const { requests, entries, emptyReceives, fullReceives, signed } = await stub.counts();
    assertEquals(requests, {
      GetQueueUrl: 1,
      SendMessageBatch: 1,
      ReceiveMessage: 2,
      DeleteMessageBatch: 1,
    });
    assertEquals([entries.SendMessageBatch, entries.ReceiveMessage], [10, 10]);
    assertEquals([entries.DeleteMessageBatch, emptyReceives, fullReceives, signed], [10, 1, 1, 5]);
  });

  it("fills its queue with copies of the last message, and forgets all counts at a reset", async () => {
    await send(1);
    await stub.reset({ backlog: 25 });
    const counts: number[] = [];
    for (let turn = 0; turn < 4; turn++) {
      counts.push((await backend.receive(QUEUE, RECEIVE)).length);
    }
    assertEquals(counts, [10, 10, 5, 0]);
    assertEquals((await stub.counts()).requests, { ReceiveMessage: 4 });
  });

  it("ends receives that wait", async () => {
    await stub.reset({});
    const waiting = backend.receive(QUEUE, { ...RECEIVE, waitMs: 20_000 });
    await stub.end();
    assertEquals(await waiting, []);
  });
});
