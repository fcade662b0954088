/**
 * Publishes and reads bodies of four sizes, with every combination of codecs, by this library and by
 * the Amazon SQS Extended Client for Java: each writes what the other reads. S3 is moto, SQS the
 * emulator. Checks the store on moto as well, and signatures against botocore. Installs moto from
 * PyPI, the client from Maven Central, and Python, a JDK and Maven from Debian where they are
 * missing. Prints the table of docs/payloads.md; fails if anything differs.
 */
import { s3Payloads } from "../../backends/aws/payloads/s3.ts";
import { type Moto, startMoto } from "./install.ts";
import { compareSignatures } from "./signatures.ts";
import { STORE_CHECKS } from "./store_checks.ts";
import { BUCKET, fillTable, type Row } from "./table.ts";

const [passed, failed]: [string[], string[]] = [[], []];
await run();
for (const name of failed) console.log(`failed: ${name}`);
console.log(`${passed.length} passed, ${failed.length} failed`);
Deno.exit(failed.length > 0 ? 1 : 0);

async function run(): Promise<void> {
  await using moto = await startMoto();
  await createBucket(moto.endpoint);
  await checkStore(moto);
  const { compared, different } = await compareSignatures(moto.python);
  for (let at = different.length; at < compared; at++) passed.push("a signature");
  for (const url of different) failed.push(`botocore signs ${url} otherwise`);
  printTable(await fillTable(moto, (what) => console.error(what)));
}

async function createBucket(endpoint: string): Promise<void> {
  const authorization = "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/s3/aws4_request";
  const request = { method: "PUT", headers: { authorization } };
  const answer = await fetch(`${endpoint}/${BUCKET}`, request);
  await answer.body?.cancel();
  if (!answer.ok) throw new Error(`moto made no bucket: ${answer.status}`);
}

async function checkStore({ endpoint }: Moto): Promise<void> {
  const credentials = { accessKeyId: "test", secretAccessKey: "test" };
  const settings = { endpoint, region: "us-east-1", credentials };
  const stores = {
    bucket: BUCKET,
    create: (options = {}) => s3Payloads({ ...settings, ...options, bucket: BUCKET }),
    missingBucket: () => s3Payloads({ ...settings, bucket: "missing-bucket" }),
  };
  for (const { name, run } of STORE_CHECKS) {
    await run(stores).then(
      () => passed.push(name),
      (error) => failed.push(`on moto, the store ${name}: ${error.message}`),
    );
  }
}

function printTable(rows: readonly Row[]): void {
  const sizes = Object.keys(rows[0]?.sizes ?? {});
  const head = ["writer", "reader", "codecs", ...sizes];
  console.log(`| ${head.join(" | ")} |`);
  console.log(`| ${head.map(() => "---").join(" | ")} |`);
  for (const { writer, reader, codecs, sizes } of rows) {
    const chain = codecs === "-" ? "none" : codecs;
    console.log(`| ${[writer, reader, chain, ...Object.values(sizes)].join(" | ")} |`);
    for (const [size, cell] of Object.entries(sizes)) {
      const name = `${size} from ${writer} to ${reader}, ${chain}: ${cell}`;
      (cell === "ok" ? passed : failed).push(name);
    }
  }
}
