"""Python's Melange 7.2 and the CloudEvents SDK for Python, told what to do by JSON on standard input."""
import json, logging, signal, sys, types
from urllib.parse import urlsplit

# Melange 7.2 imports these without naming them, or names versions that cannot be built any more.
# Pickle and the cache of Redis need them, and neither is used here.
for name, content in {
    "simple_cqrs": {},
    "simple_cqrs.domain_event": {"DomainEvent": object},
    "redis_cache": {"SimpleCache": object, "logging": logging},
}.items():
    sys.modules[name] = types.ModuleType(name)
    sys.modules[name].__dict__.update(content)

import boto3
from cloudevents.core.bindings import http
from cloudevents.core.v1.event import CloudEvent
from melange.backends.sqs.localsqs import LocalSQSBackend
from melange.consumers import Consumer
from melange.message_dispatcher import SimpleMessageDispatcher
from melange.publishers import QueuePublisher, TopicPublisher
from melange.serializers import JsonSerializer, SerializerRegistry

logging.disable(logging.CRITICAL)
READ_SECONDS = 8


class Done(Exception):
    pass


class OrderSerializer(JsonSerializer):
    def manifest(self, data):
        return "OrderPlaced"

    def deserialize(self, serialized_data, manifest=None):
        return {"manifest": manifest, "data": super().deserialize(serialized_data, manifest)}


def registry(serializer):
    return SerializerRegistry(
        {"serializers": {"json": serializer}, "serializer_bindings": {dict: "json"}, "default": "json"}
    )


def publish(job, backend, serializer):
    if "topic" in job:
        TopicPublisher(registry(serializer), backend).publish(job["topic"], job["data"])
    else:
        group = {"message_group_id": "g"} if job["queue"].endswith(".fifo") else {}
        QueuePublisher(registry(serializer), backend).publish(job["queue"], job["data"], **group)


def consume(job, backend):
    found = {}

    def done(*_):
        raise Done()

    def failed(error):
        found["error"] = type(error).__name__

    consumer = Consumer(lambda message: found.update(message))
    dispatcher = SimpleMessageDispatcher(consumer, registry(OrderSerializer), backend=backend)
    signal.signal(signal.SIGALRM, done)
    signal.alarm(READ_SECONDS)
    try:
        dispatcher.consume_loop(job["queue"], on_exception=failed, after_consume=done)
    except Done:
        pass
    signal.alarm(0)
    return found


def send_cloud_event(job, settings):
    event = CloudEvent(
        {"specversion": "1.0", "id": "a-1", "source": "/shop", "type": "OrderPlaced", "datacontenttype": "application/json"},
        job["data"],
    )
    body = http.to_structured_event(event).body.decode()
    if "topic" in job:
        sns = boto3.client("sns", **settings)
        sns.publish(TopicArn=sns.create_topic(Name=job["topic"])["TopicArn"], Message=body)
    else:
        sqs = boto3.client("sqs", **settings)
        group = {"MessageGroupId": "g", "MessageDeduplicationId": "d"} if job["queue"].endswith(".fifo") else {}
        sqs.send_message(QueueUrl=sqs.get_queue_url(QueueName=job["queue"])["QueueUrl"], MessageBody=body, **group)


def run(job, backend, settings):
    kind = job["do"]
    try:
        if kind == "publish":
            publish(job, backend, OrderSerializer)
        elif kind == "publish stock":
            publish(job, backend, JsonSerializer)
        elif kind == "cloudevent":
            send_cloud_event(job, settings)
        else:
            return consume(job, backend)
        return {}
    except Exception as error:
        return {"error": type(error).__name__ + ": " + str(error)[:200]}


def main():
    order = json.load(sys.stdin)
    address = urlsplit(order["endpoint"])
    host = {"host": "http://" + address.hostname, "port": address.port}
    backend = LocalSQSBackend(
        **host, sns_host=host["host"], sns_port=host["port"], wait_time_seconds=1, max_number_of_messages=1
    )
    settings = backend.extra_settings
    json.dump([run(job, backend, settings) for job in order["jobs"]], sys.stdout)


main()
