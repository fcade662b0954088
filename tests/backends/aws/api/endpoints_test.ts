import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { AwsBackend, type AwsBackendOptions, awsSender } from "../../../../backends/aws/mod.ts";
import { MelangeError } from "../../../../src/support/errors.ts";
import { allStored, type Call, fakeAws, json, message, xml } from "../fake_aws.ts";

type Variables = Record<string, string>;
type Files = Record<string, string>;

interface World {
  options?: AwsBackendOptions;
  variables?: Variables;
  config?: string;
  credentials?: string;
  files?: Files;
}

/** A service that stores everything, and a machine with these variables and files. */
function machine({ options = {}, variables = {}, config, credentials, files = {} }: World) {
  const { region: _, ...rest } = fakeAws(() => json({})).options;
  const aws = fakeAws(answered);
  const all: Files = {
    ...(config !== undefined && { "/h/.aws/config": config }),
    ...(credentials !== undefined && { "/h/.aws/credentials": credentials }),
    ...files,
  };
  const given = {
    ...rest,
    fetch: aws.options.fetch,
    clock: aws.clock,
    environment: (name: string) => ({ HOME: "/h", ...variables })[name],
    readTextFile: (path: string) => {
      const text = all[path];
      return text === undefined ? Promise.reject(new Error("none")) : Promise.resolve(text);
    },
    ...options,
  } as AwsBackendOptions;
  return { aws, given };
}

function answered(call: Call): Response {
  if (call.action === "GetQueueUrl") {
    return json({ QueueUrl: "https://sqs.eu-west-1.amazonaws.com/1/q" });
  }
  if (call.action === "GetCallerIdentity") {
    return xml(call.action, "<Account>123456789012</Account>");
  }
  return call.action === "SendMessageBatch" ? allStored(call) : xml(call.action);
}

/** Where a request went, and for which region and service it was signed. */
function placeOf({ url, headers }: Call): [url: string, signed: string] {
  const [, scope = ""] = /Credential=[^/]+\/\d+\/([^/]+\/[^/]+)\//.exec(
    headers.get("authorization") ?? "",
  ) ?? [];
  return [url, scope];
}

async function placeOfQueue(queue: string, world: World = {}) {
  const { aws, given } = machine(world);
  await new AwsBackend(given).send({ queue }, [message()]);
  return placeOf(aws.calls.at(-1)!);
}

async function placeOfTopic(topic: string, world: World = {}) {
  const { aws, given } = machine(world);
  await new AwsBackend(given).send({ topic }, [message()]).catch(() => {});
  return placeOf(aws.calls.at(-1)!);
}

async function refusal(work: () => Promise<unknown>): Promise<MelangeError> {
  const error = await assertRejects(work, MelangeError);
  assertEquals([error.code, error.retryable], ["CONFIGURATION", false], error.message);
  return error;
}

const REGION = { AWS_REGION: "us-west-2" };

describe("a queue named by its URL", () => {
  const hosts: [url: string, base: string, region: string][] = [
    ["http://127.0.0.1:4566/000000000000/jobs", "http://127.0.0.1:4566", "us-west-2"],
    ["http://localhost:9324/queue/jobs", "http://localhost:9324", "us-west-2"],
    ["http://broker/jobs", "http://broker", "us-west-2"],
    ["https://proxy.example/aws/sqs/1/jobs", "https://proxy.example/aws/sqs", "us-west-2"],
    ["https://sqs.evil.example/1/jobs", "https://sqs.evil.example", "us-west-2"],
    ["https://sqs.internal:8443/1/jobs", "https://sqs.internal:8443", "us-west-2"],
    ["https://sqs.my-proxy-1.example/1/jobs", "https://sqs.my-proxy-1.example", "us-west-2"],
    ["https://my-proxy-1.queue.example/1/jobs", "https://my-proxy-1.queue.example", "us-west-2"],
    ["https://eu-west-1.example/1/jobs", "https://eu-west-1.example", "us-west-2"],
    ["http://[::1]:4566/000000000000/jobs", "http://[::1]:4566", "us-west-2"],
    ["https://evil.queue.example/1/jobs", "https://evil.queue.example", "us-west-2"],
    [
      "http://sqs.eu-west-3.localhost.localstack.cloud:4566/1/q",
      "http://sqs.eu-west-3.localhost.localstack.cloud:4566",
      "eu-west-3",
    ],
    [
      "https://vpce-1a-2b.sqs.eu-west-3.vpce.amazonaws.com/1/q",
      "https://vpce-1a-2b.sqs.eu-west-3.vpce.amazonaws.com",
      "eu-west-3",
    ],
    [
      "https://vpce-1a-2b-eu-west-3a.sqs.eu-west-3.vpce.amazonaws.com/1/q",
      "https://vpce-1a-2b-eu-west-3a.sqs.eu-west-3.vpce.amazonaws.com",
      "eu-west-3",
    ],
    ["https://sqs.eu-west-1.api.aws/1/q", "https://sqs.eu-west-1.api.aws", "eu-west-1"],
    [
      "https://sqs-fips.us-east-2.amazonaws.com/1/q",
      "https://sqs-fips.us-east-2.amazonaws.com",
      "us-east-2",
    ],
    ["https://sqs-fips.us-east-2.api.aws/1/q", "https://sqs-fips.us-east-2.api.aws", "us-east-2"],
    ["https://queue.amazonaws.com/1/q", "https://queue.amazonaws.com", "us-east-1"],
    ["https://queue.amazonaws.com:443/1/q", "https://queue.amazonaws.com:443", "us-east-1"],
    ["https://queue.amazonaws.com.cn/1/q", "https://queue.amazonaws.com.cn", "us-west-2"],
    [
      "https://queue.amazonaws.com.evil.example/1/q",
      "https://queue.amazonaws.com.evil.example",
      "us-west-2",
    ],
    ["HTTP://LOCALHOST:4566/000000000000/q", "HTTP://LOCALHOST:4566", "us-west-2"],
    ["https://SQS.EU-West-3.amazonaws.com/1/q", "https://SQS.EU-West-3.amazonaws.com", "eu-west-3"],
    [
      "HTTPS://EU-WEST-3.QUEUE.AMAZONAWS.COM/1/q",
      "HTTPS://EU-WEST-3.QUEUE.AMAZONAWS.COM",
      "eu-west-3",
    ],
    [
      "https://sqs.ap-southeast-10.amazonaws.com/1/q",
      "https://sqs.ap-southeast-10.amazonaws.com",
      "ap-southeast-10",
    ],
    [
      "https://vpce-1.sqs-fips.us-east-11.vpce.amazonaws.com/1/q",
      "https://vpce-1.sqs-fips.us-east-11.vpce.amazonaws.com",
      "us-east-11",
    ],
    [
      "https://eu-west-2.queue.amazonaws.com/1/q",
      "https://eu-west-2.queue.amazonaws.com",
      "eu-west-2",
    ],
    [
      "https://cn-north-1.queue.amazonaws.com.cn/1/q",
      "https://cn-north-1.queue.amazonaws.com.cn",
      "cn-north-1",
    ],
    [
      "https://sqs.us-iso-east-1.c2s.ic.gov/1/q",
      "https://sqs.us-iso-east-1.c2s.ic.gov",
      "us-iso-east-1",
    ],
    [
      "https://sqs.us-isob-east-1.sc2s.sgov.gov/1/q",
      "https://sqs.us-isob-east-1.sc2s.sgov.gov",
      "us-isob-east-1",
    ],
    [
      "https://us-isob-east-1.queue.sc2s.sgov.gov/1/q",
      "https://us-isob-east-1.queue.sc2s.sgov.gov",
      "us-isob-east-1",
    ],
    [
      "https://sqs.eu-isoe-west-1.cloud.adc-e.uk/1/q",
      "https://sqs.eu-isoe-west-1.cloud.adc-e.uk",
      "eu-isoe-west-1",
    ],
    [
      "https://sqs.us-isof-south-1.csp.hci.ic.gov/1/q",
      "https://sqs.us-isof-south-1.csp.hci.ic.gov",
      "us-isof-south-1",
    ],
    [
      "https://sqs.eusc-de-east-1.amazonaws.eu/1/q",
      "https://sqs.eusc-de-east-1.amazonaws.eu",
      "eusc-de-east-1",
    ],
    [
      "https://sqs.us-gov-west-1.amazonaws.com/1/q",
      "https://sqs.us-gov-west-1.amazonaws.com",
      "us-gov-west-1",
    ],
  ];
  for (const [queue, base, region] of hosts) {
    it(`is asked there, signed for ${region}: ${queue}`, async () => {
      const { aws, given } = machine({ variables: REGION });
      for (const sender of [new AwsBackend(given), awsSender(given)]) {
        await sender.send({ queue }, [message()]);
        assertEquals(placeOf(aws.calls.at(-1)!), [base, `${region}/sqs`]);
        assertEquals(aws.calls.at(-1)!.input.QueueUrl, queue);
      }
    });
  }

  it("needs a region from elsewhere if its host names none", async () => {
    const { aws, given } = machine({});
    const queue = "http://sqs.somewhere.example/1/q";
    for (const sender of [new AwsBackend(given), awsSender(given)]) {
      await refusal(() => sender.send({ queue }, [message()]));
    }
    assertEquals(aws.calls, []);
  });

  it("is asked where its messages are, also for its dead-letter queue", async () => {
    const urls: string[] = [];
    const aws = fakeAws((call) => {
      urls.push(call.url, call.input.QueueUrl ?? call.input.QueueName);
      const deadLetterTargetArn = "arn:aws:sqs:us-west-2:000000000000:dlq";
      const RedrivePolicy = JSON.stringify({ deadLetterTargetArn, maxReceiveCount: 5 });
      if (call.action === "GetQueueAttributes") return json({ Attributes: { RedrivePolicy } });
      return call.action === "SendMessageBatch"
        ? allStored(call)
        : json({ Successful: [{ Id: "0" }] });
    });
    const backend = new AwsBackend({ ...aws.options, region: "us-west-2" });
    const queue = "http://127.0.0.1:4566/000000000000/jobs";
    const [result] = await backend.deadLetter(queue, [{ receipt: "r", copy: message() }]);
    assert(result?.ok);
    const base = "http://127.0.0.1:4566";
    assertEquals(urls, [base, queue, base, `${base}/000000000000/dlq`, base, queue]);
  });
});

describe("the address of a service is the first of", () => {
  const queue = "https://sqs.eu-west-1.amazonaws.com/1/q";
  const config = "[default]\nendpoint_url = http://profile\nregion = ca-central-1\nservices = s\n" +
    "[services s]\nsqs =\n  endpoint_url = http://services\n";
  const variables = { AWS_ENDPOINT_URL: "http://env", AWS_ENDPOINT_URL_SQS: "http://env-sqs" };
  const steps: [what: string, world: World, url: string][] = [
    ["the option of the service", {
      options: { sqsEndpoint: "http://sqs", endpoint: "http://all" },
      variables,
      config,
    }, "http://sqs"],
    ["the option of all", { options: { endpoint: "http://all" }, variables, config }, "http://all"],
    ["the variable of the service", { variables, config }, "http://env-sqs"],
    [
      "the variable of all",
      { variables: { AWS_ENDPOINT_URL: "http://env" }, config },
      "http://env",
    ],
    ["the services of the profile", { config }, "http://services"],
    [
      "the endpoint_url of the profile",
      { config: config.replace("services = s", "") },
      "http://profile",
    ],
    [
      "the host of the URL",
      { config: "[default]\nregion = ca-central-1" },
      "https://sqs.eu-west-1.amazonaws.com",
    ],
  ];
  for (const [what, world, url] of steps) {
    it(what, async () => assertEquals(await placeOfQueue(queue, world), [url, "eu-west-1/sqs"]));
  }

  it("at last the one of the region, which may be in the profile", async () => {
    const world = { config: "[profile x]\nregion = ca-central-1", variables: { AWS_PROFILE: "x" } };
    assertEquals(await placeOfQueue("jobs", { config: "[default]\nregion = eu-west-1" }), [
      "https://sqs.eu-west-1.amazonaws.com",
      "eu-west-1/sqs",
    ]);
    assertEquals(await placeOfTopic("t", world), [
      "https://sns.ca-central-1.amazonaws.com",
      "ca-central-1/sns",
    ]);
    const { aws, given } = machine(world);
    await new AwsBackend(given).send({ topic: "t" }, [message()]).catch(() => {});
    assertEquals(aws.calls[0]!.input.TopicArn, "arn:aws:sns:ca-central-1:123456789012:t");
  });

  it("without what is configured, if that is to be ignored; the option counts", async () => {
    const own = "https://sqs.eu-west-1.amazonaws.com";
    const ignoring = { ...variables, AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: "true" };
    assertEquals((await placeOfQueue(queue, { variables: ignoring, config }))[0], own);
    const inProfile = config.replace("region", "ignore_configured_endpoint_urls = true\nregion");
    assertEquals((await placeOfQueue(queue, { variables, config: inProfile }))[0], own);
    const options = { endpoint: "http://all" };
    assertEquals(
      (await placeOfQueue(queue, { options, variables: ignoring, config }))[0],
      "http://all",
    );
  });

  it("that of the services section, whatever comments and empty lines are in it", async () => {
    const section =
      "[services s]\n# all\nsqs =\n# why\n\n  ; more\n\tendpoint_url = http://c # x\n";
    for (const lines of [section, section.replaceAll("\n", "\r\n")]) {
      const world = { config: `[default]\nregion = eu-west-1\nservices = s\n${lines}` };
      assertEquals((await placeOfQueue(queue, world))[0], "http://c");
    }
  });

  it("refuses services of a profile that are not there", async () => {
    const world = { config: "[default]\nregion = eu-west-1\nservices = missing" };
    const error = await refusal(() => placeOfQueue(queue, world));
    assert(error.message.includes("services"), error.message);
  });

  it("reads files that hung, or could not be told apart from silence, anew", async () => {
    let hangs = true;
    const config = "[default]\nregion = eu-west-1\nendpoint_url = http://profile";
    const { aws, given } = machine({ config });
    const backend = new AwsBackend({
      ...given,
      readTextFile: (path) => hangs ? new Promise(() => {}) : given.readTextFile!(path),
    });
    const first = backend.send({ queue }, [message()]);
    const failed = assertRejects(() => first, MelangeError);
    for (let turn = 0; turn < 6; turn++) await aws.clock.advance(1_000);
    assertEquals([(await failed).code, (await failed).retryable], ["CONFIGURATION", true]);
    hangs = false;
    await backend.send({ queue }, [message()]);
    assertEquals(aws.calls.map(({ url }) => url), ["http://profile"]);
  });
});

describe("settings in files that never answer", () => {
  const queue = "https://sqs.eu-west-1.amazonaws.com/1/q";
  const config = "[default]\nendpoint_url = http://profile";

  /** A home folder on a drive that is gone, until it is back. */
  function gone(variables: Variables) {
    const { aws, given } = machine({ config, variables });
    const drive = { hangs: true };
    const backend = new AwsBackend({
      ...given,
      readTextFile: (path) => drive.hangs ? new Promise(() => {}) : given.readTextFile!(path),
    });
    const sent = async () => {
      const count = aws.calls.length;
      const sending = backend.send({ queue }, [message()]);
      sending.catch(() => {});
      for (let second = 0; second < 3; second++) await aws.clock.advance(1_000);
      await sending;
      return aws.calls.slice(count).map(({ url }) => url);
    };
    return { aws, drive, backend, sent };
  }

  it("stop no call where the environment has what is needed", async () => {
    const { aws, drive, backend, sent } = gone(REGION);
    const own = ["https://sqs.eu-west-1.amazonaws.com"];
    assertEquals(await sent(), own);
    // Nobody waits again.
    await backend.send({ queue }, [message()]);
    await aws.clock.advance(60_000);
    await backend.send({ queue }, [message()]);
    await aws.clock.advance(60_000);
    drive.hangs = false;
    await sent();
    assertEquals(await sent(), ["http://profile"]);
  });

  it("are waited for where somebody named them, or the region is unknown", async () => {
    for (
      const variables of [
        {},
        { ...REGION, AWS_PROFILE: "default" },
        { ...REGION, AWS_CONFIG_FILE: "/h/.aws/config" },
        { ...REGION, AWS_SHARED_CREDENTIALS_FILE: "/h/.aws/credentials" },
      ]
    ) {
      const { drive, sent } = gone(variables);
      const error = await assertRejects(sent, MelangeError);
      assertEquals([error.code, error.retryable], ["CONFIGURATION", true]);
      drive.hangs = false;
      assertEquals(await sent(), ["http://profile"]);
    }
  });
});

describe("endpoints with FIPS and dual-stack", () => {
  const queue = "https://sqs.eu-west-1.amazonaws.com/1/q";
  const fips = { AWS_USE_FIPS_ENDPOINT: "true" };
  const rows: [what: string, world: World, url: string][] = [
    [
      "by options",
      { options: { useFipsEndpoint: true } },
      "https://sqs-fips.eu-west-1.amazonaws.com",
    ],
    ["by the environment", { variables: fips }, "https://sqs-fips.eu-west-1.amazonaws.com"],
    [
      "by the profile",
      { config: "[default]\nuse_dualstack_endpoint = true" },
      "https://sqs.eu-west-1.api.aws",
    ],
    [
      "both",
      { variables: { ...fips, AWS_USE_DUALSTACK_ENDPOINT: "true" } },
      "https://sqs-fips.eu-west-1.api.aws",
    ],
    [
      "off by the option",
      { options: { useFipsEndpoint: false }, variables: fips },
      "https://sqs.eu-west-1.amazonaws.com",
    ],
    ["off by the environment", {
      variables: { AWS_USE_FIPS_ENDPOINT: "false" },
      config: "[default]\nuse_fips_endpoint = true",
    }, "https://sqs.eu-west-1.amazonaws.com"],
  ];
  for (const [what, world, url] of rows) {
    it(`are used ${what}, also for a URL without them`, async () =>
      assertEquals(await placeOfQueue(queue, world), [url, "eu-west-1/sqs"]));
  }

  it("are used for STS as well", async () => {
    const { aws, given } = machine({
      options: { region: "us-gov-west-1", useFipsEndpoint: true, useDualstackEndpoint: true },
    });
    const { accountId: _, ...options } = given;
    await new AwsBackend(options).send({ topic: "t" }, [message()]).catch(() => {});
    assertEquals(aws.calls.map(({ url }) => url), [
      "https://sts-fips.us-gov-west-1.api.aws",
      "https://sns-fips.us-gov-west-1.api.aws",
    ]);
  });

  const broken: [what: string, world: World][] = [
    ["a flag that is neither", { variables: { AWS_USE_FIPS_ENDPOINT: "TRUE" } }],
    ["a flag that is 1", { variables: { AWS_USE_DUALSTACK_ENDPOINT: "1" } }],
    ["a flag of the profile that is neither", { config: "[default]\nuse_fips_endpoint = yes" }],
    ["an ignore flag that is neither", {
      variables: { AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: "on" },
    }],
    ["a custom endpoint", { options: { endpoint: "http://all", useFipsEndpoint: true } }],
    ["an endpoint of the environment", { variables: { ...fips, AWS_ENDPOINT_URL: "http://env" } }],
    ["an endpoint of the profile", {
      variables: fips,
      config: "[default]\nendpoint_url = http://p",
    }],
  ];
  for (const [what, world] of broken) {
    it(`refuse ${what}: CONFIGURATION`, async () => {
      await refusal(() => placeOfQueue(queue, world));
    });
  }

  it("refuse a queue whose URL names another place", async () => {
    const world = { options: { region: "eu-west-1", useFipsEndpoint: true } };
    for (
      const own of [
        "http://127.0.0.1:4566/1/q",
        "https://vpce-1-2.sqs.eu-west-1.vpce.amazonaws.com/1/q",
        // A region in the host does not make it one of AWS: a message for a broker must not go there.
        "http://sqs.eu-west-1.localhost.localstack.cloud:4566/1/q",
        "http://eu-west-1.queue.localhost.localstack.cloud:4566/1/q",
        "https://sqs.eu-west-1.proxy.example/1/q",
        "https://sqs.eu-west-1.amazonaws.com.proxy.example/1/q",
        "https://sqs.eu-west-1.amazonaws.com/prefix/1/q",
        "https://sqs.eu-west-1.amazonaws.com:8443/1/q",
        "http://sqs.eu-west-1.amazonaws.com/1/q",
        "HTTPS://VPCE-1-2.SQS.EU-WEST-1.VPCE.AMAZONAWS.COM/1/q",
      ]
    ) {
      await refusal(() => placeOfQueue(own, world));
      const dualStack = { options: { region: "eu-west-1", useDualstackEndpoint: true } };
      await refusal(() => placeOfQueue(own, dualStack));
    }
  });

  it("take the URLs that AWS gives, of any kind", async () => {
    const world = { options: { region: "eu-west-1", useFipsEndpoint: true } };
    for (
      const [url, region, domain] of [
        ["https://SQS.eu-west-3.amazonaws.com/1/q", "eu-west-3", "amazonaws.com"],
        ["https://sqs.eu-west-3.amazonaws.com:443/1/q", "eu-west-3", "amazonaws.com"],
        ["https://sqs.eu-west-3.api.aws/1/q", "eu-west-3", "amazonaws.com"],
        ["https://sqs-fips.us-east-2.api.aws/1/q", "us-east-2", "amazonaws.com"],
        ["https://queue.amazonaws.com/1/q", "us-east-1", "amazonaws.com"],
        ["https://eu-west-2.queue.amazonaws.com/1/q", "eu-west-2", "amazonaws.com"],
        ["https://cn-north-1.queue.amazonaws.com.cn/1/q", "cn-north-1", "amazonaws.com.cn"],
        ["https://sqs.us-iso-east-1.c2s.ic.gov/1/q", "us-iso-east-1", "c2s.ic.gov"],
        [
          "https://sqs.eusc-de-east-1.api.amazonwebservices.eu/1/q",
          "eusc-de-east-1",
          "amazonaws.eu",
        ],
      ] as const
    ) {
      assertEquals(await placeOfQueue(url, world), [
        `https://sqs-fips.${region}.${domain}`,
        `${region}/sqs`,
      ]);
    }
  });

  it("refuse an option that is no flag: TypeError", () => {
    assertThrows(() => new AwsBackend({ useFipsEndpoint: "false" as never }), TypeError);
  });
});

describe("the account id", () => {
  const cases: [snsEndpoint: string, sts: string][] = [
    ["https://sns.eu-west-1.api.aws", "https://sts.eu-west-1.amazonaws.com"],
    ["https://vpce-1.sns.eu-west-1.vpce.amazonaws.com", "https://sts.eu-west-1.amazonaws.com"],
    ["https://sns-proxy.example", "https://sts.eu-west-1.amazonaws.com"],
    ["http://127.0.0.1:4566", "http://127.0.0.1:4566"],
    ["http://LocalHost:4566", "http://LocalHost:4566"],
    ["http://localhost.localstack.cloud:4566", "http://localhost.localstack.cloud:4566"],
    [
      "http://sns.eu-west-1.localhost.localstack.cloud:4566",
      "http://sns.eu-west-1.localhost.localstack.cloud:4566",
    ],
    ["http://broker.localhost", "http://broker.localhost"],
    ["http://localhost.example:4566", "https://sts.eu-west-1.amazonaws.com"],
    ["http://notlocalhost:4566", "https://sts.eu-west-1.amazonaws.com"],
  ];
  for (const [snsEndpoint, sts] of cases) {
    it(`is asked of ${sts} where SNS is at ${snsEndpoint}`, async () => {
      const { aws, given } = machine({ options: { region: "eu-west-1", snsEndpoint } });
      const { accountId: _, ...options } = given;
      await new AwsBackend(options).send({ topic: "t" }, [message()]).catch(() => {});
      assertEquals(aws.calls.map(({ url }) => url), [sts, snsEndpoint]);
    });
  }

  it("is asked at the endpoint of all services, or of STS, and in the partition", async () => {
    const worlds: [AwsBackendOptions, string][] = [
      [{ endpoint: "http://all" }, "http://all"],
      [{ endpoint: "http://all", stsEndpoint: "http://sts" }, "http://sts"],
      [{ region: "us-isof-south-1" }, "https://sts.us-isof-south-1.csp.hci.ic.gov"],
    ];
    for (const [own, url] of worlds) {
      for (const create of [(o: AwsBackendOptions) => new AwsBackend(o), awsSender]) {
        const { aws, given } = machine({ options: { region: "eu-west-1", ...own } });
        const { accountId: _, ...options } = given;
        await create(options).send({ topic: "t" }, [message()]).catch(() => {});
        assertEquals([aws.calls[0]!.action, aws.calls[0]!.url], ["GetCallerIdentity", url]);
      }
    }
  });
});
