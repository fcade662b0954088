import type { Bench } from "../bench.ts";
import type { Check } from "../check.ts";
import {
  expect,
  expectAllOk,
  expectCount,
  expectError,
  expectFailed,
  expectSame,
  expectThrown,
} from "../expect.ts";
import { bodiesOf, numbered } from "../messages.ts";
import type { Draft, Queue } from "../queue.ts";
import { acknowledgeAll } from "../settle.ts";
import type { FilterPolicy, SubscriptionOptions } from "../../../src/backend.ts";
import { defineEvent, typed } from "../../../src/event/event.ts";

/** The promises of topics and subscriptions. */
export const topicChecks: readonly Check[] = [
  { name: "a topic copies to every subscribed queue", needs: ["fansOut"], run: fansOut },
  {
    name: "a topic's copies are settled apart",
    needs: ["fansOut", "redelivers"],
    run: settlesApart,
  },
  {
    name: "a topic's messages reach a queue beside messages sent to it",
    needs: ["fansOut"],
    run: mixes,
  },
  {
    name: "a topic without subscriptions accepts and keeps nothing",
    needs: ["fansOut"],
    run: keepsNothing,
  },
  { name: "send() to a topic refuses a delay", needs: ["fansOut"], run: refusesDelay },
  {
    name: "send() to a missing topic is NOT_FOUND or creates it",
    needs: ["fansOut"],
    run: missesTopic,
  },
  {
    name: "send() to a topic fails where nothing fans out",
    without: "fansOut",
    run: refusesTopics,
  },
  { name: "a subscription filters by event type", needs: ["fansOut", "filters"], run: filters },
  {
    name: "a subscription filters in the language of SNS",
    needs: ["fansOut", "filters"],
    run: filtersByPolicy,
  },
  {
    name: "a subscription combines its filter and its event types",
    needs: ["fansOut", "filters"],
    run: combinesFilters,
  },
  {
    name: "a subscription of no matching type keeps nothing",
    needs: ["fansOut", "filters"],
    run: filtersAll,
  },
  {
    name: "a subscription without filters lets everything through",
    needs: ["fansOut"],
    run: letsAllThrough,
  },
  {
    name: "declareQueue() replaces the filter of a subscription",
    needs: ["fansOut", "filters"],
    run: replacesFilter,
  },
  { name: "declareQueue() twice subscribes once", needs: ["fansOut"], run: subscribesOnce },
  {
    name: "declareQueue() adds a subscription and leaves the others",
    needs: ["fansOut"],
    run: addsSubscription,
  },
  { name: "deleteTopic() ends its subscriptions", needs: ["fansOut"], run: endsSubscriptions },
  { name: "deleteQueue() leaves other subscriptions alone", needs: ["fansOut"], run: leavesOthers },
];

async function fansOut(bench: Bench): Promise<void> {
  const { topic, queues } = await subscribed(bench, [{}, {}, {}]);
  await topic.fill(numbered(4));
  for (const queue of queues) {
    const bodies = bodiesOf(await queue.collect(4)).sort();
    expectSame(bodies, numbered(4), "a topic must copy to every subscribed queue");
  }
}

async function settlesApart(bench: Bench): Promise<void> {
  const { topic, queues: [one, other] } = await subscribed(bench, [{}, {}]);
  await topic.fill(["copied"]);
  const { visibilityMs } = bench;
  const [first] = await Promise.all([
    one!.collect(1, { visibilityMs }),
    other!.collect(1, { visibilityMs }),
  ]);
  await acknowledgeAll(bench, one!, first);
  await bench.letLocksEnd();
  await Promise.all([
    one!.expectNothing("acknowledge() must remove the copy of its queue"),
    other!.collect(1),
  ]);
}

async function mixes(bench: Bench): Promise<void> {
  const { topic, queues: [queue] } = await subscribed(bench, [{}]);
  await topic.fill(["published"]);
  await queue!.fill(["sent"]);
  const bodies = bodiesOf(await queue!.collect(2)).sort();
  expectSame(bodies, ["published", "sent"], "a queue must take from its topics and from senders");
}

async function keepsNothing(bench: Bench): Promise<void> {
  const { topic, name } = await createTopic(bench);
  await topic.fill(["lost"]);
  const queue = await subscribe(bench, name, {});
  await topic.fill(["kept"]);
  expectSame(bodiesOf(await queue.collect(1)), ["kept"], "a topic must keep nothing for later");
  await queue.expectNothing("a topic must keep nothing for later");
}

async function refusesDelay(bench: Bench): Promise<void> {
  const { topic, queues: [queue] } = await subscribed(bench, [{}]);
  const results = await topic.send(["before", { delayMs: 1_000 }, "after", "last"]);
  expectCount(results, 4, "send()");
  const [before, refused, after, last] = results;
  expectFailed(refused, "send() to a topic must refuse a delay", "INVALID_MESSAGE");
  expect(before?.ok && after?.ok && last?.ok, "send() must store the neighbours of a bad message");
  await queue!.collect(3);
}

async function missesTopic(bench: Bench): Promise<void> {
  const call = bench.backend.send({ topic: bench.newName() }, [{ body: "x", attributes: {} }]);
  const [outcome] = await Promise.allSettled([call]);
  if (outcome.status === "fulfilled") {
    expectAllOk(outcome.value, 1, "send() to a missing topic");
  } else {
    expectError(outcome.reason, "send() to a missing topic must create it or fail", "NOT_FOUND");
  }
}

async function refusesTopics(bench: Bench): Promise<void> {
  const call = bench.backend.send({ topic: bench.newName() }, [{ body: "x", attributes: {} }]);
  await expectThrown(
    call,
    "send() to a topic must be thrown where nothing fans out",
    "UNSUPPORTED",
  );
}

const Placed = defineEvent("OrderPlaced", { schema: typed<unknown>() });

async function filters(bench: Bench): Promise<void> {
  const { topic, queues: [placed, both, all] } = await subscribed(bench, [
    { events: [Placed] },
    { events: [Placed, "OrderPaid"] },
    {},
  ]);
  await topic.fill([
    typedDraft("OrderPlaced"),
    typedDraft("OrderPaid"),
    typedDraft("OrderPlacedTwice"),
    typedDraft("orderplaced"),
    { body: "untyped" },
  ]);
  await expectBodies(all!, [
    "OrderPaid",
    "OrderPlaced",
    "OrderPlacedTwice",
    "orderplaced",
    "untyped",
  ]);
  await Promise.all([
    expectBodies(placed!, ["OrderPlaced"]),
    expectBodies(both!, ["OrderPaid", "OrderPlaced"]),
  ]);
}

/** Policies, each with the messages that pass. Numbers stand as AWS documents them, never bare. */
const POLICIES: [policy: FilterPolicy, bodies: string[]][] = [
  [{ country: ["CH", "AT"] }, ["at-20", "ch-10"]],
  [{ country: [{ prefix: "C" }] }, ["ch-10"]],
  [{ country: [{ "anything-but": ["CH"] }] }, ["at-20", "de-30"]],
  [{ country: [{ exists: false }] }, ["none-30"]],
  [{ country: [{ exists: true }], total: [{ numeric: ["=", 30] }] }, ["de-30"]],
  [{ total: [{ numeric: [">", 10, "<=", 20] }] }, ["at-20"]],
  [{ total: [{ numeric: ["=", 10] }, { numeric: [">=", 30] }] }, ["ch-10", "de-30", "none-30"]],
  [{ country: ["ch"] }, []],
];

async function filtersByPolicy(bench: Bench): Promise<void> {
  const subscriptions = POLICIES.map(([filter]) => ({ filter }));
  const { topic, queues } = await subscribed(bench, subscriptions);
  await topic.fill([
    { body: "ch-10", attributes: { country: "CH", total: 10 } },
    { body: "at-20", attributes: { country: "AT", total: 20 } },
    { body: "de-30", attributes: { country: "DE", total: 30 } },
    { body: "none-30", attributes: { total: 30 } },
  ]);
  await Promise.all(POLICIES.map(([, bodies], index) => expectBodies(queues[index]!, bodies)));
}

async function combinesFilters(bench: Bench): Promise<void> {
  const subscription = { events: ["OrderPlaced"], filter: { country: ["CH"] } };
  const { topic, queues: [queue] } = await subscribed(bench, [subscription]);
  const draft = (manifest: string, country: string) => ({
    body: `${manifest} ${country}`,
    attributes: { manifest, country },
  });
  await topic.fill([
    draft("OrderPlaced", "AT"),
    draft("OrderPaid", "CH"),
    draft("OrderPlaced", "CH"),
  ]);
  await expectBodies(queue!, ["OrderPlaced CH"]);
}

async function filtersAll(bench: Bench): Promise<void> {
  const { topic, queues: [queue] } = await subscribed(bench, [{ events: ["Other"] }]);
  await topic.fill([typedDraft("OrderPlaced"), "untyped"]);
  await expectBodies(queue!, []);
}

async function letsAllThrough(bench: Bench): Promise<void> {
  const { topic, queues: [queue] } = await subscribed(bench, [{}]);
  await topic.fill([typedDraft("OrderPlaced"), "untyped"]);
  await expectBodies(queue!, ["OrderPlaced", "untyped"]);
}

async function replacesFilter(bench: Bench): Promise<void> {
  const { topic, name, queues: [queue] } = await subscribed(bench, [{ events: ["Old"] }]);
  const subscription = { topic: name, events: ["New"], raw: bench.rawDelivery };
  await bench.backend.declareQueue(queue!.name, { subscribeTo: [subscription] });
  await topic.fill([typedDraft("Old"), typedDraft("New")]);
  await expectBodies(queue!, ["New"]);
}

async function subscribesOnce(bench: Bench): Promise<void> {
  const { topic, name, queues: [queue] } = await subscribed(bench, [{}]);
  const subscribeTo = [{ topic: name, raw: bench.rawDelivery }];
  await bench.backend.declareTopic(name);
  await bench.backend.declareQueue(queue!.name, { subscribeTo });
  await topic.fill(["once"]);
  await expectBodies(queue!, ["once"]);
}

async function addsSubscription(bench: Bench): Promise<void> {
  const first = await subscribed(bench, [{}]);
  const second = await createTopic(bench);
  const queue = first.queues[0]!;
  const subscribeTo = [{ topic: second.name, raw: bench.rawDelivery }];
  await bench.backend.declareQueue(queue.name, { subscribeTo });
  await first.topic.fill(["first"]);
  await second.topic.fill(["second"]);
  await expectBodies(queue, ["first", "second"]);
}

async function endsSubscriptions(bench: Bench): Promise<void> {
  const { topic, name, queues: [queue] } = await subscribed(bench, [{}]);
  await bench.backend.deleteTopic(name);
  await bench.backend.declareTopic(name);
  await topic.fill(["unheard"]);
  await expectBodies(queue!, []);
}

async function leavesOthers(bench: Bench): Promise<void> {
  const { topic, queues: [one, other] } = await subscribed(bench, [{}, {}]);
  await bench.backend.deleteQueue(one!.name);
  await topic.fill(["heard"]);
  await expectBodies(other!, ["heard"]);
}

type Topic = ReturnType<Bench["topicNamed"]>;

/** A topic, and one queue for each subscription. */
async function subscribed(
  bench: Bench,
  subscriptions: readonly Omit<SubscriptionOptions, "topic">[],
): Promise<{ topic: Topic; name: string; queues: Queue[] }> {
  const { topic, name } = await createTopic(bench);
  const queues: Queue[] = [];
  for (const subscription of subscriptions) queues.push(await subscribe(bench, name, subscription));
  return { topic, name, queues };
}

async function createTopic(bench: Bench): Promise<{ topic: Topic; name: string }> {
  const name = bench.newName();
  await bench.backend.declareTopic(name);
  return { topic: bench.topicNamed(name), name };
}

async function subscribe(
  bench: Bench,
  topic: string,
  subscription: Omit<SubscriptionOptions, "topic">,
): Promise<Queue> {
  const raw = bench.rawDelivery;
  const subscribeTo = [{ topic, raw, ...subscription }];
  return await bench.createQueue({ straight: true, subscribeTo });
}

function typedDraft(manifest: string): Draft {
  return { body: manifest, attributes: { manifest } };
}

/** Throws unless the queue has these messages and no more. */
async function expectBodies(queue: Queue, expected: readonly string[]): Promise<void> {
  const bodies = bodiesOf(await queue.collect(expected.length)).sort();
  expectSame(bodies, [...expected].sort(), "a subscription must let the right messages through");
  await queue.expectNothing("a subscription must let nothing else through");
}
