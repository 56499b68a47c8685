"""Reads decided conversions from Tributary and prints one line of JSON for each new revision.

    python consume.py                                    reads on from where the group stood
    python consume.py --rewind 2026-01-02T03:04:05Z      sets the group back to that time; no member may be running
"""

import argparse
import datetime
import json
import os
import signal

from confluent_kafka import OFFSET_END, Consumer, TopicPartition
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext

TOPIC = os.environ.get("TOPIC", "conversion.decided.v1")
GROUP = os.environ.get("GROUP_ID", "example-python")
TIMEOUT_SECONDS = 10.0


def new_consumer():
    return Consumer(
        {
            "bootstrap.servers": os.environ.get("KAFKA_BROKERS", "127.0.0.1:9092"),
            "group.id": GROUP,
            # A group that is new begins with all that is kept.
            "auto.offset.reset": "earliest",
            # Committed below, after the work: a crash repeats records, it never skips one.
            "enable.auto.commit": False,
        }
    )


def rewind(to):
    """Commits, for each partition, the first offset that was written at or after the time."""
    consumer = new_consumer()
    partitions = consumer.list_topics(TOPIC, TIMEOUT_SECONDS).topics[TOPIC].partitions
    at = int(to.timestamp() * 1000)
    offsets = consumer.offsets_for_times([TopicPartition(TOPIC, p, at) for p in partitions], TIMEOUT_SECONDS)
    for offset in offsets:
        if offset.offset == OFFSET_END:
            # Nothing is that young: read on from the end.
            _, offset.offset = consumer.get_watermark_offsets(TopicPartition(TOPIC, offset.partition), TIMEOUT_SECONDS)
    consumer.commit(offsets=offsets, asynchronous=False)
    consumer.close()


def handle(conversion):
    """Your work. The same conversion and revision may come again, so write it under that key."""
    print(
        json.dumps(
            {
                "conversionId": str(conversion["conversionId"]),
                "revision": conversion["revision"],
                "eventType": conversion["eventType"],
                "match": conversion["match"],
                "state": conversion["state"],
                "customerId": conversion["customerId"],
                # Millionths of the currency's unit; as text, since many readers of JSON would round it.
                "revenueMicros": None if conversion["revenueMicros"] is None else str(conversion["revenueMicros"]),
                "currency": conversion["currency"],
                "occurredAt": conversion["occurredAt"].isoformat(),
            }
        ),
        flush=True,
    )


def consume():
    deserialize = AvroDeserializer(
        SchemaRegistryClient({"url": os.environ.get("SCHEMA_REGISTRY_URL", "http://127.0.0.1:8085")})
    )
    running = True

    def stop(*_):
        nonlocal running
        running = False

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    consumer = new_consumer()
    consumer.subscribe([TOPIC])
    seen = {}
    while running:
        message = consumer.poll(0.5)
        if message is None:
            continue
        if message.error():
            raise RuntimeError(message.error())
        # No value: what was known under this key is to be forgotten.
        if message.value() is None:
            seen.pop(message.key().decode(), None)
        else:
            conversion = deserialize(message.value(), SerializationContext(message.topic(), MessageField.VALUE))
            # Test traffic goes through the whole pipeline; it is nobody's money.
            if not conversion["isTest"] and conversion["revision"] > seen.get(message.key().decode(), 0):
                handle(conversion)
                seen[message.key().decode()] = conversion["revision"]
        consumer.commit(message=message, asynchronous=True)
    consumer.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--rewind", type=lambda text: datetime.datetime.fromisoformat(text.replace("Z", "+00:00")))
    arguments = parser.parse_args()
    if arguments.rewind:
        rewind(arguments.rewind)
    else:
        consume()
