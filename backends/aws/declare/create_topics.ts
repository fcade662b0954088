import { abortable } from "../../../src/support/clock.ts";
import { MelangeError } from "../../../src/support/errors.ts";
import { type Destination, isFifo, kindOf, nameOf } from "../../../src/wire/message.ts";
import { type Addresses, keyOf } from "../addresses.ts";
import type { AwsClient, CallSettings } from "../api/client.ts";
import { isNotFound } from "../api/errors.ts";
import { addressOf } from "../api/names.ts";
import { createTopic } from "../api/sns.ts";

/** Wraps addresses so that a missing topic is created when a caller gives its name. */
export function creatingTopics(client: AwsClient, addresses: Addresses): Addresses {
  // Created once for all calls that miss the topic, so no signal of one of them ends it.
  const create = (topic: Destination) =>
    addresses.remember(keyOf(topic), () => createNamed(client, nameOf(topic)));

  async function find(destination: Destination): Promise<string> {
    try {
      return await addresses.find(destination);
    } catch (error) {
      // A broker without STS. Creating a topic that exists changes nothing, and tells its ARN.
      if (isTopicName(destination) && isRefusal(error)) return await create(destination);
      throw error;
    }
  }

  return {
    ...addresses,
    find,
    async at(destination, signal, call) {
      await abortable(find(destination), signal);
      return await addresses.at(destination, signal, call).catch(async (error) => {
        if (!isNotFound(error) || !isTopicName(destination)) throw error;
        return await call(await abortable(create(destination), signal)).catch(asTooEarly);
      });
    },
  };
}

/** Creates a topic by name unless the topic exists; returns the ARN. */
export function createNamed(
  client: AwsClient,
  Name: string,
  options?: CallSettings,
): Promise<string> {
  const entry = isFifo(Name) ? [{ key: "FifoTopic", value: "true" }] : [];
  return createTopic(client, { Name, Attributes: { entry } }, options);
}

function isTopicName(destination: Destination): boolean {
  return kindOf(destination) === "topic" && !addressOf(destination).service;
}

function isRefusal(error: unknown): boolean {
  return error instanceof MelangeError && !error.retryable && error.code !== "CONFIGURATION";
}

/** Makes an error retryable: a topic that exists now may not be found yet. */
function asTooEarly(error: unknown): never {
  if (!isNotFound(error)) throw error;
  throw new MelangeError(error.code, error.message, { retryable: true, cause: error });
}
