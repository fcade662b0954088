/** The addresses that belong to a topic: nothing else is ever fetched. Pure. */
import { formatArn, parseArn, serviceUrl } from "../../api/names.ts";

/** The broker of a topic that is not of SNS. */
export interface BrokerRules {
  /** The hosts of certificates; none where the certificate is given. */
  readonly certificateHosts: readonly string[];
}

/** The names in certificates that count; `any` only with the option for test brokers. */
export type CertificateNames = readonly string[] | "any";

/** A topic whose messages are taken. */
export interface AllowedTopic {
  readonly arn: string;
  readonly name: string;
  /** The address of SNS in the topic's region, without a slash at the end. */
  readonly origin: string;
  /** The names in the certificates of SNS in the region. */
  readonly certificateNames: CertificateNames;
  /** The rules of a test broker, which stands in the place of SNS. */
  readonly broker?: BrokerRules;
}

/** Reads the ARN of a topic; throws a `TypeError` if it is none. */
export function allowedTopic(arn: string): AllowedTopic {
  const parsed = parseArn(arn);
  if (parsed?.service !== "sns" || formatArn(parsed) !== arn) {
    throw new TypeError(
      "Cannot create an SNS endpoint as each of its topics must be the ARN of a topic, such as arn:aws:sns:eu-west-1:123456789012:orders",
    );
  }
  const { region, name } = parsed;
  const origin = serviceUrl("sns", region);
  return { arn, name, origin, certificateNames: certificateNames(region, origin) };
}

/**
 * Names the certificates of a region, as the SDK for Java does. Most regions share a certificate.
 * Younger regions and other partitions have their own. The host itself is an alternative name.
 */
function certificateNames(region: string, origin: string): string[] {
  const host = origin.slice("https://".length);
  const domain = host.slice(`sns.${region}.`.length);
  const own = [host, `sns-signing.${region}.${domain}`, `sns-${region}.${domain}`];
  if (region.startsWith("us-gov-")) return [...own, `sns-us-gov-west-1.${domain}`];
  return domain === "amazonaws.com" ? [...own, `sns.${domain}`] : own;
}

/**
 * Tells whether a certificate's address is of SNS in the region of the topic. The text is compared,
 * not parsed: no user, port, encoded character or look-alike passes, whoever parses it later.
 */
export function isCertificateUrl(url: string, { origin, broker }: AllowedTopic): boolean {
  if (broker) return isBrokerCertificateUrl(url, broker);
  return url.startsWith(`${origin}/`) &&
    /^\/SimpleNotificationService-[0-9a-f]{1,64}\.pem$/.test(url.slice(origin.length));
}

/** Tells whether a certificate's address is of a broker. The text is compared, as for SNS. */
function isBrokerCertificateUrl(url: string, { certificateHosts }: BrokerRules): boolean {
  return certificateHosts.some((host) =>
    ["http", "https"].some((scheme) => {
      const origin = `${scheme}://${host}`;
      return url.startsWith(`${origin}/`) && CERTIFICATE_PATH.test(url.slice(origin.length));
    })
  );
}

const CERTIFICATE_PATH = /^(\/[\w-][\w.-]{0,127}){1,8}(?<=\.pem)$/;

/** Tells whether an address confirms the subscription to this topic, with this token, at the topic's place. */
export function isSubscribeUrl(
  url: string,
  token: string,
  { origin, arn, broker }: AllowedTopic,
): boolean {
  // Test brokers have any address there, which is never opened.
  const start = broker ? url.slice(0, url.indexOf("/?") + 2) : `${origin}/?`;
  if (!start || !url.startsWith(start) || url.includes("#")) return false;
  const query = new URLSearchParams(url.slice(start.length));
  const wanted = { Action: "ConfirmSubscription", TopicArn: arn, Token: token };
  return Object.entries(wanted).every(([name, value]) => {
    const [given, ...more] = query.getAll(name);
    return given === value && more.length === 0;
  });
}

/**
 * Writes the address that confirms a subscription, so that the endpoint never fetches an address
 * out of a message. https://docs.aws.amazon.com/sns/latest/api/API_ConfirmSubscription.html
 */
export function confirmUrl(token: string, { origin, arn }: AllowedTopic): string {
  const query = new URLSearchParams({
    Action: "ConfirmSubscription",
    TopicArn: arn,
    Token: token,
    Version: "2010-03-31",
  });
  return `${origin}/?${query}`;
}
