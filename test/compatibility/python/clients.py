"""Clients of the cluster, and what a case says about what it saw."""

import time

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

SOON = 20
# The replication factor of topics where nothing else is said.
BROKER_DEFAULT = -1


def equal(wanted, seen, what):
    if wanted != seen:
        raise AssertionError(f"{what}: wanted {wanted!r}, saw {seen!r}")


def fails(code, action):
    """The action ends with this error of Kafka's."""
    try:
        action()
    except KafkaException as failure:
        equal(code, failure.args[0].code(), f"error code of {failure}")
        return
    raise AssertionError(f"wanted the error {code}, but nothing failed")


def soon(condition, what):
    """Asks until it holds: a cluster's metadata is true only after a while."""
    deadline = time.monotonic() + SOON
    while time.monotonic() < deadline:
        if condition():
            return
        time.sleep(0.025)
    raise AssertionError(f"not within {SOON} s: {what}")


def settings(where, **more):
    return {"bootstrap.servers": where["bootstrap"], **{name.replace("_", "."): value for name, value in more.items()}}


def admin(where, **more):
    return AdminClient(settings(where, **more))


def topic(where, name, partitions=1, **configs):
    """Makes one that is named after the case."""
    name = f"confluent-{name}"
    client = admin(where)
    made = NewTopic(name, partitions, BROKER_DEFAULT, config={key.replace("_", "."): value for key, value in configs.items()})
    client.create_topics([made])[name].result()
    soon(lambda: len(client.list_topics(name).topics[name].partitions) == partitions, f"{name} is known")
    return name


class Sender:
    """A producer that tells what became of each record."""

    def __init__(self, where, **more):
        self.producer = Producer(settings(where, linger_ms=5, **more))
        self.offsets = []
        self.errors = []

    def _delivered(self, error, message):
        if error is not None:
            self.errors.append(error.code())
        else:
            self.offsets.append(message.offset())

    def send(self, topic, *values, **more):
        for value in values:
            self.producer.produce(topic, value, on_delivery=self._delivered, **more)
        left = self.producer.flush(SOON)
        equal(0, left, "records that were not told about")
        return self


def send(where, topic, *values):
    equal([], Sender(where).send(topic, *values).errors, "errors")


def consumer(where, **more):
    base = {"group_id": "confluent-none", "auto_offset_reset": "earliest", "enable_auto_commit": False, "fetch_wait_max_ms": 100}
    return Consumer(settings(where, **{**base, **more}))


def read(reader, count):
    """Polls until there are as many messages as wanted."""
    seen = []
    deadline = time.monotonic() + SOON
    while len(seen) < count and time.monotonic() < deadline:
        message = reader.poll(0.1)
        if message is None:
            continue
        if message.error():
            raise KafkaException(message.error())
        seen.append(message)
    equal(count, len(seen), "records read")
    return seen


def read_all(where, topic, **more):
    """All that can be read of a topic now."""
    reader = consumer(where, enable_partition_eof=True, **more)
    partitions = reader.list_topics(topic).topics[topic].partitions
    reader.assign([TopicPartition(topic, partition, OFFSET_BEGINNING) for partition in partitions])
    seen, ended = [], set()
    while len(ended) < len(partitions):
        message = reader.poll(SOON)
        if message is None:
            raise AssertionError(f"{topic} does not end")
        if message.error() and message.error().code() == KafkaError._PARTITION_EOF:
            ended.add(message.partition())
        elif message.error():
            raise KafkaException(message.error())
        else:
            seen.append(message)
    reader.close()
    return seen


def values(messages):
    return [message.value().decode() if message.value() is not None else None for message in messages]
