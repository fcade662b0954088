import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { it } from "@std/testing/bdd";
import { DynamoDbDeduplicationStore } from "../../../../backends/aws/deduplication/dynamodb.ts";
import { testDeduplicationStore } from "../../../../backends/conformance/mod.ts";
import { VirtualClock } from "../../../../backends/memory/testing.ts";

type Value = { S?: string; N?: string; BOOL?: boolean };
type Item = Record<string, Value>;

/** DynamoDB in memory, for the expressions of the store. */
function fakeDynamo(clock: VirtualClock): typeof fetch {
  const items = new Map<string, Item>();
  return async (_url, init) => {
    await Promise.resolve();
    const { Key, ConditionExpression = "", ExpressionAttributeValues: v = {} } = JSON.parse(
      `${init?.body}`,
    ) as { Key: Item; ConditionExpression?: string; ExpressionAttributeValues?: Item };
    const key = Key.key?.S ?? "";
    const item = items.get(key);
    const date = new Date(clock.now()).toUTCString();
    const answer = (status: number, body: unknown) =>
      new Response(JSON.stringify(body), { status, headers: { date } });
    if (ConditionExpression === "") return answer(200, item ? { Item: item } : {});
    const holds: Record<string, () => boolean> = {
      "attribute_not_exists(#t) OR #e <= :now": () =>
        !item || Number(item.expiresAt?.N) <= Number(v[":now"]?.N),
      "#t = :t": () => item?.token?.S === v[":t"]?.S,
      "#t = :t AND #d = :d": () =>
        item?.token?.S === v[":t"]?.S && item?.done?.BOOL === v[":d"]?.BOOL,
      "#t = :old AND #d = :d": () =>
        item?.token?.S === v[":old"]?.S && item?.done?.BOOL === v[":d"]?.BOOL,
    };
    if (!holds[ConditionExpression]!()) {
      const type = "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException";
      return answer(400, { __type: type });
    }
    items.set(key, { ...Key, token: v[":t"]!, done: v[":d"]!, expiresAt: v[":e"]! });
    return answer(200, {});
  };
}

const credentials = { accessKeyId: "test", secretAccessKey: "test" };
const settings = { table: "handled", region: "us-east-1", endpoint: "http://dynamo.test" };

testDeduplicationStore({
  name: "DynamoDbDeduplicationStore",
  can: ["ahead", "down"],
  leaseMs: 10_000,
  slackMs: 2_500,
  test: it,
  create: () => {
    const clock = new VirtualClock({ now: 1_000_000_000_500 });
    const fetch = fakeDynamo(clock);
    const open = (aheadMs: number, send = fetch) =>
      new DynamoDbDeduplicationStore({
        ...settings,
        credentials,
        fetch: send,
        clock: {
          now: () => clock.now() + aheadMs,
          monotonic: () => clock.now(),
          after: (ms, callback) => clock.after(ms, callback),
        },
      });
    return {
      store: open(0),
      other: open(0),
      pass: (ms) => clock.advance(ms),
      ahead: (ms) => open(ms),
      down: () => open(0, () => Promise.resolve(new Response("{}", { status: 500 }))),
    };
  },
});

it("DynamoDbDeduplicationStore refuses a table without a name", () => {
  for (const table of ["", "ab", "a b c", undefined as unknown as string]) {
    assertThrows(() => new DynamoDbDeduplicationStore({ table }), TypeError);
  }
});

it("DynamoDbDeduplicationStore shows no key where the service refuses", async () => {
  const fetch = () =>
    Promise.resolve(new Response('{"__type":"x#AccessDeniedException"}', { status: 400 }));
  const store = new DynamoDbDeduplicationStore({ ...settings, credentials, fetch });
  const error = await assertRejects(() => store.claim("private", 1_000), Error);
  assertEquals(`${error.message}`.includes("private"), false);
});
