/** Events as Lambda hands them over, after the samples in AWS's developer guide. */

export const QUEUE_ARN = "arn:aws:sqs:us-east-2:123456789012:my-queue";
export const FIFO_ARN = "arn:aws:sqs:us-east-2:123456789012:my-queue.fifo";
export const TOPIC_ARN = "arn:aws:sns:us-east-1:123456789012:sns-lambda";

/** Fields of a record; what is given takes the place of the sample's. */
export type Fields = Record<string, unknown>;

/** https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html#example-standard-queue-message-event */
export function sqsRecord(messageId: string, fields: Fields = {}): Fields {
  return {
    messageId,
    receiptHandle: "AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a",
    body: '{"orderId":"o-1"}',
    attributes: {
      ApproximateReceiveCount: "3",
      SentTimestamp: "1545082649183",
      SenderId: "AIDAIENQZJOLO23YVJ4VO",
      ApproximateFirstReceiveTimestamp: "1545082649185",
    },
    messageAttributes: {
      manifest: {
        stringValue: "OrderPlaced",
        stringListValues: [],
        binaryListValues: [],
        dataType: "String",
      },
    },
    md5OfBody: "e4e68fb7bd0e697a0ae8f1bb342846b3",
    eventSource: "aws:sqs",
    eventSourceARN: QUEUE_ARN,
    awsRegion: "us-east-2",
    ...fields,
  };
}

/** https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html#sample-fifo-queues-message-event */
export function fifoRecord(messageId: string, group: string, fields: Fields = {}): Fields {
  return sqsRecord(messageId, {
    attributes: {
      ApproximateReceiveCount: "1",
      SentTimestamp: "1573251510774",
      SequenceNumber: "18849496460467696128",
      MessageGroupId: group,
      SenderId: "AIDAIO23YVJENQZJOL4VO",
      MessageDeduplicationId: `deduplication-${messageId}`,
      ApproximateFirstReceiveTimestamp: "1573251510774",
    },
    eventSourceARN: FIFO_ARN,
    ...fields,
  });
}

/** https://docs.aws.amazon.com/lambda/latest/dg/with-sns.html#sns-sample-event */
export function snsRecord(MessageId: string, fields: Fields = {}): Fields {
  return {
    EventVersion: "1.0",
    EventSubscriptionArn: `${TOPIC_ARN}:21be56ed-a058-49f5-8c98-aedd2564c486`,
    EventSource: "aws:sns",
    Sns: {
      SignatureVersion: "1",
      Timestamp: "2019-01-02T12:45:07.000Z",
      Signature: "tcc6faL2yUC6dgZdmrwh1Y4cGa/ebXEkAi6RibDsvpi+tE/1+82j==",
      SigningCertUrl:
        "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-ac565b8b1a6c5d002d285f9598aa1d9b.pem",
      MessageId,
      Message: '{"orderId":"o-1"}',
      MessageAttributes: {
        manifest: { Type: "String", Value: "OrderPlaced" },
        TestBinary: { Type: "Binary", Value: "VGVzdEJpbmFyeQ==" },
      },
      Type: "Notification",
      UnsubscribeUrl:
        `https://sns.us-east-1.amazonaws.com/?Action=Unsubscribe&SubscriptionArn=${TOPIC_ARN}`,
      TopicArn: TOPIC_ARN,
      Subject: "TestInvoke",
      ...fields,
    },
  };
}

/** The body of a message that SNS put into a queue without raw delivery. */
export function envelope(MessageId: string, fields: Fields = {}): string {
  return JSON.stringify({
    Type: "Notification",
    MessageId,
    TopicArn: TOPIC_ARN,
    Message: '{"orderId":"o-1"}',
    Timestamp: "2019-01-02T12:45:07.000Z",
    SignatureVersion: "1",
    Signature: "tcc6faL2yUC6dgZdmrwh1Y4cGa==",
    SigningCertURL: "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-ac56.pem",
    UnsubscribeURL: "https://sns.us-east-1.amazonaws.com/?Action=Unsubscribe",
    MessageAttributes: { manifest: { Type: "String", Value: "OrderPlaced" } },
    ...fields,
  });
}
