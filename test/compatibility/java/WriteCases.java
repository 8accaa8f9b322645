// Fills topics as Kafka's own producers do, each in the manner that its case names.
//   WriteCases BOOTSTRAP CASE=TOPIC …
// Cases: none gzip snappy lz4 zstd (idempotent), plain (neither idempotent nor acknowledged by all), transactions.
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringSerializer;

public class WriteCases {
    static final int RECORDS = 400;
    static final int ROUNDS = 40;
    static String bootstrap;

    public static void main(String[] args) {
        bootstrap = args[0];
        for (int i = 1; i < args.length; i++) {
            String[] parts = args[i].split("=");
            if (parts[0].equals("transactions")) writeTransactions(parts[1]);
            else if (parts[0].equals("plain")) writeRecords(parts[1], "enable.idempotence", "false", "acks", "1");
            else writeRecords(parts[1], "compression.type", parts[0]);
        }
        System.out.println("written");
    }

    static KafkaProducer<String, String> producer(String... settings) {
        Properties config = new Properties();
        config.put("bootstrap.servers", bootstrap);
        config.put("linger.ms", "20");
        config.put("batch.size", "4096");
        for (int i = 0; i < settings.length; i += 2) config.put(settings[i], settings[i + 1]);
        return new KafkaProducer<>(config, new StringSerializer(), new StringSerializer());
    }

    static ProducerRecord<String, String> record(String topic, int i, String what) {
        ProducerRecord<String, String> record =
            new ProducerRecord<>(topic, i % 2, "key-" + i % 37, what + " " + i + " " + "filler ".repeat(i % 50));
        if (i % 3 == 0) record.headers().add("number", Integer.toString(i).getBytes());
        return record;
    }

    static void writeRecords(String topic, String... settings) {
        try (KafkaProducer<String, String> producer = producer(settings)) {
            for (int i = 0; i < RECORDS; i++) producer.send(record(topic, i, "record"));
        }
    }

    /** Two transactional producers whose transactions overlap, every third one aborted, and one that knows none. */
    static void writeTransactions(String topic) {
        List<KafkaProducer<String, String>> transactional = new ArrayList<>();
        for (String id : List.of("one", "two")) {
            KafkaProducer<String, String> producer = producer("transactional.id", topic + "-" + id);
            producer.initTransactions();
            transactional.add(producer);
        }
        try (KafkaProducer<String, String> other = producer()) {
            for (int round = 0; round < ROUNDS; round++) {
                for (KafkaProducer<String, String> producer : transactional) producer.beginTransaction();
                for (int i = 0; i < 1 + round % 5; i++) {
                    for (KafkaProducer<String, String> producer : transactional) {
                        producer.send(record(topic, round * 10 + i, "round " + round));
                        producer.flush();
                    }
                    other.send(record(topic, round * 10 + i, "outside"));
                    other.flush();
                }
                for (int which = 0; which < 2; which++) {
                    if ((round + which) % 3 == 0) transactional.get(which).abortTransaction();
                    else transactional.get(which).commitTransaction();
                }
            }
        }
        for (KafkaProducer<String, String> producer : transactional) producer.close();
    }
}
