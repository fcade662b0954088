/**
 * Runs the tests on brokers of others, one broker after the other. Each is installed into
 * `dist/brokers`, runs on 127.0.0.1 and is ended. Ends with a line `N passed, N failed`.
 *
 * Usage: deno task test:brokers [--write] [names of brokers]
 *
 * Without names all of them are tested. With `--write` the table in docs/interoperability.md is
 * written anew.
 */
import { stdOption } from "../tests/std.ts";
import { closingLine } from "./test/count.ts";
import { runUnit } from "./test/unit.ts";

const NAMES = ["melange broker", "fauxqs", "moto", "elasticmq", "localstack", "ministack"];
const WRITE = "--write";
/** The installation of LocalStack alone takes four minutes on a slow machine. */
const LIMIT_MS = 1_200_000;

if (import.meta.main) {
  const named = Deno.args.filter((arg) => arg !== WRITE).map((name) => name.toLowerCase());
  const wrong = named.find((name) => !NAMES.includes(name));
  if (wrong !== undefined) {
    console.error(`Cannot test on "${wrong}": ${NAMES.join(", ")} are known`);
    Deno.exit(2);
  }
  const std = await stdOption();
  let [passed, failed] = [0, 0];
  for (const name of named.length > 0 ? named : NAMES) {
    const rest = [
      "tests/brokers/one_broker.ts",
      "--",
      name,
      ...Deno.args.includes(WRITE) ? [WRITE] : [],
    ];
    const args = ["test", "-A", "--no-check", std, ...rest];
    const result = await runUnit({ name, args, limitMs: LIMIT_MS, counts: "junit" });
    passed += result.passed;
    failed += result.failed;
    const seconds = Math.round(result.ms / 1_000);
    console.log(`${name}: ${closingLine(result)} in ${seconds} s`);
    if (result.failed > 0) console.log(result.output);
  }
  console.log(closingLine({ passed, failed }));
  Deno.exit(failed > 0 ? 1 : 0);
}
