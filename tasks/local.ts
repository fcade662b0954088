/**
 * Runs the command line as `deno task declare`, `publish`, `consume` and `melange` do: where the environment
 * names neither an endpoint nor credentials, on the broker of `deno task broker`.
 */
import { asksForHelp } from "../cli/arguments.ts";
import { main } from "../cli/main.ts";

/** The variables that point programs to the broker of `deno task broker`. */
export const LOCAL = {
  AWS_ENDPOINT_URL: "http://127.0.0.1:4566",
  AWS_REGION: "us-east-1",
  AWS_ACCESS_KEY_ID: "test",
  AWS_SECRET_ACCESS_KEY: "test",
};

/** Any of these says that the user has chosen where to go. */
const CHOICES = [
  "AWS_ENDPOINT_URL",
  "AWS_ENDPOINT_URL_SQS",
  "AWS_ENDPOINT_URL_SNS",
  "AWS_ACCESS_KEY_ID",
  "AWS_PROFILE",
];

/** Commands that need no broker. */
const OFFLINE = ["export", "docs", "schemas"];

if (import.meta.main) {
  const isNamed = Deno.args.some((arg) => arg === "--endpoint" || arg.startsWith("--endpoint="));
  const chosen = isNamed || CHOICES.some((name) => Deno.env.get(name));
  const asksNobody = OFFLINE.includes(Deno.args[0] ?? "") || asksForHelp(Deno.args);
  if (!chosen && !asksNobody) await useLocalBroker();
  Deno.exit(await main(Deno.args));
}

async function useLocalBroker(): Promise<void> {
  for (const [name, value] of Object.entries(LOCAL)) Deno.env.set(name, value);
  const { hostname, port } = new URL(LOCAL.AWS_ENDPOINT_URL);
  try {
    (await Deno.connect({ hostname, port: Number(port) })).close();
  } catch {
    console.error(
      `Cannot reach a broker at ${LOCAL.AWS_ENDPOINT_URL}: start one with \`npx -y deno task broker\` in another terminal, or set AWS_ENDPOINT_URL or AWS credentials`,
    );
    Deno.exit(1);
  }
}
