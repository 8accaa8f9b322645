"""Groups of both protocols. Each member is a process of its own, so that it can be killed."""

import json
import os
import subprocess
import sys
import threading

from clients import Sender, consumer, equal, read, send, settings, soon, topic, values
from confluent_kafka import Consumer, TopicPartition

FAST = {"session.timeout.ms": 3000, "heartbeat.interval.ms": 300}
NEW = {"group.protocol": "consumer"}


def be_member(config, subscribed):
    """Says on each line what it owns or what it was given."""
    member = Consumer(config)
    owned = set()

    def say():
        print(json.dumps({"owned": sorted(owned)}), flush=True)

    def assigned(_, partitions):
        eager = config.get("partition.assignment.strategy") in ("range", "roundrobin")
        if eager:
            owned.clear()
        owned.update(partition.partition for partition in partitions)
        say()

    def revoked(_, partitions):
        owned.difference_update(partition.partition for partition in partitions)
        print(json.dumps({"revoked": len(partitions)}), flush=True)

    member.subscribe([subscribed], on_assign=assigned, on_revoke=revoked, on_lost=revoked)
    stopping = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), stopping.set()), daemon=True).start()
    while not stopping.is_set():
        message = member.poll(0.1)
        if message is not None and not message.error():
            print(json.dumps({"value": message.value().decode()}), flush=True)
    member.close()


class Member:
    def __init__(self, where, group, subscribed, config):
        base = {"group.id": group, "auto.offset.reset": "earliest", "auto.commit.interval.ms": 200, "fetch.wait.max.ms": 100}
        told = json.dumps({**settings(where), **base, **config})
        program = os.path.join(os.path.dirname(__file__), "client_cases.py")
        self.process = subprocess.Popen(
            [sys.executable, program, "member", told, subscribed], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.owned, self.seen, self.revoked, self.assigned = [], [], 0, 0
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self):
        for line in self.process.stdout:
            told = json.loads(line)
            if "owned" in told:
                self.owned = told["owned"]
                self.assigned += 1
            elif "value" in told:
                self.seen.append(told["value"])
            else:
                self.revoked += told["revoked"]

    def leave(self):
        self.process.stdin.close()
        self.process.wait(20)

    def crash(self):
        self.process.kill()
        self.process.wait(20)


def share(partitions, members):
    """Waits until these members, and they alone, share the partitions evenly."""

    def shared():
        all_owned = [partition for member in members for partition in member.owned]
        even = all(len(member.owned) == partitions // len(members) for member in members)
        return even and sorted(all_owned) == list(range(partitions))

    soon(shared, f"{partitions} partitions among {len(members)} members")


def resume(name, config):
    def case(where):
        subscribed = topic(where, name)
        send(where, subscribed, "a", "b", "c")
        own = {**settings(where), "group.id": subscribed, "auto.offset.reset": "earliest", "enable.auto.commit": False, **config}
        first = Consumer(own)
        first.subscribe([subscribed])
        read(first, 3)
        first.commit(offsets=[TopicPartition(subscribed, 0, 2)], asynchronous=False)
        equal(2, first.committed([TopicPartition(subscribed, 0)], 10)[0].offset, "committed")
        first.close()
        second = Consumer(own)
        second.subscribe([subscribed])
        equal(["c"], values(read(second, 1)), "what follows the commit")
        second.close()

    return case


def rebalance(name, config):
    """Members join, leave and crash; every partition has one owner at every rest, and every record is seen."""

    def case(where):
        subscribed = topic(where, name, 6)
        members = []
        for _ in range(3):
            members.append(Member(where, subscribed, subscribed, config))
            share(6, members)
        members.pop(0).leave()
        share(6, members)
        members.append(Member(where, subscribed, subscribed, config))
        share(6, members)
        members.pop(0).crash()
        share(6, members)
        sender = Sender(where)
        wanted = {f"record {i}" for i in range(60)}
        for i in range(60):
            sender.producer.produce(subscribed, f"record {i}", partition=i % 6)
        sender.producer.flush(20)
        soon(lambda: {value for member in members for value in member.seen} == wanted, "every record is seen")
        for member in members:
            member.leave()

    return case


def static_member(where):
    subscribed = topic(where, "static-member", 4)
    config = {"session.timeout.ms": 20000, "heartbeat.interval.ms": 300, "partition.assignment.strategy": "range"}
    stays = Member(where, subscribed, subscribed, {**config, "group.instance.id": "stays"})
    returns = Member(where, subscribed, subscribed, {**config, "group.instance.id": "returns"})
    share(4, [stays, returns])
    before, assigned = returns.owned, stays.assigned
    returns.crash()
    again = Member(where, subscribed, subscribed, {**config, "group.instance.id": "returns"})
    soon(lambda: again.owned == before, "the same partitions as before")
    equal(assigned, stays.assigned, "rebalances that the other member saw")
    again.leave()
    stays.leave()


def pattern(where):
    send(where, topic(where, "pattern-one"), "a")
    reader = consumer(where, group_id="confluent-pattern", enable_auto_commit=True, topic_metadata_refresh_interval_ms=300)
    reader.subscribe(["^confluent-pattern-.*"])
    equal(["a"], values(read(reader, 1)), "of the topic that was there")
    send(where, topic(where, "pattern-two"), "b")
    equal(["b"], values(read(reader, 1)), "of the topic that came")
    reader.close()


CASES = {
    "resume": resume("resume", FAST),
    "eager-rebalance": rebalance("eager-range", {**FAST, "partition.assignment.strategy": "range"}),
    "eager-round-robin": rebalance("eager-round-robin", {**FAST, "partition.assignment.strategy": "roundrobin"}),
    "cooperative-rebalance": rebalance("cooperative", {**FAST, "partition.assignment.strategy": "cooperative-sticky"}),
    "static-member": static_member,
    "pattern": pattern,
    "new-protocol-resume": resume("new-resume", NEW),
    "new-protocol-rebalance": rebalance("new-rebalance", NEW),
    "new-protocol-range": rebalance("new-range", {**NEW, "group.remote.assignor": "range"}),
}
