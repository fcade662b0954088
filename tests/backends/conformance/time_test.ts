import { assertEquals, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { createTime } from "../../../backends/conformance/time.ts";

/** Time in steps that a test looks at. */
function createSteps(stepMs: number) {
  const steps: number[] = [];
  const time = createTime((ms) => Promise.resolve(void steps.push(ms)), stepMs);
  return { steps, time };
}

const never = new Promise<never>(() => {});

describe("createTime()", () => {
  it("flow() takes short steps first, each four times the one before, up to the longest", async () => {
    const { steps, time } = createSteps(160);
    const call = time.flow(never, { what: "receive()", limitMs: 500 });
    const error = await assertRejects(() => call, Error);
    assertEquals(error.message, "receive() must end within 500 ms: it is under way");
    assertEquals(steps, [10, 40, 160, 160, 160]);
    assertEquals(time.passed(), 530);
  });

  it("flow() lets no time pass for what settles without any, however long its chain of promises", async () => {
    const { steps, time } = createSteps(160);
    const chain = async () => {
      for (let turn = 0; turn < 200; turn++) await null;
      return "done";
    };
    assertEquals(await time.flow(chain(), { what: "x", limitMs: 0 }), "done");
    const failed = time.flow(Promise.reject(new Error("no")), { what: "x", limitMs: 0 });
    await assertRejects(() => failed, Error, "no");
    assertEquals(steps, []);
  });

  it("flow() gives back what settles in the same turn, also under a limit of 0", async () => {
    const { time } = createSteps(160);
    let settle = () => {};
    const call = new Promise<void>((resolve) => settle = resolve);
    const flowing = time.flow(call, { what: "x", limitMs: 0 });
    settle();
    await flowing;
  });

  it("calls that are under way at once share steps, and pass() waits for them", async () => {
    const steps: number[] = [];
    let go = () => {};
    const time = createTime((ms) => {
      steps.push(ms);
      return new Promise((resolve) => go = resolve);
    }, 160);
    let settle = () => {};
    const call = new Promise<void>((resolve) => settle = resolve);
    const both = [1, 2].map(() => time.flow(call, { what: "x", limitMs: 1_000 }));
    // A step begins when some turns have brought nothing.
    for (let turn = 0; turn < 20 && steps.length === 0; turn++) {
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
    assertEquals(steps, [10]);
    settle();
    await Promise.all(both);
    let isAtRest = false;
    const rest = time.rest().then(() => isAtRest = true);
    await null;
    assertEquals([isAtRest, time.passed()], [false, 0]);
    go();
    await rest;
    assertEquals(time.passed(), 10);
    const passing = time.pass(7);
    await null;
    go();
    await passing;
    assertEquals([steps, time.passed()], [[10, 7], 17]);
  });
});
