/** What the AWS SDK makes of the same files, and its providers in our hands. */
import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { fromIni, fromNodeProviderChain } from "npm:@aws-sdk/credential-providers@^3";
import { AwsBackend, awsSender, defaultCredentials } from "../../../../backends/aws/mod.ts";
import { fakeAws } from "../fake_aws.ts";

const printed = (Version = 1) =>
  JSON.stringify({ Version, AccessKeyId: "PROC", SecretAccessKey: "example" });
const failing = () => "echo no && exit 3";
const keys = (id: string) => `aws_access_key_id = ${id}\naws_secret_access_key = example\n`;

interface Paths {
  configFilepath: string;
  filepath: string;
}

/** Runs a test with these two files. */
async function withFiles(
  { config = "", credentials = "" }: { config?: string; credentials?: string },
  test: (paths: Paths) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  const [configFilepath, filepath] = [`${folder}/config`, `${folder}/credentials`];
  try {
    await Deno.writeTextFile(configFilepath, config);
    await Deno.writeTextFile(filepath, credentials);
    await test({ configFilepath, filepath });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

describe("the providers of the AWS SDK", () => {
  const credentials = `[sdk]\n${keys("FROMSDK")}`;
  it("are taken as they are, by both", () =>
    withFiles({ credentials }, async (paths) => {
      const provider = fromNodeProviderChain({ profile: "sdk", ...paths });
      const aws = fakeAws(() => new Response("", { status: 500 }));
      const options = { ...aws.options, credentials: provider };
      const destination = { queue: "https://sqs.eu-west-1.amazonaws.com/123456789012/q" };
      const message = { body: "{}", attributes: {} };
      for (const sender of [awsSender(options), new AwsBackend(options)]) {
        await sender.send(destination, [message]).catch(() => {});
        const signed = aws.calls.at(-1)?.headers.get("authorization");
        assert(signed?.includes("Credential=FROMSDK/"), signed ?? "unsigned");
      }
    }));
});

describe("the shared files", () => {
  const cases: [what: string, profile: string, config: string, credentials: string][] = [
    ["keys in both", "default", `[default]\n${keys("A")}`, `[default]\n${keys("B")}`],
    ["a prefix", "a", `[profile a]\n${keys("A")}`, ""],
    ["no prefix", "a", `[a]\n${keys("A")}`, ""],
    ["quotes", "a", `[profile "a"]\n${keys("A")}`, ""],
    ["comments", "a", "", `# x\n[a] ; y\n${keys("A ; z").replaceAll("\n", "\n# n\n")}`],
    ["indented settings", "a", "", `[a]\n  ${keys("A").replaceAll("\n", "\n  ")}`],
    ["nested settings", "a", `[profile a]\ns3 =\n  aws_access_key_id = X\n${keys("A")}`, ""],
    ["a section twice", "a", "", `[a]\n${keys("A")}[b]\n[a]\naws_access_key_id = B`],
    ["Windows lines", "a", "", `[a]\r\n${keys("A").replaceAll("\n", "\r\n")}`],
    ["no such profile", "a", "", `[b]\n${keys("A")}`],
    ["only a key", "a", "", "[a]\naws_access_key_id = A"],
    ["garbage", "a", "\u0000[[]]=", "<html>"],
    ["a process", "a", `[profile a]\ncredential_process = echo '${printed()}'\n`, ""],
    ["a process of the default", "default", "", `[default]\ncredential_process = ${failing()}\n`],
    ["a process of version 2", "a", `[profile a]\ncredential_process = echo '${printed(2)}'\n`, ""],
    [
      "a process after keys",
      "a",
      `[profile a]\n${keys("K")}credential_process = ${failing()}\n`,
      "",
    ],
  ];
  for (const [what, profile, config, credentials] of cases) {
    it(`are read as the SDK does: ${what}`, () =>
      withFiles({ config, credentials }, async (paths) => {
        const { filepath, configFilepath } = paths;
        const variables: Record<string, string> = {
          AWS_PROFILE: profile,
          AWS_CONFIG_FILE: configFilepath,
          AWS_SHARED_CREDENTIALS_FILE: filepath,
          AWS_EC2_METADATA_DISABLED: "true",
        };
        const ours = defaultCredentials({
          environment: (name) => variables[name],
          allowCredentialProcess: true,
        });
        const theirs = fromIni({ profile, ...paths, ignoreCache: true });
        const idOf = (provide: () => Promise<{ accessKeyId: string }>) =>
          provide().then(({ accessKeyId }) => accessKeyId, () => "none");
        assertEquals(await idOf(ours), await idOf(theirs));
      }));
  }
});
