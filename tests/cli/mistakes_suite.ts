/**
 * Likely mistakes, and what the command line answers: in time, and with the next step. The table in
 * docs/incident.md is the short form.
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { createInspector } from "../../backends/aws/inspect/inspect.ts";
import { AwsBackend, type AwsBackendOptions } from "../../backends/aws/mod.ts";
import { main } from "../../cli/main.ts";
import { run } from "../../tasks/process.ts";
import { startBroker } from "../broker.ts";
import { within } from "../wait.ts";
import { fakeIo, moduleAt } from "./fake_io.ts";

/** A person waits so long for an answer, in milliseconds. */
const PATIENCE_MS = 2_000;
/** The start of a program of a busy machine counts too. */
const PROGRAM_MS = 20_000;

const KEYS = { AWS_ACCESS_KEY_ID: "test", AWS_SECRET_ACCESS_KEY: "test" };
const REGION = { ...KEYS, AWS_REGION: "us-east-1" };
const HANDLERS = moduleAt("dispatcher.ts");
const QUEUE = ["--queue", "q", "--handlers", HANDLERS];

interface Options extends AwsBackendOptions {
  env?: Readonly<Record<string, string>>;
}

/** Runs a command on AWS with this environment; resolves to all that it wrote. */
async function answer(args: readonly string[], { env = REGION, ...options }: Options = {}) {
  const machine = (given: AwsBackendOptions): AwsBackendOptions => ({
    ...given,
    ...options,
    environment: (name) => env[name as keyof typeof env],
    readTextFile: () => Promise.reject(Object.assign(new Error("none"), { code: "ENOENT" })),
    allowCredentialProcess: false,
  });
  const io = {
    ...fakeIo(),
    createBackend: (given: AwsBackendOptions) => new AwsBackend(machine(given)),
    createInspector: (given: AwsBackendOptions) => createInspector(machine(given)),
  };
  const saw = () => [...io.outLines, ...io.errLines].join("\n");
  const ended = main(args, io);
  const code = await within(ended, {
    what: `an answer to ${args.join(" ")}`,
    ms: PATIENCE_MS,
    saw,
  });
  return { code, text: saw() };
}

/** An address of this machine where nobody listens. */
function closedPort(): string {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  listener.close();
  return `http://127.0.0.1:${port}`;
}

const noHost: typeof fetch = () =>
  Promise.reject(
    new TypeError("error sending request", {
      cause: new Error(
        "dns error: failed to lookup address information: Name or service not known",
      ),
    }),
  );

const DENIAL =
  "User: arn:aws:sts::123456789012:assumed-role/web/i-1 is not authorized to perform: " +
  "sqs:sendmessage on resource: arn:aws:sqs:us-east-1:123456789012:q because no identity-based policy allows the sqs:sendmessage action";
const denied: typeof fetch = () => {
  const type = "com.amazon.coral.service#AccessDeniedException";
  const body = JSON.stringify({ __type: type, message: `${DENIAL}. secret-body` });
  return Promise.resolve(new Response(body, { status: 403 }));
};

const URL_OF_Q = "https://sqs.us-east-1.amazonaws.com/123456789012/q";

const ROWS: readonly (readonly [what: string, args: string[], says: RegExp, options?: Options])[] =
  [
    ["no region", ["publish", "A", "{}", "--topic", "t"], /AWS_REGION, or pass --region NAME/, {
      env: KEYS,
    }],
    ["no credentials", ["publish", "A", "{}", "--queue", "q"], /Tried: .*Set AWS_ACCESS_KEY_ID/, {
      env: { AWS_REGION: "us-east-1", AWS_EC2_METADATA_DISABLED: "true" },
    }],
    [
      "a misspelt region",
      ["publish", "A", "{}", "--queue", "q", "--region", "eu-wets-1"],
      /eu-wets-1\S* as there is no such host.*--region NAME/,
      { fetch: noHost },
    ],
    ["an endpoint without http", [
      "publish",
      "A",
      "{}",
      "--queue",
      "q",
      "--endpoint",
      "localhost:4566",
    ], /http\(s\).*--endpoint http:\/\/HOST:PORT/],
    [
      "403",
      ["publish", "A", "{}", "--queue", URL_OF_Q],
      /ACCESS_DENIED.*assumed-role\/web\/i-1 is not authorized to perform sqs:sendmessage on arn:aws:sqs:\S+:q because no identity-based policy/,
      { fetch: denied },
    ],
    ["FIFO without a group", ["publish", "A", "{}", "--queue", "q.fifo"], /group.*--group NAME/],
    ["a message that is too large", [
      "publish",
      "A",
      JSON.stringify("x".repeat(1_100_000)),
      "--queue",
      "q",
    ], /at most 1048576 bytes.*current value is 1100\d+.*Send less/],
    [
      "a handlers file that is missing",
      ["consume", "--queue", "q", "--handlers", "./none.ts"],
      /there is no file .*none\.ts; it must export `dispatcher`/,
    ],
    ["a module that exports nothing", [
      "consume",
      "--queue",
      "q",
      "--handlers",
      moduleAt("nothing.ts"),
    ], /it must export `dispatcher`/],
    ["a module where nobody subscribed", [
      "consume",
      "--queue",
      "q",
      "--handlers",
      moduleAt("nobody.ts"),
    ], /call `dispatcher.subscribe/],
    ["data that violates a schema", [
      "publish",
      "Checked",
      '{"total":"secret-total"}',
      "--queue",
      "q",
      "--handlers",
      moduleAt("checked.ts"),
    ], /schema at total \(expected number\)/],
    ["a misspelt option", ["publish", "A", "{}", "--tpoic", "t"], /did you mean --topic\?/],
    ["a misspelt command", ["dead-leters", "q"], /did you mean dead-letters\?/],
    [
      "a missing file",
      ["publish", "A", "--topic", "t", "--file", "none.jsonl"],
      /Cannot read the file none\.jsonl: pass --file PATH/,
    ],
  ];

describe("a mistake is answered in time, with the next step:", () => {
  for (const [what, args, says, options] of ROWS) {
    it(what, async () => {
      const { code, text } = await answer(args, options);
      assert(code === 1 || code === 2, text);
      assertMatch(text, says);
      assertEquals(text.includes("secret"), false, text);
    });
  }

  const commands = [
    ["publish", "A", "{}", "--queue", "q"],
    ["declare", "--queue", "q"],
    ["consume", ...QUEUE],
    ["dead-letters", "q"],
    ["queues"],
    ["describe", "q"],
  ];
  for (const args of commands) {
    it(`a wrong port, for ${args[0]}`, async () => {
      const endpoint = closedPort();
      const { code, text } = await answer([...args, "--endpoint", endpoint]);
      assertEquals(code, 1, text);
      assertMatch(
        text,
        new RegExp(`Cannot reach ${endpoint} as nothing listens there.*--endpoint URL`),
      );
    });
  }

  const missing = [
    ["publish", "A", "{}", "--queue", "nope"],
    ["publish", "A", "{}", "--topic", "nope"],
    ["consume", "--queue", "nope", "--handlers", HANDLERS],
    ["dead-letters", "nope"],
    ["describe", "nope"],
  ];
  for (const args of missing) {
    it(`what does not exist, for ${args.join(" ").slice(0, 40)}`, async () => {
      const broker = await startBroker();
      try {
        const { code, text } = await answer([...args, "--endpoint", broker.endpoint]);
        assertEquals(code, 1, text);
        assertMatch(text, /NOT_FOUND.*nope.*declare(Queue|Topic)\(\) creates it.*"melange declare/);
        // Only where something was to be sent, and a queue was looked for.
        const sends = args[0] === "publish" && args.includes("--queue");
        assertEquals(text.includes("not sent"), sends, text);
      } finally {
        await broker.close();
      }
    });
  }

  const permissions = [
    ["net", ["-E", "-R"], ["publish", "A", "{}", "--queue", "q"]],
    ["env", ["-N", "-R"], ["publish", "A", "{}", "--queue", "q", "--region", "us-east-1"]],
    ["read", ["-N", "-E"], ["consume", ...QUEUE]],
    ["read", ["-N", "-E"], ["publish", "A", "--queue", "q", "--file", HANDLERS]],
  ] as const;
  for (const [flag, flags, args] of permissions) {
    it(`no --allow-${flag}, for ${args[0]}`, async () => {
      const program = new URL("../../cli/mod.ts", import.meta.url).pathname;
      const command = ["run", "-q", "--no-check", "--no-prompt", ...flags, program, ...args];
      const endpoint = ["--endpoint", "http://127.0.0.1:9324"];
      const env = { ...REGION, AWS_ENDPOINT_URL: undefined };
      // Before it is missing a listener, it is missing the permission to ask.
      const { code, output } = await run(Deno.execPath(), [...command, ...endpoint], {
        env,
        timeoutMs: PROGRAM_MS,
      });
      assert(code === 1 || code === 2, output);
      assertMatch(output, new RegExp(`--allow-${flag}`));
    });
  }
});
