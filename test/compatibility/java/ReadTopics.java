// Prints every record of topics as Kafka's own consumer sees them with read_committed: one line each, tab-separated:
// topic, partition, offset, timestamp, key, value, headers. Bytes are base64, or their SHA-256 when there are many; null is "-".
//   ReadTopics BOOTSTRAP TOPIC …
import java.io.PrintStream;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

public class ReadTopics {
    static final int BYTES_SHOWN = 64;

    public static void main(String[] args) throws Exception {
        Properties config = new Properties();
        config.put("bootstrap.servers", args[0]);
        config.put("isolation.level", "read_committed");
        config.put("max.poll.records", "5000");
        try (KafkaConsumer<byte[], byte[]> consumer =
                new KafkaConsumer<>(config, new ByteArrayDeserializer(), new ByteArrayDeserializer());
            PrintStream out = new PrintStream(System.out, false, "UTF-8")) {
            List<TopicPartition> all = new ArrayList<>();
            for (int i = 1; i < args.length; i++) {
                for (PartitionInfo info : consumer.partitionsFor(args[i])) all.add(new TopicPartition(args[i], info.partition()));
            }
            consumer.assign(all);
            consumer.seekToBeginning(all);
            Map<TopicPartition, Long> ends = consumer.endOffsets(all);
            while (!all.stream().allMatch(tp -> consumer.position(tp) >= ends.get(tp))) {
                for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(200))) print(out, record);
            }
        }
    }

    static void print(PrintStream out, ConsumerRecord<byte[], byte[]> record) throws Exception {
        StringBuilder headers = new StringBuilder();
        for (Header header : record.headers()) headers.append(header.key()).append('=').append(text(header.value())).append(' ');
        out.print(record.topic() + "\t" + record.partition() + "\t" + record.offset() + "\t" + record.timestamp() + "\t"
            + text(record.key()) + "\t" + text(record.value()) + "\t" + headers.toString().trim() + "\n");
    }

    static String text(byte[] bytes) throws Exception {
        if (bytes == null) return "-";
        if (bytes.length <= BYTES_SHOWN) return Base64.getEncoder().encodeToString(bytes);
        return "sha256:" + Base64.getEncoder().encodeToString(MessageDigest.getInstance("SHA-256").digest(bytes));
    }
}
