import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import org.apache.kafka.clients.consumer.CommitFailedException;
import org.apache.kafka.clients.consumer.CooperativeStickyAssignor;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.consumer.RangeAssignor;
import org.apache.kafka.clients.consumer.RoundRobinAssignor;
import org.apache.kafka.clients.consumer.SubscriptionPattern;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;

/** Groups of both protocols. */
class GroupCases {
    static final Object[] FAST = {"session.timeout.ms", "3000", "heartbeat.interval.ms", "300"};
    static final Object[] NEW = {"group.protocol", "consumer"};

    static void addTo(Map<String, ClientCases.Case> cases) {
        cases.put("resume", () -> resume("resume", FAST));
        cases.put("commit-metadata", GroupCases::commitMetadata);
        cases.put("eager-rebalance", () -> rebalance("eager-range", with(FAST, assignor(RangeAssignor.class))));
        cases.put("eager-round-robin", () -> rebalance("eager-round-robin", with(FAST, assignor(RoundRobinAssignor.class))));
        cases.put("cooperative-rebalance", GroupCases::cooperative);
        cases.put("static-member", GroupCases::staticMember);
        cases.put("pattern", () -> pattern("pattern", FAST));
        cases.put("new-protocol-resume", () -> resume("new-resume", NEW));
        cases.put("new-protocol-rebalance", () -> rebalance("new-rebalance", NEW));
        cases.put("new-protocol-range", () -> rebalance("new-range", with(NEW, "group.remote.assignor", "range")));
        cases.put("new-protocol-static", GroupCases::newStaticMember);
        cases.put("new-protocol-pattern", GroupCases::newPattern);
        cases.put("new-protocol-migration", GroupCases::migration);
    }

    static Object[] with(Object[] settings, Object... more) {
        List<Object> all = new ArrayList<>(List.of(settings));
        all.addAll(List.of(more));
        return all.toArray();
    }

    static Object[] assignor(Class<?> assignor) {
        return new Object[] {"partition.assignment.strategy", assignor.getName()};
    }

    static void resume(String name, Object[] settings) throws Exception {
        String topic = Clients.topic(name, 1);
        Object[] own = with(settings, "group.id", topic, "enable.auto.commit", "false");
        Clients.send(topic, "a", "b", "c");
        TopicPartition partition = new TopicPartition(topic, 0);
        try (KafkaConsumer<String, String> first = Clients.consumer(own)) {
            first.subscribe(List.of(topic));
            Clients.read(first, 3);
            first.commitSync(Map.of(partition, new OffsetAndMetadata(2)));
            Expect.equal(2L, first.committed(Set.of(partition)).get(partition).offset(), "committed");
        }
        try (KafkaConsumer<String, String> second = Clients.consumer(own)) {
            second.subscribe(List.of(topic));
            Expect.equal(List.of("c"), Clients.values(Clients.read(second, 1)), "what follows the commit");
        }
    }

    static void commitMetadata() throws Exception {
        String topic = Clients.topic("commit-metadata", 2);
        TopicPartition first = new TopicPartition(topic, 0);
        TopicPartition second = new TopicPartition(topic, 1);
        try (KafkaConsumer<String, String> consumer = Clients.consumer("group.id", topic, "enable.auto.commit", "false")) {
            consumer.assign(List.of(first, second));
            consumer.commitSync(Map.of(first, new OffsetAndMetadata(5, java.util.Optional.of(0), "a note")));
            Map<TopicPartition, OffsetAndMetadata> committed = consumer.committed(Set.of(first, second));
            Expect.equal(new OffsetAndMetadata(5, java.util.Optional.of(0), "a note"), committed.get(first), "what was committed");
            Expect.equal(null, committed.get(second), "what was not");
            Expect.fails(org.apache.kafka.common.errors.OffsetMetadataTooLarge.class, () -> {
                consumer.commitSync(Map.of(first, new OffsetAndMetadata(5, "x".repeat(5000))));
                return null;
            });
        }
    }

    /** Members join, leave and crash; every partition has one owner at every rest, and every record is seen. */
    static void rebalance(String name, Object[] settings) throws Exception {
        String topic = Clients.topic(name, 6);
        List<Member> members = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            members.add(new Member(topic, topic, settings));
            Member.share(6, members);
        }
        members.remove(0).leave();
        Member.share(6, members);
        members.add(new Member(topic, topic, settings));
        Member.share(6, members);
        members.remove(0).crash();
        Member.share(6, members);
        expectAllSeen(topic, members);
        for (Member member : members) member.leave();
    }

    static void expectAllSeen(String topic, List<Member> members) throws Exception {
        Set<String> wanted = new TreeSet<>();
        try (KafkaProducer<String, String> producer = Clients.producer()) {
            for (int i = 0; i < 60; i++) {
                wanted.add("record " + i);
                producer.send(new ProducerRecord<>(topic, i % 6, null, "record " + i));
            }
        }
        List<String> seen = new ArrayList<>();
        Expect.soon(() -> {
            seen.clear();
            for (Member member : members) seen.addAll(member.seen);
            return seen.size() >= wanted.size();
        }, "every record is seen");
        Expect.equal(wanted, new TreeSet<>(seen), "records seen");
        Expect.equal(wanted.size(), seen.size(), "records seen, each once");
    }

    static void cooperative() throws Exception {
        Object[] settings = with(FAST, assignor(CooperativeStickyAssignor.class));
        String topic = Clients.topic("cooperative", 6);
        List<Member> members = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            members.add(new Member(topic, topic, settings));
            Member.share(6, members);
        }
        // Only what moves is taken away: 3 when the second came, and one of each when the third came.
        Expect.equal(5, members.stream().mapToInt(member -> member.revoked.get()).sum(), "partitions taken away");
        members.remove(2).leave();
        Member.share(6, members);
        members.add(new Member(topic, topic, settings));
        Member.share(6, members);
        members.remove(2).crash();
        Member.share(6, members);
        expectAllSeen(topic, members);
        for (Member member : members) member.leave();
    }

    static void staticMember() throws Exception {
        String topic = Clients.topic("static-member", 4);
        Object[] slow = {"session.timeout.ms", "20000", "heartbeat.interval.ms", "300"};
        Member stays = new Member(topic, topic, with(slow, "group.instance.id", "stays"));
        Member returns = new Member(topic, topic, with(slow, "group.instance.id", "returns"));
        Member.share(4, List.of(stays, returns));
        Set<Integer> before = returns.owned;
        int rebalances = stays.rebalances.get();
        returns.crash();
        Member again = new Member(topic, topic, with(slow, "group.instance.id", "returns"));
        Expect.soon(() -> again.owned.equals(before), "the same partitions as before");
        Expect.equal(rebalances, stays.rebalances.get(), "rebalances that the other member saw");
        // Another member under the same name puts the first one out.
        Member twin = new Member(topic, topic, with(slow, "group.instance.id", "returns"));
        Expect.soon(() -> twin.owned.equals(before), "the twin has its partitions");
        Expect.fails(org.apache.kafka.common.errors.FencedInstanceIdException.class, () -> {
            Thread.sleep(1000);
            again.leave();
            return null;
        });
        twin.leave();
        stays.leave();
    }

    /** The place of a static member is kept while it is away, and nobody takes it from one that is not. */
    static void newStaticMember() throws Exception {
        String topic = Clients.topic("new-static-member", 4);
        Member stays = new Member(topic, topic, with(NEW, "group.instance.id", "stays"));
        Member returns = new Member(topic, topic, with(NEW, "group.instance.id", "returns"));
        Member.share(4, List.of(stays, returns));
        Set<Integer> before = returns.owned;
        int revoked = stays.revoked.get();
        returns.crash();
        Member again = new Member(topic, topic, with(NEW, "group.instance.id", "returns"));
        Expect.soon(() -> again.owned.equals(before), "the same partitions as before");
        Expect.equal(revoked, stays.revoked.get(), "partitions that were taken from the other member");
        Member twin = new Member(topic, topic, with(NEW, "group.instance.id", "returns"));
        Expect.fails(org.apache.kafka.common.errors.UnreleasedInstanceIdException.class, () -> {
            Thread.sleep(1000);
            twin.leave();
            return null;
        });
        Expect.equal(before, again.owned, "what the member has that its twin wanted");
        again.leave();
        stays.leave();
    }

    static void pattern(String name, Object[] settings) throws Exception {
        String first = Clients.topic(name + "-one", 1);
        Clients.send(first, "a");
        try (KafkaConsumer<String, String> consumer =
            Clients.consumer(with(settings, "group.id", "java-" + name, "metadata.max.age.ms", "500"))) {
            consumer.subscribe(Pattern.compile("java-" + name + "-.*"));
            Expect.equal(List.of("a"), Clients.values(Clients.read(consumer, 1)), "of the topic that was there");
            Clients.send(Clients.topic(name + "-two", 1), "b");
            Expect.equal(List.of("b"), Clients.values(Clients.read(consumer, 1)), "of the topic that came");
        }
    }

    /** The broker matches, by RE2 (KIP-848). */
    static void newPattern() throws Exception {
        Clients.send(Clients.topic("new-pattern-one", 1), "a");
        try (KafkaConsumer<String, String> consumer = Clients.consumer(with(NEW, "group.id", "java-new-pattern"))) {
            consumer.subscribe(new SubscriptionPattern("java-new-pattern-.*"));
            Expect.equal(List.of("a"), Clients.values(Clients.read(consumer, 1)), "of the topic that was there");
            Expect.fails(org.apache.kafka.common.errors.InvalidRegularExpression.class, () -> {
                consumer.subscribe(new SubscriptionPattern("(["));
                return Clients.read(consumer, 1);
            });
        }
    }

    /** Members of the classic protocol are replaced one by one by members of the new one, and back. */
    static void migration() throws Exception {
        String topic = Clients.topic("migration", 6);
        Object[] classic = with(FAST, assignor(CooperativeStickyAssignor.class));
        List<Member> members = new ArrayList<>();
        members.add(new Member(topic, topic, classic));
        members.add(new Member(topic, topic, classic));
        Member.share(6, members);
        for (Object[] settings : List.of(NEW, classic)) {
            for (int i = 0; i < 2; i++) {
                members.remove(0).leave();
                members.add(new Member(topic, topic, settings));
                Member.share(6, members);
            }
        }
        expectAllSeen(topic, members);
        for (Member member : members) member.leave();
    }
}
