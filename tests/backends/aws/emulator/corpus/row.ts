/**
 * The form of the corpus: exchanges, each with what AWS answers, and where that is written.
 *
 * In texts of a row, `<name.Member.0.Other>` stands for a member of an answer that a step before
 * kept under a name. In expected answers `<any>` stands for whatever is there, `<id>` for a UUID,
 * `<number>` for digits, and `…` at the end of a text for whatever follows.
 */

/** One call of a row. */
export interface Step {
  readonly service: "sqs" | "sns";
  readonly action: string;
  readonly input: Readonly<Record<string, unknown>>;
  /** The name that keeps the answer. */
  readonly as?: string;
  /** The region of the call. Default: `eu-west-1`. */
  readonly region?: string;
}

/** Time that passes, in seconds. */
export interface Pause {
  readonly seconds: number;
}

/** The refusal of a call. */
export interface Refusal {
  readonly status: number;
  /** The code, as the Query protocol names it. */
  readonly code: string;
  /** The shape in JSON, where it is not the code. */
  readonly shape?: string;
  /** The text; in both protocols, or in each. */
  readonly message?: string | { readonly json: string; readonly query: string };
}

/** One exchange. */
export interface Row {
  /** What is asked. */
  readonly name: string;
  /** Where the answer of AWS is written. */
  readonly source: string;
  /** What happens before. */
  readonly given: readonly (Step | Pause)[];
  /** The call. */
  readonly ask: Step;
  /** The members of the answer, all of them. */
  readonly answer?: Readonly<Record<string, unknown>>;
  /** The refusal. */
  readonly refused?: Refusal;
  /** The protocol, where the row is about one of them. Default: all that the service has. */
  readonly protocol?: "json" | "query";
}

/**
 * A recorded answer of AWS: a test in LocalStack's suite that ran against AWS. Most answers stand in
 * the file `….snapshot.json` beside it.
 */
export function recorded(test: string, suite = "sqs/test_sqs"): string {
  return `https://github.com/localstack/localstack/blob/v4.14.0/tests/aws/services/${suite}.py ${test}`;
}

/** A page of the API reference of SQS. */
export function sqsPage(action: string): string {
  return `https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_${action}.html`;
}

/** A page of the API reference of SNS. */
export function snsPage(action: string): string {
  return `https://docs.aws.amazon.com/sns/latest/api/API_${action}.html`;
}

/** A call of SQS. */
export function sqs(action: string, input: Step["input"], as?: string): Step {
  return { service: "sqs", action, input, ...(as === undefined ? {} : { as }) };
}

/** A call of SNS. */
export function sns(action: string, input: Step["input"], as?: string): Step {
  return { service: "sns", action, input, ...(as === undefined ? {} : { as }) };
}

/** Creates a queue, whose URL is `<name.QueueUrl>`; a dot and more of its name is left out there. */
export function queue(QueueName: string, Attributes: Record<string, string> = {}): Step {
  const fifo: Record<string, string> = QueueName.endsWith(".fifo") ? { FifoQueue: "true" } : {};
  return sqs(
    "CreateQueue",
    { QueueName, Attributes: { ...fifo, ...Attributes } },
    QueueName.split(".")[0],
  );
}

/** Creates a topic, whose ARN is `<name.TopicArn>`; a dot and more of its name is left out there. */
export function topic(Name: string, Attributes: Record<string, string> = {}): Step {
  const fifo: Record<string, string> = Name.endsWith(".fifo") ? { FifoTopic: "true" } : {};
  return sns("CreateTopic", { Name, Attributes: { ...fifo, ...Attributes } }, Name.split(".")[0]);
}

/** Lets time pass. */
export function wait(seconds: number): Pause {
  return { seconds };
}

/** The ARN of a queue of the account that all rows use. */
export function queueArn(name: string): string {
  return `arn:aws:sqs:eu-west-1:000000000000:${name}`;
}

/** The ARN of a topic of the account that all rows use. */
export function topicArn(name: string): string {
  return `arn:aws:sns:eu-west-1:000000000000:${name}`;
}
