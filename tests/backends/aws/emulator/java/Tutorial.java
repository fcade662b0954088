import java.net.URI;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.core.SdkBytes;
import software.amazon.awssdk.http.urlconnection.UrlConnectionHttpClient;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.sns.SnsClient;
import software.amazon.awssdk.services.sns.model.NotFoundException;
import software.amazon.awssdk.services.sqs.SqsClient;
import software.amazon.awssdk.services.sqs.model.*;

/** Runs what the tutorials of the AWS SDK for Java do. The SDK itself checks all digests. */
public class Tutorial {
  static void check(boolean holds, String what) {
    if (!holds) throw new AssertionError(what);
  }

  public static void main(String[] args) {
    var endpoint = URI.create(args[0]);
    var credentials = StaticCredentialsProvider.create(AwsBasicCredentials.create("test", "test"));
    var http = UrlConnectionHttpClient.builder().build();
    try (
      var sqs = SqsClient.builder().endpointOverride(endpoint).region(Region.EU_WEST_1)
        .credentialsProvider(credentials).httpClient(http).build();
      var sns = SnsClient.builder().endpointOverride(endpoint).region(Region.EU_WEST_1)
        .credentialsProvider(credentials).httpClient(http).build()
    ) {
      messages(sqs);
      fifo(sqs);
      topics(sqs, sns);
      refusals(sqs, sns);
    }
    System.out.println("all of it works");
  }

  static void messages(SqsClient sqs) {
    var url = sqs.createQueue(r -> r.queueName("orders")
      .attributes(Map.of(QueueAttributeName.VISIBILITY_TIMEOUT, "30"))).queueUrl();
    check(sqs.getQueueUrl(r -> r.queueName("orders")).queueUrl().equals(url), "the address");
    check(sqs.listQueues().queueUrls().contains(url), "the list");
    var text = MessageAttributeValue.builder().dataType("String").stringValue("ä 🙂").build();
    var number = MessageAttributeValue.builder().dataType("Number").stringValue("1.5").build();
    var bytes = MessageAttributeValue.builder().dataType("Binary")
      .binaryValue(SdkBytes.fromByteArray(new byte[] {0, 1, -1})).build();
    sqs.sendMessage(r -> r.queueUrl(url).messageBody("o-1 <&> 🙂\n")
      .messageAttributes(Map.of("text", text, "number", number, "bytes", bytes)));
    var found = sqs.receiveMessage(r -> r.queueUrl(url).waitTimeSeconds(1)
      .messageAttributeNames("All").messageSystemAttributeNames(MessageSystemAttributeName.ALL));
    check(found.messages().size() == 1, "one message");
    var message = found.messages().get(0);
    check(message.body().equals("o-1 <&> 🙂\n"), "the body");
    check(message.messageAttributes().get("bytes").binaryValue().asByteArray()[2] == -1, "bytes");
    check("1".equals(message.attributes().get(
      MessageSystemAttributeName.APPROXIMATE_RECEIVE_COUNT)), "the count");
    sqs.changeMessageVisibility(r -> r.queueUrl(url).receiptHandle(message.receiptHandle())
      .visibilityTimeout(60));
    sqs.deleteMessage(r -> r.queueUrl(url).receiptHandle(message.receiptHandle()));
    var entries = new ArrayList<SendMessageBatchRequestEntry>();
    for (int n = 0; n < 10; n++) {
      entries.add(SendMessageBatchRequestEntry.builder().id("e" + n).messageBody("b" + n).build());
    }
    check(sqs.sendMessageBatch(r -> r.queueUrl(url).entries(entries)).successful().size() == 10,
      "the batch");
    var all = sqs.receiveMessage(r -> r.queueUrl(url).maxNumberOfMessages(10)).messages();
    var handles = new ArrayList<DeleteMessageBatchRequestEntry>();
    for (int n = 0; n < all.size(); n++) {
      var handle = all.get(n).receiptHandle();
      handles.add(DeleteMessageBatchRequestEntry.builder().id("d" + n).receiptHandle(handle).build());
    }
    check(sqs.deleteMessageBatch(r -> r.queueUrl(url).entries(handles)).failed().isEmpty(),
      "the deletes");
    sqs.tagQueue(r -> r.queueUrl(url).tags(Map.of("team", "x")));
    check(sqs.listQueueTags(r -> r.queueUrl(url)).tags().equals(Map.of("team", "x")), "the tags");
    sqs.purgeQueue(r -> r.queueUrl(url));
    sqs.deleteQueue(r -> r.queueUrl(url));
  }

  static void fifo(SqsClient sqs) {
    var url = sqs.createQueue(r -> r.queueName("orders.fifo").attributes(Map.of(
      QueueAttributeName.FIFO_QUEUE, "true",
      QueueAttributeName.CONTENT_BASED_DEDUPLICATION, "true"))).queueUrl();
    for (var body : List.of("a", "b", "a")) {
      sqs.sendMessage(r -> r.queueUrl(url).messageBody(body).messageGroupId("g"));
    }
    var bodies = sqs.receiveMessage(r -> r.queueUrl(url).maxNumberOfMessages(10)).messages()
      .stream().map(Message::body).toList();
    check(bodies.equals(List.of("a", "b")), "the order " + bodies);
  }

  static void topics(SqsClient sqs, SnsClient sns) {
    var topic = sns.createTopic(r -> r.name("orders")).topicArn();
    var url = sqs.createQueue(r -> r.queueName("billing")).queueUrl();
    var arn = sqs.getQueueAttributes(r -> r.queueUrl(url)
      .attributeNames(QueueAttributeName.QUEUE_ARN)).attributes().get(QueueAttributeName.QUEUE_ARN);
    var policy = """
      {"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"sns.amazonaws.com"},
       "Action":"sqs:SendMessage","Resource":"%s","Condition":{"ArnEquals":{"aws:SourceArn":"%s"}}}]}
      """.formatted(arn, topic);
    sqs.setQueueAttributes(r -> r.queueUrl(url).attributes(Map.of(QueueAttributeName.POLICY, policy)));
    var subscription = sns.subscribe(r -> r.topicArn(topic).protocol("sqs").endpoint(arn)
      .returnSubscriptionArn(true).attributes(Map.of("RawMessageDelivery", "true"))).subscriptionArn();
    check(sns.listSubscriptionsByTopic(r -> r.topicArn(topic)).subscriptions().size() == 1, "one");
    var attribute = software.amazon.awssdk.services.sns.model.MessageAttributeValue.builder()
      .dataType("String").stringValue("x").build();
    sns.publish(r -> r.topicArn(topic).message("o-2").messageAttributes(Map.of("kind", attribute)));
    var found = sqs.receiveMessage(r -> r.queueUrl(url).waitTimeSeconds(1)
      .messageAttributeNames("All")).messages();
    check(found.size() == 1 && found.get(0).body().equals("o-2"), "the delivery");
    check(found.get(0).messageAttributes().get("kind").stringValue().equals("x"), "the attribute");
    sns.unsubscribe(r -> r.subscriptionArn(subscription));
    sns.deleteTopic(r -> r.topicArn(topic));
  }

  static void refusals(SqsClient sqs, SnsClient sns) {
    try {
      sqs.getQueueUrl(r -> r.queueName("missing"));
      throw new AssertionError("a queue that is missing");
    } catch (QueueDoesNotExistException expected) {
      check(expected.statusCode() == 400, "its status");
    }
    try {
      sns.publish(r -> r.topicArn("arn:aws:sns:eu-west-1:000000000000:missing").message("x"));
      throw new AssertionError("a topic that is missing");
    } catch (NotFoundException expected) {
      check(expected.statusCode() == 404, "its status");
    }
  }
}
