"""librdkafka under torture: roles that run until they are told to end, and tell on standard output, as lines of JSON, what they do and
what they are told. See test/torture/workload.ts.
"""

import json
import sys
import threading

from confluent_kafka import Consumer, KafkaException, Producer

RECORDS_PER_TRANSACTION = 6
QUICK = {
    "reconnect.backoff.ms": 50,
    "reconnect.backoff.max.ms": 200,
    "retry.backoff.ms": 50,
    "retry.backoff.max.ms": 200,
    "socket.timeout.ms": 5000,
    "topic.metadata.refresh.interval.ms": 2000,
}

lock = threading.Lock()
# Set when nothing new shall be written, and when readers shall end too.
finish, stop = threading.Event(), threading.Event()


def tell(*event):
    """What is told before a request is sent has left this process by then."""
    with lock:
        print(json.dumps(event), flush=True)


def settings(job, **more):
    return {"bootstrap.servers": job["bootstrap"], **QUICK, **{key.replace("_", "."): value for key, value in more.items()}}


def record(job, role, n):
    """The n-th of a role; whoever reads it can tell which it is and whether it is whole."""
    partition = n % role["partitions"]
    value = f"#{role['name']}:{n} " + "x" * (n % 500)
    return {"partition": partition, "key": f"k{partition}", "value": value, "timestamp": job["baseMs"] + n}


def send(producer, job, role, n, *transaction):
    sent = record(job, role, n)
    identity = sent["value"].split(" ", 1)[0]
    tell("send", role["name"], role["topic"], sent["partition"], identity, *transaction)

    def delivered(error, message):
        if error is not None:
            tell("trouble", role["name"], str(error))
        elif message.offset() >= 0:
            tell("ack", identity, message.offset())

    while True:
        try:
            producer.produce(role["topic"], on_delivery=delivered, **sent)
            return
        except BufferError:
            producer.poll(0.1)


def produce(job, role):
    """Sends idempotently, and tells of each record where it is."""
    producer = Producer(settings(job, enable_idempotence=True, linger_ms=5, message_timeout_ms=120_000))
    n = 0
    while not finish.wait(1 / role["perSecond"]):
        send(producer, job, role, n)
        producer.poll(0)
        n += 1
    producer.flush(60)


def transact(job, role):
    """Commits most of its transactions and aborts the others. After any error the next process takes over, under the same id."""
    turn = 0
    while not finish.is_set():
        more = {"transactional_id": role["name"], "transaction_timeout_ms": 10_000, "linger_ms": 2}
        producer = Producer(settings(job, **more))
        try:
            producer.init_transactions(20)
            while not finish.wait(1 / role["perSecond"]):
                turn += 1
                one_transaction(producer, job, role, turn)
        except KafkaException as failure:
            tell("trouble", role["name"], str(failure))


def one_transaction(producer, job, role, turn):
    producer.begin_transaction()
    tell("begin", role["name"], turn)
    for i in range(RECORDS_PER_TRANSACTION):
        send(producer, job, role, turn * RECORDS_PER_TRANSACTION + i, turn)
    if turn % 4 == 0:
        producer.flush(20)
        tell("abort", role["name"], turn)
        producer.abort_transaction(20)
        return
    tell("commit", role["name"], turn)
    producer.commit_transaction(20)
    tell("committed", role["name"], turn)


def consume(job, role):
    """A member of a group that commits what it has told of."""
    own = {"group_id": role["group"], "isolation_level": "read_committed", "enable_auto_commit": False}
    quick = {"auto_offset_reset": "earliest", "fetch_wait_max_ms": 100, "session_timeout_ms": 6000, "heartbeat_interval_ms": 500}
    consumer = Consumer(settings(job, **own, **quick))
    consumer.subscribe([role["topic"]])
    while not stop.is_set():
        messages = consumer.consume(500, 0.2)
        for message in messages:
            if message.error():
                tell("trouble", role["name"], str(message.error()))
            else:
                identity = message.value().decode().split(" ", 1)[0]
                tell("seen", role["group"], message.topic(), message.partition(), message.offset(), identity)
        if any(not message.error() for message in messages):
            try:
                consumer.commit(asynchronous=False)
            except KafkaException as failure:
                tell("trouble", role["name"], str(failure))
    consumer.close()


WRITERS = {"produce": produce, "transact": transact}
READERS = {"consume": consume}


def started(work, job, role):
    def run():
        try:
            work(job, role)
        except BaseException as failure:
            tell("broken", role["name"], repr(failure))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread


def main():
    job = json.loads(sys.argv[1])
    writers = [started(WRITERS[role["kind"]], job, role) for role in job["roles"] if role["kind"] in WRITERS]
    readers = [started(READERS[role["kind"]], job, role) for role in job["roles"] if role["kind"] in READERS]
    tell("started")
    sys.stdin.readline()
    finish.set()
    for writer in writers:
        writer.join()
    tell("finished")
    sys.stdin.readline()
    stop.set()
    for reader in readers:
        reader.join()
    tell("stopped")


main()
