"""Reads topics with Confluent's Python client and prints each record whose key begins with a prefix, decoded, as a line of JSON.

usage: decode_topics.py BROKERS REGISTRY_URL KEY_PREFIX TOPIC...
"""

import datetime
import json
import sys
import uuid

from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext

POLL_SECONDS = 10.0
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


def canonical(value):
    """The value as canonical() of filled-events.ts writes it."""
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, int):
        return str(value)
    if isinstance(value, bytes):
        return {"bytes": value.hex()}
    if isinstance(value, uuid.UUID):
        return str(value)
    if isinstance(value, datetime.datetime):
        return str((value - EPOCH) // datetime.timedelta(milliseconds=1))
    if isinstance(value, list):
        return [canonical(item) for item in value]
    if isinstance(value, dict):
        return {name: canonical(member) for name, member in value.items()}
    raise TypeError(f"no canonical form of {type(value).__name__}")


def partitions_of(consumer, topic):
    """Every partition of the topic that holds records, from its start, with its end."""
    for number in consumer.list_topics(topic, POLL_SECONDS).topics[topic].partitions:
        partition = TopicPartition(topic, number)
        start, end = consumer.get_watermark_offsets(partition, POLL_SECONDS)
        if end > start:
            partition.offset = start
            yield partition, end


def main(brokers, registry_url, key_prefix, *topics):
    deserialize = AvroDeserializer(SchemaRegistryClient({"url": registry_url}))
    consumer = Consumer(
        {"bootstrap.servers": brokers, "group.id": f"decode-topics-{uuid.uuid4()}", "enable.auto.commit": False}
    )
    open_ends = {
        (partition.topic, partition.partition): (partition, end)
        for topic in topics
        for partition, end in partitions_of(consumer, topic)
    }
    consumer.assign([partition for partition, _ in open_ends.values()])
    while open_ends:
        message = consumer.poll(POLL_SECONDS)
        if message is None:
            raise TimeoutError(f"no record for {POLL_SECONDS} s")
        if message.error():
            raise RuntimeError(message.error())
        topic, key = message.topic(), (message.key() or b"").decode()
        if key.startswith(key_prefix):
            value = deserialize(message.value(), SerializationContext(topic, MessageField.VALUE))
            print(json.dumps({"topic": topic, "key": key, "value": canonical(value)}))
        _, end = open_ends.get((topic, message.partition()), (None, 0))
        if message.offset() + 1 >= end:
            open_ends.pop((topic, message.partition()), None)
    consumer.close()


main(*sys.argv[1:])
