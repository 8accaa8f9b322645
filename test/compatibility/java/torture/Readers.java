import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.LogTruncationException;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;

/** Who reads. */
class Readers {
    static KafkaConsumer<String, String> consumer(Torture.Role role, Object... settings) {
        Map<String, Object> config = Torture.config(
            "group.id", role.group, "group.protocol", role.protocol, "isolation.level", "read_committed",
            "enable.auto.commit", "false", "fetch.max.wait.ms", "100", "auto.offset.reset", "earliest",
            "default.api.timeout.ms", "10000");
        if (role.protocol.equals("classic")) config.putAll(Map.of("session.timeout.ms", "6000", "heartbeat.interval.ms", "500"));
        for (int i = 0; i < settings.length; i += 2) config.put((String) settings[i], settings[i + 1]);
        return new KafkaConsumer<>(config, new StringDeserializer(), new StringDeserializer());
    }

    /** A member of a group that commits what it has told of. */
    static void consume(Torture.Role role) {
        while (!Torture.isStopped()) {
            try (KafkaConsumer<String, String> consumer = consumer(role)) {
                consumer.subscribe(List.of(role.topic));
                while (!Torture.isStopped()) {
                    ConsumerRecords<String, String> records = consumer.poll(Duration.ofMillis(200));
                    for (ConsumerRecord<String, String> record : records)
                        Torture.tell("seen", role.group, record.topic(), record.partition(), record.offset(),
                            Torture.idOf(record.value()));
                    if (!records.isEmpty()) commit(role, consumer);
                }
            } catch (LogTruncationException lost) {
                Torture.tell("wrong", role.name, role.topic, -1, lost.toString());
            } catch (KafkaException failure) {
                Torture.trouble(role, failure);
            }
        }
    }

    /** What is not committed comes again. */
    static void commit(Torture.Role role, KafkaConsumer<String, String> consumer) {
        try {
            consumer.commitSync(Duration.ofSeconds(3));
        } catch (KafkaException failure) {
            Torture.trouble(role, failure);
        }
    }

    /** Copies a topic to another, partition by partition: offsets and results together or not at all. */
    static void transform(Torture.Role role) {
        while (!Torture.isStopped()) {
            try (KafkaConsumer<String, String> consumer = consumer(role, "max.poll.records", "50")) {
                KafkaProducer<String, String> producer =
                    Writers.producer("transactional.id", role.name, "transaction.timeout.ms", "10000", "max.block.ms", "10000",
                        "delivery.timeout.ms", "20000", "linger.ms", "2");
                try {
                    producer.initTransactions();
                    consumer.subscribe(List.of(role.topic));
                    while (!Torture.isStopped()) copy(role, consumer, producer);
                    producer.close(Duration.ofSeconds(10));
                } catch (KafkaException failure) {
                    Torture.trouble(role, failure);
                    // Whatever it still has under way is fenced by the next.
                    producer.close(Duration.ZERO);
                }
            } catch (KafkaException failure) {
                Torture.trouble(role, failure);
            }
        }
    }

    static void copy(Torture.Role role, KafkaConsumer<String, String> consumer, KafkaProducer<String, String> producer) {
        ConsumerRecords<String, String> records = consumer.poll(Duration.ofMillis(200));
        if (records.isEmpty()) return;
        Map<TopicPartition, OffsetAndMetadata> offsets = new HashMap<>();
        producer.beginTransaction();
        for (ConsumerRecord<String, String> record : records) {
            producer.send(new ProducerRecord<>(role.to, record.partition(), record.timestamp(), record.key(), record.value()));
            offsets.put(new TopicPartition(record.topic(), record.partition()), new OffsetAndMetadata(record.offset() + 1));
        }
        producer.sendOffsetsToTransaction(offsets, consumer.groupMetadata());
        producer.commitTransaction();
    }
}
