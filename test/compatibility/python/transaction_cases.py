"""Transactions."""

from clients import SOON, Sender, consumer, equal, read, read_all, send, topic, values
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from clients import settings

COMMITTED = {"isolation_level": "read_committed"}


def transactional(where, name):
    producer = Producer(settings(where, transactional_id=name, linger_ms=5))
    producer.init_transactions(SOON)
    return producer


def transactions(where):
    name = topic(where, "transactions", 2)
    producer = transactional(where, name)
    committed = []
    for turn in range(12):
        producer.begin_transaction()
        told = [f"round {turn} record {i}" for i in range(4)]
        for i, value in enumerate(told):
            producer.produce(name, value, partition=i % 2)
        if turn % 3 == 0:
            producer.flush(SOON)
            producer.abort_transaction(SOON)
        else:
            producer.commit_transaction(SOON)
            committed += told
    equal(sorted(committed), sorted(values(read_all(where, name, **COMMITTED))), "committed")
    equal(48, len(read_all(where, name, isolation_level="read_uncommitted")), "written")


def open_transaction(where):
    name = topic(where, "open-transaction")
    producer = transactional(where, name)
    send(where, name, "before")
    producer.begin_transaction()
    producer.produce(name, "inside")
    producer.flush(SOON)
    send(where, name, "behind")
    reader = consumer(where, **COMMITTED)
    reader.assign([TopicPartition(name, 0, 0)])
    equal(["before"], values(read(reader, 1)), "while it is open")
    equal(None, reader.poll(0.5), "beyond the open transaction")
    producer.commit_transaction(SOON)
    equal(["inside", "behind"], values(read(reader, 2)), "once it is closed")
    reader.close()


def zombie(where):
    name = topic(where, "zombie")
    old = transactional(where, name)
    old.begin_transaction()
    old.produce(name, "old")
    old.flush(SOON)
    heir = transactional(where, name)
    heir.begin_transaction()
    heir.produce(name, "new")
    try:
        old.produce(name, "late")
        old.commit_transaction(SOON)
        raise AssertionError("the zombie was not fenced")
    except KafkaException as failure:
        equal(True, failure.args[0].fatal(), f"{failure} is fatal")
    heir.commit_transaction(SOON)
    equal(["new"], values(read_all(where, name, **COMMITTED)), "committed")


def transform(where):
    """Consume, transform, produce: offsets and results together or not at all."""
    source, target = topic(where, "transform-from", 2), topic(where, "transform-to")
    sender = Sender(where)
    for i in range(40):
        sender.send(source, f"{i}", partition=i % 2)
    committed, attempt = 0, 0
    while committed < 40:
        producer = transactional(where, target)
        own = {"group.id": source, "auto.offset.reset": "earliest", "enable.auto.commit": False, "session.timeout.ms": 3000}
        reader = Consumer({**settings(where), **own, "heartbeat.interval.ms": 300, "isolation.level": "read_committed"})
        reader.subscribe([source])
        # Every other process dies in the middle of a transaction.
        for turn in range(3):
            if committed == 40:
                break
            messages = read(reader, 5)
            producer.begin_transaction()
            for message in messages:
                producer.produce(target, message.value() + b" seen")
            producer.send_offsets_to_transaction(
                reader.position(reader.assignment()), reader.consumer_group_metadata(), SOON
            )
            if turn == 2 and attempt % 2 == 0:
                producer.abort_transaction(SOON)
                break
            producer.commit_transaction(SOON)
            committed += len(messages)
        reader.close()
        attempt += 1
    seen = values(read_all(where, target, **COMMITTED))
    equal(sorted(f"{i} seen" for i in range(40)), sorted(seen), "results, each once")


CASES = {
    "transactions": transactions,
    "open-transaction": open_transaction,
    "zombie": zombie,
    "transform": transform,
}
