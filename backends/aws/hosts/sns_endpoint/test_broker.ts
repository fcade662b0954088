/** A local broker in the place of SNS, for tests. Nothing here is reached without the option. */
import { type Certificate, readPem } from "./certificate.ts";
import { shortName } from "../../api/names.ts";
import type { AllowedTopic } from "./addresses.ts";
import type { Certificates } from "./certificates.ts";

/**
 * A broker on this machine that signs posts as SNS does, with its own certificate. One of
 * `certificate` and `certificateHosts` names the certificate.
 */
export interface TestBroker {
  /** The broker's certificate, as PEM: posts must be signed with its key. Nothing is fetched; dates and names do not count. */
  certificate?: string;
  /**
   * The hosts of the certificate, such as `["localhost:4566"]`, with any path that ends in `.pem`.
   * The names in the certificate do not count.
   */
  certificateHosts?: readonly string[];
  /** The address where subscriptions are confirmed, such as `"http://localhost:4566"`. Default: the first of `certificateHosts`, over HTTP; with neither, only a `confirm` function can. */
  endpoint?: string;
  /**
   * Must be `true` where a topic of the broker has a region of AWS in its ARN, as brokers like to
   * have. Default: `false`; then such a topic is a `TypeError`.
   */
  inAwsRegions?: boolean;
}

const HOST = /^(\[[0-9a-f:.]+\]|[a-z0-9.-]+)(:\d{1,5})?$/i;
const ENDPOINT = /^https?:\/\/(\[[0-9a-f:.]+\]|[a-z0-9.-]+)(:\d{1,5})?$/i;
const TOPIC_ARN = /^arn:[^:\s]*:sns:([^:\s]*):[^:\s]*:[\w-]+(\.fifo)?$/;
/** The form of AWS's regions: new regions come every year, so none is listed. */
const AWS_REGION = /^[a-z]{2,5}(-[a-z]+)+-\d+$/;

/**
 * Reads the ARN of a topic at a test broker; throws a `TypeError` for any other text, and for a
 * topic in a region of AWS without permission.
 */
export function brokerTopic(arn: string, broker: TestBroker): AllowedTopic {
  checkBroker(broker);
  const { certificateHosts = [], endpoint, inAwsRegions } = broker;
  const [, region] = TOPIC_ARN.exec(arn) ?? [];
  if (region === undefined) throw wrong("each of its topics must be the ARN of a topic");
  if (AWS_REGION.test(region) && inAwsRegions !== true) {
    throw wrong(
      `testBroker is for tests, and a topic is in ${region}: set testBroker.inAwsRegions if that is no topic of AWS`,
    );
  }
  const [host] = certificateHosts;
  const origin = endpoint ?? (host === undefined ? "" : `http://${host}`);
  return {
    arn,
    name: shortName(arn),
    origin,
    certificateNames: "any",
    broker: { certificateHosts },
  };
}

function checkBroker(broker: TestBroker): void {
  const { certificate, certificateHosts, endpoint, inAwsRegions } = broker ?? {};
  if ((certificate === undefined) === (certificateHosts === undefined)) {
    throw wrong("testBroker has either a certificate or certificateHosts");
  }
  const hosts: unknown = certificateHosts ?? ["localhost"];
  if (!Array.isArray(hosts) || hosts.length === 0 || !hosts.every((it) => matches(it, HOST))) {
    throw wrong("testBroker.certificateHosts are hosts such as localhost:4566");
  }
  if (endpoint !== undefined && !matches(endpoint, ENDPOINT)) {
    throw wrong("testBroker.endpoint is an address such as http://localhost:4566");
  }
  if (inAwsRegions !== undefined && typeof inAwsRegions !== "boolean") {
    throw wrong("testBroker.inAwsRegions is true or false");
  }
}

function matches(value: unknown, pattern: RegExp): boolean {
  return typeof value === "string" && pattern.test(value);
}

/**
 * Returns the given certificate of a broker for every address; throws a `TypeError` if the text is
 * no certificate.
 */
export function pinnedCertificate({ certificate }: TestBroker): Certificates | undefined {
  if (certificate === undefined) return undefined;
  const read = readGiven(certificate);
  return () => Promise.resolve(read);
}

function readGiven(pem: unknown): Certificate {
  try {
    if (typeof pem === "string") return readPem(pem);
  } catch {
    // What is wrong with it is said below: it is the same for all that is no certificate.
  }
  throw wrong("testBroker.certificate is no certificate in PEM");
}

function wrong(rule: string): TypeError {
  return new TypeError(`Cannot create an SNS endpoint as ${rule}`);
}
