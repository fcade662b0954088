/** The command `export`: a topology as a template, or as policies. */
import {
  type IamPolicies,
  iamPolicies,
  toCloudFormation,
  type Topology,
  toTerraform,
} from "../src/operate/topology/mod.ts";
import { type CommandSpec, HELP, type OptionSpecs, parseArguments, required } from "./arguments.ts";
import { UsageError } from "./arguments.ts";
import { didYouMean } from "./did_you_mean.ts";
import type { Io } from "./io.ts";
import { createLogger } from "./log.ts";
import { loadTopology } from "./topology/load.ts";

const OPTIONS = {
  topology: {
    type: "text",
    value: "PATH",
    help: "the module with all services: it exports `topology`, or `services`",
  },
  region: { type: "text", value: "NAME", help: "for policies: the AWS region" },
  "account-id": { type: "text", value: "ID", help: "for policies: the account" },
  service: { type: "text", value: "NAME", help: "for policies: one service; default: all" },
  role: {
    type: "text",
    value: "NAME",
    help: "for policies: worker, publisher, edge, deployment or redrive; default: all",
  },
  ...HELP,
} as const satisfies OptionSpecs;

const FORMATS = ["cloudformation", "terraform", "policies"] as const;

/** The arguments of `export`. */
export const EXPORT: CommandSpec<typeof OPTIONS> = {
  name: "melange export",
  help: "Prints a topology as JSON: a template of CloudFormation, a document of Terraform\n" +
    "(a file that ends in .tf.json), or the least-privilege policies of its roles. Asks no service.",
  positionals: [FORMATS.join("|")],
  options: OPTIONS,
  example: "melange export cloudformation --topology ./topology.ts > template.json",
};

/** Runs `export`. */
export async function exportTopology(args: readonly string[], io: Io): Promise<number> {
  const { values, positionals: [format] } = parseArguments(args, EXPORT);
  const known = FORMATS.find((it) => it === format);
  if (!known) {
    const meant = format === undefined ? undefined : didYouMean(format, FORMATS);
    const hint = meant === undefined ? "" : `did you mean ${meant}? `;
    throw new UsageError(`Cannot export "${format ?? ""}": ${hint}${FORMATS.join(", ")} are known`);
  }
  const path = required("topology", values, EXPORT);
  const logger = createLogger(io, { json: false });
  const { topology } = await loadTopology(path, { logger });
  io.out(JSON.stringify(exported(known, topology, values), null, 2));
  return 0;
}

function exported(
  format: typeof FORMATS[number],
  topology: Topology,
  values: ReturnType<typeof parseArguments<typeof OPTIONS>>["values"],
): unknown {
  if (format === "cloudformation") return toCloudFormation(topology);
  if (format === "terraform") return toTerraform(topology);
  const region = required("region", values, EXPORT);
  const accountId = required("account-id", values, EXPORT);
  const { service, role } = values;
  const policies = iamPolicies(topology, {
    accountId,
    region,
    ...(service === undefined ? {} : { service }),
  });
  if (role === undefined) return policies;
  if (Object.hasOwn(policies, role)) return policies[role as keyof IamPolicies];
  throw new UsageError(
    `Cannot print the policy of "${role}": ${Object.keys(policies).join(", ")} are known`,
  );
}
