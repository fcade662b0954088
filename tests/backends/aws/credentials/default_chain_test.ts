import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { cacheCredentials } from "../../../../backends/aws/credentials/credentials.ts";
import { AwsBackend, awsSender, defaultCredentials } from "../../../../backends/aws/mod.ts";
import {
  credentialsJson,
  credentialsXml,
  fakeMachine,
  html,
  type Machine,
  type Respond,
  SECRET,
  silence,
  TOKEN,
} from "./fake_machine.ts";

const MINUTE = 60_000;

/** A machine on which everything has credentials, each with an id of its own. */
function everywhere(): Machine {
  const respond: Respond = ({ url, method }) => {
    if (url.includes("sts.")) return credentialsXml("AssumeRoleWithWebIdentity", { id: "WEB" });
    if (url.includes("170.2")) return credentialsJson({ id: "CONTAINER" });
    if (method === "PUT") return new Response("session");
    return url.endsWith("/") ? new Response("role") : credentialsJson({ id: "INSTANCE" });
  };
  return fakeMachine({
    variables: {
      AWS_ACCESS_KEY_ID: "ENVIRONMENT",
      AWS_SECRET_ACCESS_KEY: SECRET,
      AWS_WEB_IDENTITY_TOKEN_FILE: "/token",
      AWS_ROLE_ARN: "arn:aws:iam::123456789012:role/r",
      HOME: "/h",
      AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: "/x",
    },
    files: {
      "/token": TOKEN,
      "/h/.aws/credentials":
        `[default]\naws_access_key_id = FILES\naws_secret_access_key = ${SECRET}`,
    },
    respond,
  });
}

function chainOn(machine: Machine) {
  const { environment, fetch, clock, random, readTextFile } = machine.context;
  return defaultCredentials({
    region: "eu-west-1",
    environment,
    fetch,
    clock,
    random,
    readTextFile: readTextFile!,
  });
}

describe("defaultCredentials()", () => {
  it("asks in the order of the SDKs", async () => {
    const machine = everywhere();
    const found: string[] = [];
    const next = async () => found.push((await chainOn(machine)()).accessKeyId);
    await next();
    delete machine.variables.AWS_ACCESS_KEY_ID;
    await next();
    delete machine.variables.AWS_ROLE_ARN;
    await next();
    delete machine.variables.HOME;
    await next();
    delete machine.variables.AWS_CONTAINER_CREDENTIALS_RELATIVE_URI;
    await next();
    assertEquals(found, ["ENVIRONMENT", "WEB", "FILES", "CONTAINER", "INSTANCE"]);
  });

  it("reads and asks nothing before it is called, and nothing further than needed", async () => {
    const machine = everywhere();
    const provide = chainOn(machine);
    await provide();
    assertEquals([machine.reads, machine.requests], [[], []]);
  });

  it("remembers where it found some", async () => {
    const machine = everywhere();
    delete machine.variables.AWS_ACCESS_KEY_ID;
    const provide = chainOn(machine);
    assertEquals((await provide()).accessKeyId, "WEB");
    machine.variables.AWS_ACCESS_KEY_ID = "ENVIRONMENT";
    assertEquals((await provide()).accessKeyId, "WEB");
    delete machine.variables.AWS_ROLE_ARN;
    assertEquals((await provide()).accessKeyId, "ENVIRONMENT", "they are gone there");
  });

  it("does not go on to somebody else's where a place is set up and broken", async () => {
    const machine = everywhere();
    delete machine.variables.AWS_ACCESS_KEY_ID;
    machine.respond = () => html(403);
    const error = await machine.failure(chainOn(machine)());
    assert(error.message.includes("STS"), error.message);
    assertEquals(machine.requests.length, 1);
  });

  it("tells in one error what was tried and what to set", async () => {
    const machine = fakeMachine({ respond: silence });
    const startedAt = machine.clock.now();
    const error = await machine.failure(chainOn(machine)());
    assertEquals([error.code, error.retryable], ["CONFIGURATION", false]);
    const hints = [
      "AWS_ACCESS_KEY_ID",
      "AWS_WEB_IDENTITY_TOKEN_FILE",
      "shared files",
      "HOME",
      "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
      "metadata service does not answer",
      "AWS_PROFILE",
      "`credentials`",
    ];
    for (const hint of hints) assert(error.message.includes(hint), `${hint}: ${error.message}`);
    assert(machine.clock.now() - startedAt <= 1_000, "a second at most");
  });

  it("may find some again where it did before", async () => {
    const machine = fakeMachine({ respond: everywhere().respond });
    const provide = chainOn(machine);
    await provide();
    machine.respond = silence;
    assertEquals((await machine.failure(provide())).retryable, true);
    machine.respond = everywhere().respond;
    assertEquals((await provide()).accessKeyId, "INSTANCE");
  });
});

/** A container whose credentials last an hour and are numbered. */
function container() {
  const machine = fakeMachine({ variables: { AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: "/x" } });
  const next: Respond = (_, number) =>
    credentialsJson({ id: `ASIA${number}`, expires: machine.clock.now() + 60 * MINUTE });
  machine.respond = next;
  const cache = cacheCredentials(chainOn(machine), { clock: machine.clock });
  const id = async () => (await machine.settle(cache.get())).accessKeyId;
  return { machine, next, cache, id };
}

describe("defaultCredentials() in a cache", () => {
  it("rotates once for all, with the old in use until the new are there", async () => {
    const { machine, next, cache, id } = container();
    const [first, second] = await Promise.all([cache.get(), cache.get()]);
    assertStrictEquals(first, second);
    await machine.clock.advance(56 * MINUTE);
    let open = () => {};
    const gate = new Promise<void>((resolve) => open = resolve);
    machine.respond = (request, number) => gate.then(() => next(request, number));
    for (let call = 0; call < 5; call++) assertStrictEquals(await cache.get(), first);
    assertEquals(machine.requests.length, 2, "one rotation for all");
    open();
    await machine.clock.advance(0);
    assertEquals(await id(), "ASIA2");
  });

  for (const [what, respond] of [["HTML", () => html()], ["silence", silence]] as const) {
    it(`lives on through ${what} until the end, and recovers`, async () => {
      const { machine, next, cache, id } = container();
      await id();
      machine.respond = respond;
      await machine.clock.advance(57 * MINUTE);
      assertEquals(await id(), "ASIA1");
      await machine.clock.advance(4 * MINUTE);
      const error = await machine.failure(cache.get());
      assertEquals([error.code, error.retryable], ["CONFIGURATION", true]);
      machine.respond = next;
      assert((await id()) !== "ASIA1");
    });
  }

  it("asks anew when the clock jumps forward, and keeps what it has when it jumps back", async () => {
    const { machine } = container();
    let jumpMs = 0;
    const clock = { ...machine.clock, now: () => machine.clock.now() + jumpMs };
    const { environment, fetch, random } = machine.context;
    const after = machine.clock.after.bind(machine.clock);
    const provide = defaultCredentials({
      environment,
      fetch,
      random,
      clock: { ...clock, after },
      readTextFile: () => Promise.reject(new Error("none")),
    });
    const cache = cacheCredentials(provide, { clock: { ...clock, after } });
    await cache.get();
    jumpMs = 90 * MINUTE;
    assertEquals((await cache.get()).accessKeyId, "ASIA2");
    jumpMs = -90 * MINUTE;
    assertEquals((await cache.get()).accessKeyId, "ASIA2");
    assertEquals(machine.requests.length, 2);
  });

  it("uses credentials that have ended by our clock, and asks once a minute for others", async () => {
    const { machine, id } = container();
    machine.respond = (_, number) =>
      credentialsJson({ id: `ASIA${number}`, expires: machine.clock.now() - 60 * MINUTE });
    assertEquals(await id(), "ASIA1");
    await machine.clock.advance(MINUTE - 1);
    assertEquals(await id(), "ASIA1");
    assertEquals(machine.requests.length, 1);
    await machine.clock.advance(1);
    assertEquals(await id(), "ASIA1");
    await machine.clock.advance(0);
    assertEquals(machine.requests.length, 2);
    assertEquals(await id(), "ASIA2");
  });
});

describe("AwsBackend without credentials of its own", () => {
  const destination = { queue: "https://sqs.eu-west-1.amazonaws.com/123456789012/q" };
  const message = { body: "{}", attributes: {} };
  function onMachine() {
    const machine = everywhere();
    delete machine.variables.AWS_ACCESS_KEY_ID;
    const { environment, fetch, clock, readTextFile } = machine.context;
    return {
      machine,
      options: { region: "eu-west-1", environment, fetch, clock } as const,
      readTextFile,
    };
  }

  it("takes those of the chain, also for a second backend", async () => {
    const { machine, options, readTextFile } = onMachine();
    for (let time = 1; time <= 2; time++) {
      const backend = new AwsBackend({ ...options, readTextFile: readTextFile! });
      await machine.settle(backend.send(destination, [message])).catch(() => {});
      const [asked, sent] = machine.requests.slice(-2);
      assert(asked?.body.includes("AssumeRoleWithWebIdentity"), asked?.url);
      assert(sent?.headers.get("authorization")?.includes("Credential=WEB/"), sent?.url);
      assertEquals(sent?.headers.get("x-amz-security-token"), TOKEN);
    }
  });

  it("is what awsSender is not: that asks nobody", async () => {
    const { machine, options } = onMachine();
    delete machine.variables.AWS_ROLE_ARN;
    const error = await machine.failure(awsSender(options).send(destination, [message]));
    assertEquals([error.code, machine.requests, machine.reads], ["CONFIGURATION", [], []]);
  });

  it("gets new ones once after AWS said that they are expired", async () => {
    const { machine, options, readTextFile } = onMachine();
    const backend = new AwsBackend({ ...options, readTextFile: readTextFile! });
    const sts = machine.respond;
    machine.respond = (request, number) =>
      request.url.includes("sts.")
        ? sts(request, number)
        : Response.json({ __type: "com.amazonaws.sqs#ExpiredToken" }, { status: 400 });
    const error = await machine.failure(backend.send(destination, [message]));
    assertEquals(error.code, "ACCESS_DENIED");
    const hosts = machine.requests.map(({ url }) => new URL(url).host.split(".")[0]);
    assertEquals(hosts, ["sts", "sqs", "sts", "sqs"]);
  });
});
