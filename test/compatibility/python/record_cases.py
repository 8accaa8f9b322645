"""Producing and consuming."""

from clients import Sender, consumer, equal, fails, read, read_all, soon, topic, values
from confluent_kafka import KafkaError, TopicPartition


def whole_records(where):
    name = topic(where, "whole-records")
    sender = Sender(where)
    headers = [("trace", b"abc"), ("trace", b""), ("none", None)]
    sender.send(name, b"value", key=b"key", timestamp=1_700_000_000_000, headers=headers)
    sender.send(name, b"", timestamp=1_700_000_000_001)
    sender.send(name, None, key=b"tombstone", timestamp=1_700_000_000_002)
    equal([0, 1, 2], sender.offsets, "offsets that were told")
    seen = read_all(where, name)
    told = [(message.offset(), message.timestamp()[1], message.key(), message.value()) for message in seen]
    wanted = [
        (0, 1_700_000_000_000, b"key", b"value"),
        (1, 1_700_000_000_001, None, b""),
        (2, 1_700_000_000_002, b"tombstone", None),
    ]
    equal(wanted, told, "records")
    equal(headers, seen[0].headers(), "headers")


def acks(where):
    name = topic(where, "acks")
    for setting in ("0", "1", "all"):
        equal([], Sender(where, acks=setting).send(name, *[f"{setting} {i}" for i in range(10)]).errors, "errors")
    soon(lambda: len(read_all(where, name)) == 30, "all thirty are there, also those that nobody acknowledged")


def codec(codec_name):
    def case(where):
        name = topic(where, f"codec-{codec_name}")
        wanted = [f"{codec_name} {i} {'filler ' * (i % 40)}" for i in range(200)]
        equal([], Sender(where, compression_type=codec_name).send(name, *wanted).errors, "errors")
        equal(wanted, values(read_all(where, name)), "values")

    return case


def large_records(where):
    name = topic(where, "large-records")
    sender = Sender(where, message_max_bytes=3_000_000)
    value = "x" * 900_000
    equal([], sender.send(name, value).errors, "errors")
    equal([KafkaError.MSG_SIZE_TOO_LARGE], sender.send(name, value * 2).errors, "errors")
    # A record larger than the limits of the fetch is given all the same.
    equal([value], values(read_all(where, name, fetch_message_max_bytes=1000)), "values")


def idempotent(where):
    name = topic(where, "idempotent")
    wanted = [f"record {i}" for i in range(1000)]
    sender = Sender(where, enable_idempotence=True, batch_num_messages=10).send(name, *wanted)
    equal(list(range(1000)), sender.offsets, "offsets that were told")
    equal(wanted, values(read_all(where, name)), "values")


def positions(where):
    name = topic(where, "positions")
    sender = Sender(where)
    for i in range(10):
        sender.send(name, f"v{i}", timestamp=1000 * i or 1)
    reader = consumer(where, auto_offset_reset="error")
    reader.assign([TopicPartition(name, 0, 7)])
    equal(["v7", "v8", "v9"], values(read(reader, 3)), "from offset 7")
    equal(4, reader.offsets_for_times([TopicPartition(name, 0, 3500)], 10)[0].offset, "offset by time")
    equal((0, 10), reader.get_watermark_offsets(TopicPartition(name, 0), 10), "both ends")
    reader.seek(TopicPartition(name, 0, 4))
    equal("v4", values(read(reader, 6))[0], "by time")
    reader.seek(TopicPartition(name, 0, 99))
    fails(KafkaError._AUTO_OFFSET_RESET, lambda: read(reader, 1))
    reader.close()


def unknown_topic(where):
    reader = consumer(where, allow_auto_create_topics=False)
    error = reader.list_topics("confluent-nowhere").topics["confluent-nowhere"].error
    equal(KafkaError.UNKNOWN_TOPIC_OR_PART, error.code(), "error of a topic that is not there")
    reader.subscribe(["confluent-nowhere"])
    fails(KafkaError.UNKNOWN_TOPIC_OR_PART, lambda: read(reader, 1))
    reader.close()


CASES = {
    "whole-records": whole_records,
    "acks": acks,
    **{f"codec-{name}": codec(name) for name in ("none", "gzip", "snappy", "lz4", "zstd")},
    "large-records": large_records,
    "idempotent": idempotent,
    "positions": positions,
    "unknown-topic": unknown_topic,
}
