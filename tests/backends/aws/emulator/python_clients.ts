/** The clients of AWS in Python: boto3, and the AWS CLI of both protocols. */
import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { mustRun, run } from "../../../../tasks/process.ts";
import { serveEmulator } from "./server.ts";

const CREDENTIALS = { AWS_ACCESS_KEY_ID: "test", AWS_SECRET_ACCESS_KEY: "test" };
const INSTALL_MS = 240_000;

/** The tutorial of docs/emulator.md, and a topic. */
const TUTORIAL = `
import json, sys
import boto3

options = dict(endpoint_url=sys.argv[1], region_name="eu-west-1",
               aws_access_key_id="test", aws_secret_access_key="test")
sqs, sns = boto3.client("sqs", **options), boto3.client("sns", **options)
url = sqs.create_queue(QueueName="billing")["QueueUrl"]
sqs.send_message(QueueUrl=url, MessageBody="o-1 🙂", MessageAttributes={
    "bytes": {"DataType": "Binary", "BinaryValue": b"\\x00\\xff"}})
[message] = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1, MessageAttributeNames=["All"])["Messages"]
assert message["Body"] == "o-1 🙂", message
assert message["MessageAttributes"]["bytes"]["BinaryValue"] == b"\\x00\\xff", message
sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
topic = sns.create_topic(Name="orders")["TopicArn"]
arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps({"Statement": [{
    "Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage",
    "Resource": arn, "Condition": {"ArnEquals": {"aws:SourceArn": topic}}}]})})
sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
sent = sns.publish_batch(TopicArn=topic, PublishBatchRequestEntries=[{"Id": "1", "Message": "o-2"}])
assert len(sent["Successful"]) == 1 and sent["Failed"] == [], sent
[message] = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1)["Messages"]
assert json.loads(message["Body"])["Message"] == "o-2", message
try:
    sqs.get_queue_url(QueueName="missing")
except sqs.exceptions.QueueDoesNotExist as error:
    print("all of it works", error.response["ResponseMetadata"]["HTTPStatusCode"])
`;

/** Does something with an environment that holds these packages. */
async function withPackages(
  packages: readonly string[],
  use: (folder: string) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await mustRun("python3", ["-m", "venv", folder], { timeoutMs: INSTALL_MS });
    await mustRun(`${folder}/bin/pip`, ["install", "-q", ...packages], { timeoutMs: INSTALL_MS });
    await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Runs the tutorial of docs/emulator.md for the AWS CLI. */
async function runCli(folder: string): Promise<void> {
  await using server = serveEmulator();
  const aws = async (...args: string[]) => {
    const env = { ...CREDENTIALS, AWS_DEFAULT_REGION: "eu-west-1" };
    const done = await run(`${folder}/bin/aws`, ["--endpoint-url", server.endpoint, ...args], {
      env,
    });
    assertEquals(done.code, 0, done.output);
    return done.stdout.trim() === "" ? {} : JSON.parse(done.stdout);
  };
  const { QueueUrl } = await aws("sqs", "create-queue", "--queue-name", "billing");
  assertEquals(QueueUrl, `${server.endpoint}/000000000000/billing`);
  await aws("sqs", "send-message", "--message-body", "o-1 🙂", "--queue-url", QueueUrl);
  const { Messages } = await aws("sqs", "receive-message", "--queue-url", QueueUrl);
  assertEquals(Messages.map(({ Body }: { Body: string }) => Body), ["o-1 🙂"]);
  const { TopicArn } = await aws("sns", "create-topic", "--name", "orders");
  assertEquals(
    typeof (await aws("sns", "publish", "--topic-arn", TopicArn, "--message", "x"))
      .MessageId,
    "string",
  );
}

describe("Python", () => {
  it("boto3 and the AWS CLI do the tutorial, SQS in JSON", async () => {
    await withPackages(["boto3==1.40.0", "awscli==1.42.0"], async (folder) => {
      await using server = serveEmulator();
      const tutorial = `${folder}/tutorial.py`;
      await Deno.writeTextFile(tutorial, TUTORIAL);
      const { code, stdout, output } = await run(`${folder}/bin/python`, [
        tutorial,
        server.endpoint,
      ]);
      assertEquals([code, stdout.trim()], [0, "all of it works 400"], output);
      await runCli(folder);
    });
  });

  it("the AWS CLI before 2023 does the tutorial, SQS in the Query protocol", async () => {
    await withPackages(["awscli==1.29.40"], runCli);
  });
});
