import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/** Clients of the cluster, with the settings that a case gives in pairs. */
class Clients {
    /** The replication factor of topics where nothing else is said. */
    static final short BROKER_DEFAULT = -1;

    static JsonNode surroundings;

    static String bootstrap() {
        return surroundings.get("bootstrap").asText();
    }

    static Map<String, Object> config(Object... settings) {
        Map<String, Object> config = new HashMap<>();
        config.put("bootstrap.servers", bootstrap());
        config.put("enable.metrics.push", "false");
        for (int i = 0; i < settings.length; i += 2) config.put((String) settings[i], settings[i + 1]);
        return config;
    }

    static Admin admin(Object... settings) {
        return Admin.create(config(settings));
    }

    static KafkaProducer<String, String> producer(Object... settings) {
        return new KafkaProducer<>(config(settings), new StringSerializer(), new StringSerializer());
    }

    static KafkaConsumer<String, String> consumer(Object... settings) {
        Map<String, Object> config = config("auto.offset.reset", "earliest", "fetch.max.wait.ms", "100");
        config.putAll(config(settings));
        return new KafkaConsumer<>(config, new StringDeserializer(), new StringDeserializer());
    }

    /** Named after the case, so that cases run side by side. */
    static String topic(String name, int partitions, String... configs) throws Exception {
        String topic = "java-" + name;
        Map<String, String> set = new HashMap<>();
        for (int i = 0; i < configs.length; i += 2) set.put(configs[i], configs[i + 1]);
        try (Admin admin = admin()) {
            admin.createTopics(List.of(new NewTopic(topic, partitions, BROKER_DEFAULT).configs(set))).all().get();
            Expect.soon(
                () -> admin.describeTopics(List.of(topic)).allTopicNames().get().get(topic).partitions().size() == partitions,
                topic + " is known");
        }
        return topic;
    }

    static void send(KafkaProducer<String, String> producer, String topic, String... values) throws Exception {
        for (String value : values) producer.send(new ProducerRecord<>(topic, value)).get();
    }

    static void send(String topic, String... values) throws Exception {
        try (KafkaProducer<String, String> producer = producer()) {
            send(producer, topic, values);
        }
    }

    /** All that can be read of a topic now. */
    static List<ConsumerRecord<String, String>> readAll(String topic, Object... settings) {
        List<ConsumerRecord<String, String>> records = new ArrayList<>();
        try (KafkaConsumer<String, String> consumer = consumer(settings)) {
            List<TopicPartition> partitions = new ArrayList<>();
            for (PartitionInfo info : consumer.partitionsFor(topic)) partitions.add(new TopicPartition(topic, info.partition()));
            consumer.assign(partitions);
            consumer.seekToBeginning(partitions);
            Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
            while (!partitions.stream().allMatch(partition -> consumer.position(partition) >= ends.get(partition)))
                consumer.poll(Duration.ofMillis(100)).forEach(records::add);
        }
        return records;
    }

    static List<ConsumerRecord<String, String>> read(KafkaConsumer<String, String> consumer, int count) {
        List<ConsumerRecord<String, String>> records = new ArrayList<>();
        long deadline = System.currentTimeMillis() + Expect.SOON_MS;
        while (records.size() < count && System.currentTimeMillis() < deadline)
            consumer.poll(Duration.ofMillis(100)).forEach(records::add);
        Expect.equal(count, records.size(), "records read");
        return records;
    }

    static List<String> values(Collection<ConsumerRecord<String, String>> records) {
        return records.stream().map(ConsumerRecord::value).toList();
    }
}
