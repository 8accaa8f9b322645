import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ProducerState;
import org.apache.kafka.clients.admin.TransactionDescription;
import org.apache.kafka.clients.admin.TransactionListing;
import org.apache.kafka.clients.admin.TransactionState;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.InvalidProducerEpochException;
import org.apache.kafka.common.errors.ProducerFencedException;

/** Transactions. */
class TransactionCases {
    static final Object[] COMMITTED = {"isolation.level", "read_committed"};

    static void addTo(Map<String, ClientCases.Case> cases) {
        cases.put("transactions", TransactionCases::commitAndAbort);
        cases.put("open-transaction", TransactionCases::openTransaction);
        cases.put("zombie", TransactionCases::zombie);
        cases.put("transform", TransactionCases::transform);
        cases.put("transaction-timeout", TransactionCases::timeout);
        cases.put("transaction-admin", TransactionCases::admin);
    }

    static KafkaProducer<String, String> transactional(String id, Object... settings) {
        KafkaProducer<String, String> producer = Clients.producer(GroupCases.with(settings, "transactional.id", id));
        producer.initTransactions();
        return producer;
    }

    static void commitAndAbort() throws Exception {
        String topic = Clients.topic("transactions", 2);
        List<String> committed = new ArrayList<>();
        try (KafkaProducer<String, String> producer = transactional(topic)) {
            for (int round = 0; round < 12; round++) {
                producer.beginTransaction();
                for (int i = 0; i < 4; i++) {
                    String value = "round " + round + " record " + i;
                    producer.send(new ProducerRecord<>(topic, i % 2, null, value));
                    if (round % 3 != 0) committed.add(value);
                }
                // Aborting drops what was not sent yet.
                producer.flush();
                if (round % 3 == 0) producer.abortTransaction();
                else producer.commitTransaction();
            }
            // One without a record changes nothing.
            producer.beginTransaction();
            producer.commitTransaction();
        }
        Expect.equal(Set.copyOf(committed), Set.copyOf(Clients.values(Clients.readAll(topic, COMMITTED))), "committed");
        Expect.equal(committed.size(), Clients.readAll(topic, COMMITTED).size(), "committed, each once");
        Expect.equal(48, Clients.readAll(topic).size(), "written");
    }

    /** Readers of committed data stop before a transaction that is open, also at what others wrote behind it. */
    static void openTransaction() throws Exception {
        String topic = Clients.topic("open-transaction", 1);
        TopicPartition partition = new TopicPartition(topic, 0);
        try (KafkaProducer<String, String> producer = transactional(topic);
            KafkaConsumer<String, String> committed = Clients.consumer(COMMITTED);
            KafkaConsumer<String, String> all = Clients.consumer()) {
            Clients.send(topic, "before");
            producer.beginTransaction();
            Clients.send(producer, topic, "inside");
            Clients.send(topic, "behind");
            Expect.equal(1L, committed.endOffsets(List.of(partition)).get(partition), "last stable offset");
            Expect.equal(3L, all.endOffsets(List.of(partition)).get(partition), "high watermark");
            committed.assign(List.of(partition));
            committed.seekToBeginning(List.of(partition));
            Expect.equal(List.of("before"), Clients.values(Clients.read(committed, 1)), "while it is open");
            producer.commitTransaction();
            Expect.equal(List.of("inside", "behind"), Clients.values(Clients.read(committed, 2)), "once it is closed");
        }
    }

    static void zombie() throws Exception {
        String topic = Clients.topic("zombie", 1);
        KafkaProducer<String, String> old = transactional(topic);
        old.beginTransaction();
        Clients.send(old, topic, "old");
        try (KafkaProducer<String, String> heir = transactional(topic)) {
            heir.beginTransaction();
            Clients.send(heir, topic, "new");
            Expect.fails(org.apache.kafka.common.KafkaException.class, () -> {
                Clients.send(old, topic, "late");
                old.commitTransaction();
                return null;
            });
            heir.commitTransaction();
        }
        try {
            old.close();
        } catch (ProducerFencedException | InvalidProducerEpochException expected) {
            // It is told so once more.
        }
        Expect.equal(List.of("new"), Clients.values(Clients.readAll(topic, COMMITTED)), "committed");
    }

    /** Consume, transform, produce: offsets and results together or not at all (KIP-447). */
    static void transform() throws Exception {
        String from = Clients.topic("transform-from", 2);
        String to = Clients.topic("transform-to", 1);
        try (KafkaProducer<String, String> producer = Clients.producer()) {
            for (int i = 0; i < 40; i++) producer.send(new ProducerRecord<>(from, i % 2, null, "" + i));
        }
        int committed = 0;
        for (int attempt = 0; committed < 40; attempt++) {
            try (KafkaProducer<String, String> producer = transactional(to);
                KafkaConsumer<String, String> consumer = Clients.consumer(GroupCases.with(
                    GroupCases.FAST, "group.id", from, "isolation.level", "read_committed", "enable.auto.commit", "false",
                    "max.poll.records", "5"))) {
                consumer.subscribe(List.of(from));
                // Every other process dies in the middle of a transaction.
                for (int round = 0; committed < 40 && round < 2; round++) {
                    Map<TopicPartition, OffsetAndMetadata> offsets = new HashMap<>();
                    List<ConsumerRecord<String, String>> records = new ArrayList<>();
                    while (records.isEmpty()) consumer.poll(java.time.Duration.ofMillis(100)).forEach(records::add);
                    producer.beginTransaction();
                    for (ConsumerRecord<String, String> record : records) {
                        producer.send(new ProducerRecord<>(to, record.value() + " seen"));
                        offsets.put(
                            new TopicPartition(from, record.partition()), new OffsetAndMetadata(record.offset() + 1));
                    }
                    producer.sendOffsetsToTransaction(offsets, consumer.groupMetadata());
                    if (round == 1 && attempt % 2 == 0) {
                        producer.abortTransaction();
                        break;
                    }
                    producer.commitTransaction();
                    committed += records.size();
                }
            }
        }
        List<String> wanted = new ArrayList<>();
        for (int i = 0; i < 40; i++) wanted.add(i + " seen");
        List<String> seen = new ArrayList<>(Clients.values(Clients.readAll(to, COMMITTED)));
        wanted.sort(null);
        seen.sort(null);
        Expect.equal(wanted, seen, "results, each once");
    }

    static void timeout() throws Exception {
        String topic = Clients.topic("transaction-timeout", 1);
        try (KafkaProducer<String, String> producer = transactional(topic, "transaction.timeout.ms", "1000")) {
            producer.beginTransaction();
            Clients.send(producer, topic, "late");
            Clients.send(topic, "behind");
            // The coordinator aborts it, so readers go on.
            Expect.soon(
                () -> Clients.values(Clients.readAll(topic, COMMITTED)).equals(List.of("behind")), "aborted by the coordinator");
            Expect.fails(org.apache.kafka.common.KafkaException.class, () -> {
                producer.commitTransaction();
                return null;
            });
        } catch (ProducerFencedException | InvalidProducerEpochException expected) {
            // It is told so once more when it closes.
        }
    }

    static void admin() throws Exception {
        String topic = Clients.topic("transaction-admin", 1);
        TopicPartition partition = new TopicPartition(topic, 0);
        try (Admin admin = Clients.admin(); KafkaProducer<String, String> producer = transactional(topic)) {
            producer.beginTransaction();
            Clients.send(producer, topic, "x");
            TransactionDescription described =
                admin.describeTransactions(List.of(topic)).all().get().get(topic);
            Expect.equal(TransactionState.ONGOING, described.state(), "state");
            Expect.equal(Set.of(partition), described.topicPartitions(), "partitions");
            Expect.that(described.transactionStartTimeMs().isPresent(), "has a start");
            Expect.that(
                admin.listTransactions().all().get().stream().map(TransactionListing::transactionalId).toList().contains(topic),
                "is listed");
            List<ProducerState> producers =
                admin.describeProducers(List.of(partition)).partitionResult(partition).get().activeProducers();
            Expect.equal(1, producers.size(), "producers");
            Expect.equal(described.producerId(), producers.get(0).producerId(), "producer id");
            Expect.equal(0L, producers.get(0).currentTransactionStartOffset().getAsLong(), "start offset of the transaction");
            admin.fenceProducers(List.of(topic)).all().get();
            Expect.fails(org.apache.kafka.common.KafkaException.class, () -> {
                producer.commitTransaction();
                return null;
            });
            Expect.soon(
                () -> admin.describeTransactions(List.of(topic)).all().get().get(topic).state() == TransactionState.EMPTY,
                "aborted by the fence");
        } catch (ProducerFencedException | InvalidProducerEpochException expected) {
            // It is told so once more when it closes.
        }
    }
}
