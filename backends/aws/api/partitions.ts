/**
 * The partitions of AWS: their regions, their names in ARNs, and the domains of their services.
 * https://docs.aws.amazon.com/general/latest/gr/rande.html
 */
export interface Partition {
  /** The name of the partition in ARNs. */
  readonly id: string;
  /** The domain of the endpoints. Endpoints with IPv6 have another domain. */
  readonly domain: string;
}

/**
 * The beginning of the regions' names, with the name and the domain of the partition. An unknown
 * region counts to the largest partition, as in the SDKs.
 */
const PARTITIONS = [
  ["cn-", "aws-cn", "amazonaws.com.cn"],
  ["us-gov-", "aws-us-gov", "amazonaws.com"],
  ["eusc-de-", "aws-eusc", "amazonaws.eu"],
  ["us-iso-", "aws-iso", "c2s.ic.gov"],
  ["us-isob-", "aws-iso-b", "sc2s.sgov.gov"],
  ["us-isof-", "aws-iso-f", "csp.hci.ic.gov"],
  ["eu-isoe-", "aws-iso-e", "cloud.adc-e.uk"],
] as const;

/** The partition of a region. */
export function partitionOf(region: string): Partition {
  const [, id = "aws", domain = "amazonaws.com"] =
    PARTITIONS.find(([start]) => region.startsWith(start)) ?? [];
  return { id, domain };
}
