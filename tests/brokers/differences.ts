/** Where brokers of others differ from AWS, as the suite of conformance sees it. */

/** The checks that a broker fails, and what the broker does instead. */
export type Differences = Readonly<Record<string, string>>;

/** The differences by the name of the broker. By the documentation of AWS, the checks are right. */
export const DIFFERENCES: Readonly<Record<string, Differences>> = {
  "melange broker": {
    "acknowledge() of a lock that another receive took over is LOCK_LOST":
      "answers with success, as AWS does",
  },
  fauxqs: {
    "send() carries characters of four bytes": "refuses them in a queue",
    "receive() returns the group of a message in a standard queue": "drops it",
    "receive() hands a message to one of those that wait": "ends all waits",
    "acknowledge() fails for a bad receipt only": "accepts any receipt",
    "acknowledge() of an expired FIFO lock is LOCK_LOST": "deletes all the same",
    "deadLetter() fails for a bad receipt only": "accepts any receipt",
    "declareQueue() sets a delay for all messages": "does not delay what a topic brings",
  },
  moto: {
    "send() carries bytes as attributes": "answers 500 to a receive, after raw delivery",
    "send() carries attributes of custom types": "answers 500 to a receive, after raw delivery",
    "send() is not affected by later changes of its arguments":
      "answers 500 to a receive, after raw delivery",
    "receive() redelivers a message unchanged": "answers 500 to a receive, after raw delivery",
    "a message received maxReceives times moves to the dead-letter queue":
      "answers 500 to a receive, after raw delivery",
    "receive() returns when a group is freed while it waits": "waits to the end",
    "receive() returns an expired message before its followers": "returns it behind them",
    "sequenceNumber grows where it is given": "is random in topics",
    "acknowledge() of an expired FIFO lock is LOCK_LOST": "deletes all the same",
    "release() of a lost lock is LOCK_LOST": "succeeds",
    "extend() of a lost lock is LOCK_LOST": "succeeds",
    "send() drops a repeated deduplication id after the message was acknowledged":
      "forgets the id with the message",
    "declareQueue() de-duplicates by the body if asked to":
      "compares envelopes, of which no two are equal",
    "deleteQueue() leaves other subscriptions alone":
      "fails a publish for the subscription of a lost queue",
  },
  ElasticMQ: {
    "acknowledge() twice is success": "the second is refused",
    "acknowledge() of an expired FIFO lock is LOCK_LOST": "deletes all the same",
  },
  LocalStack: {
    "send() carries attribute names of any allowed form":
      "refuses some in a queue, and loses such messages after raw delivery",
    "release() of a lost lock is LOCK_LOST": "succeeds",
    "extend() of a lost lock is LOCK_LOST": "succeeds",
  },
  ministack: {
    "send() carries bytes as attributes": "answers 500 to a receive, after raw delivery",
    "send() carries attributes of custom types": "answers 500 to a receive, after raw delivery",
    "send() is not affected by later changes of its arguments":
      "answers 500 to a receive, after raw delivery",
    "receive() redelivers a message unchanged": "answers 500 to a receive, after raw delivery",
    "a message received maxReceives times moves to the dead-letter queue":
      "answers 500 to a receive, after raw delivery",
    "receive() returns the group of a message in a standard queue": "drops it",
    "acknowledge() twice is success": "the second is refused",
    "acknowledge() of an expired FIFO lock is LOCK_LOST": "deletes all the same",
  },
};
