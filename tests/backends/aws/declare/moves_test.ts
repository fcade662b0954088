import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { awsEmulator } from "../../../../backends/aws/emulator/mod.ts";
import { AwsBackend } from "../../../../backends/aws/mod.ts";
import { VirtualClock } from "../../../../backends/memory/testing.ts";
import { DeadLetters } from "../../../../src/operate/dead_letters.ts";
import { MelangeError } from "../../../../src/support/errors.ts";
import { until, within } from "../../../wait.ts";

const QUIET = { debug() {}, info() {}, warn() {}, error() {} };

async function setUp({ count = 3, queues = ["q"] } = {}) {
  const clock = new VirtualClock();
  const aws = awsEmulator({ clock });
  const { fetch, credentials, region } = aws;
  const backend = new AwsBackend({ fetch, credentials, region, clock, logger: QUIET });
  for (const queue of queues) await backend.declareQueue(queue, { deadLetterQueue: "dlq" });
  for (let index = 0; index < count; index++) {
    await backend.send({ queue: "dlq" }, [{ body: `${index}`, attributes: {} }]);
  }
  const dead = new DeadLetters({ backend, queue: "dlq", clock, waitMs: 0, logger: QUIET });
  /** Lets time pass until a promise has settled. */
  async function passing<T>(promise: Promise<T>): Promise<T> {
    let done = false;
    promise.then(() => done = true, () => done = true);
    await until(async () => {
      await clock.advance(250);
      return done;
    }, { what: "the end of the move", ms: 10_000 });
    return await promise;
  }
  return { aws, backend, dead, clock, passing };
}

describe("AwsBackend.moves", () => {
  it("moves all letters by the task of SQS, with the destination", async () => {
    const { aws, backend, dead, passing } = await setUp();
    const seen: number[] = [];
    const report = await passing(dead.redrive({ onProgress: ({ moved }) => seen.push(moved) }));
    assertEquals(report, { seen: 3, moved: 3, kept: 0, failed: 0 });
    assertEquals(seen.at(-1), 3);
    assertEquals((await backend.describeQueue("q")).available, 3);
    const [task] = aws.snapshot().moveTasks;
    assertMatch(String(task?.destinationArn), /:q$/);
  });

  it("asks for the rate, and for another destination", async () => {
    const { aws, backend, dead, passing } = await setUp({ count: 4 });
    await backend.declareQueue("other");
    await passing(dead.redrive({ to: "other", ratePerSecond: 2.5 }));
    const [task] = aws.snapshot().moveTasks;
    assertEquals([task?.perSecond, task?.moved], [2, 4]);
    assertEquals((await backend.describeQueue("other")).available, 4);
  });

  it("cancels the task when the signal aborts", async () => {
    const { aws, dead, clock } = await setUp({ count: 5 });
    const stop = new AbortController();
    const rejected = assertRejects(
      () => dead.redrive({ ratePerSecond: 1, signal: stop.signal }),
      Error,
      "enough",
    );
    await until(async () => {
      await clock.advance(250);
      return (aws.snapshot().moveTasks[0]?.moved ?? 0) > 1;
    }, { what: "some moves" });
    stop.abort(new Error("enough"));
    await within(rejected, { what: "the end of the redrive" });
    assertEquals(aws.snapshot().moveTasks[0]?.status, "CANCELLED");
  });

  for (
    const [what, options] of [
      ["a filter", { where: () => true }],
      ["an edit", { to: "q", edit: <E>(event: E) => event }],
      ["a function for the destination", { to: () => "q" }],
      ["a bound", { to: "q", max: 10 }],
    ] as const
  ) {
    it(`moves letters one by one with ${what}`, async () => {
      const { dead, aws, passing } = await setUp({ count: 2 });
      await passing(dead.redrive({ ...options, onFailed() {} }));
      assertEquals(aws.snapshot().moveTasks.length, 0);
    });
  }

  it("moves letters of several queues one by one to where they came from", async () => {
    const { dead, aws, passing } = await setUp({ count: 2, queues: ["q", "r"] });
    const report = await passing(dead.redrive({ onFailed() {} }));
    assertEquals([report.seen, aws.snapshot().moveTasks.length], [2, 0]);
  });

  it("says that a move goes on already", async () => {
    const { dead, backend, passing } = await setUp({ count: 5 });
    await backend.moves.start("dlq", { ratePerSecond: 1 });
    const error = await assertRejects(() => passing(dead.redrive()), MelangeError);
    assertEquals(error.code, "CONFLICT");
    assertMatch(error.message, /wait for its end/);
  });

  it("moves letters one by one where the task is not allowed", async () => {
    const { aws, backend, clock, passing } = await setUp();
    const denied = new AwsBackend({
      credentials: aws.credentials,
      region: aws.region,
      clock,
      logger: QUIET,
      fetch: (input, init) => {
        const target = new Headers(init?.headers).get("x-amz-target") ?? "";
        if (!target.endsWith("StartMessageMoveTask")) return aws.fetch(new Request(input, init));
        const body = '{"__type":"com.amazon.coral.service#AccessDeniedException","message":"no"}';
        return Promise.resolve(new Response(body, { status: 400 }));
      },
    });
    const dead = new DeadLetters({
      backend: denied,
      queue: "dlq",
      clock,
      waitMs: 0,
      logger: QUIET,
    });
    const report = await passing(dead.redrive({ to: "q" }));
    assertEquals(report, { seen: 3, moved: 3, kept: 0, failed: 0 });
    assertEquals((await backend.describeQueue("q")).available, 3);
  });
});
