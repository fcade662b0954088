/** The endpoint rules of the AWS SDK as an oracle, for all regions. */
import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { SNSClient } from "npm:@aws-sdk/client-sns@^3";
import { SQSClient } from "npm:@aws-sdk/client-sqs@^3";
import { STSClient } from "npm:@aws-sdk/client-sts@^3";
import { configuredEndpoints } from "../../../../backends/aws/api/configured_endpoints.ts";
import { place } from "../../../../backends/aws/api/endpoints.ts";
import { formatArn, parseArn, regionOf } from "../../../../backends/aws/api/names.ts";
import { systemClock } from "../../../../src/support/clock.ts";

/** All that there are at the end of 2026, some of the future, and names that are nobody's. */
const REGIONS = `af-south-1 ap-east-1 ap-east-2 ap-northeast-1 ap-northeast-2 ap-northeast-3
ap-south-1 ap-south-2 ap-southeast-1 ap-southeast-2 ap-southeast-3 ap-southeast-4 ap-southeast-5
ap-southeast-6 ap-southeast-7 ca-central-1 ca-west-1 eu-central-1 eu-central-2 eu-north-1 eu-south-1
eu-south-2 eu-west-1 eu-west-2 eu-west-3 il-central-1 me-central-1 me-south-1 me-west-1
mx-central-1 sa-east-1 sa-west-1 us-east-1 us-east-2 us-west-1 us-west-2 cn-north-1 cn-northwest-1
us-gov-east-1 us-gov-west-1 us-iso-east-1 us-iso-west-1 us-isob-east-1 us-isob-west-1
eu-isoe-west-1 us-isof-east-1 us-isof-south-1 eusc-de-east-1 us-east-9 cn-south-7 eusc-de-west-2
eusc-fr-east-1 local mars-north-1`.split(/\s+/);

const config = { region: "us-east-1", credentials: { accessKeyId: "a", secretAccessKey: "b" } };
const CLIENTS = {
  sqs: new SQSClient(config),
  sns: new SNSClient(config),
  sts: new STSClient(config),
};

/** The part of a client's configuration that finds its endpoint. */
interface SdkConfig {
  endpointProvider(params: object, context: object): { url: URL };
}

function theirs(service: keyof typeof CLIENTS, params: object): string {
  const { endpointProvider }: SdkConfig = CLIENTS[service].config;
  return endpointProvider({ ...params, UseGlobalEndpoint: false }, {}).url.href.replace(/\/$/, "");
}

const nothing = () => undefined;

describe("endpoints", () => {
  for (const service of ["sqs", "sns", "sts"] as const) {
    it(`are those of the SDK for ${service}, in ${REGIONS.length} regions and four kinds`, async () => {
      let compared = 0;
      for (const region of REGIONS) {
        for (const useFipsEndpoint of [false, true]) {
          for (const useDualstackEndpoint of [false, true]) {
            const locate = configuredEndpoints(
              { region, useFipsEndpoint, useDualstackEndpoint },
              { environment: nothing, readTextFile: undefined, clock: systemClock },
            );
            const expected = theirs(service, {
              Region: region,
              UseFIPS: useFipsEndpoint,
              UseDualStack: useDualstackEndpoint,
            });
            assertEquals(await locate({ service }), { region, url: expected });
            compared++;
            if (service === "sqs" && /-\d$/.test(region)) {
              assertEquals(regionOf(`${expected}/123456789012/q`), region);
            }
          }
        }
        const plain = theirs(service, { Region: region, UseFIPS: false, UseDualStack: false });
        assertEquals(place({ service }, { region, environment: nothing }).url, plain);
      }
      assertEquals(compared, REGIONS.length * 4);
    });
  }

  it("are in the partitions of the SDK", async () => {
    const { partition } = await import("npm:@aws-sdk/util-endpoints@^3");
    for (const region of REGIONS) {
      const arn = formatArn({ service: "sqs", region, accountId: "123456789012", name: "q" });
      assertEquals(arn.split(":")[1], partition(region).name, region);
      assert(parseArn(arn)?.region === region);
    }
  });
});
