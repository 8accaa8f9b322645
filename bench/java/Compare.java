// Compares a topic of numbered records (see Writer) with its copy, record by record, as a read_committed consumer sees them.
//   Compare SOURCE TOPIC TARGET COPY PARTITIONS RECORDS
// Prints one line of JSON: records in the copy, and how many are missing, duplicated, reordered or different.
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.function.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

public class Compare {
    static long copied, duplicated, reordered, different;

    public static void main(String[] args) {
        int partitions = Integer.parseInt(args[4]);
        int records = Integer.parseInt(args[5]);
        int[] content = new int[records];
        BitSet written = new BitSet(records);
        read(args[0], args[1], partitions, record -> {
            int number = number(record);
            content[number] = contentOf(record);
            written.set(number);
        });
        BitSet seen = new BitSet(records);
        int[] newest = new int[partitions];
        Arrays.fill(newest, -1);
        read(args[2], args[3], partitions, record -> {
            int number = number(record);
            copied++;
            if (!written.get(number) || contentOf(record) != content[number]) different++;
            if (seen.get(number)) {
                duplicated++;
                return;
            }
            seen.set(number);
            if (number < newest[record.partition()]) reordered++;
            newest[record.partition()] = Math.max(newest[record.partition()], number);
        });
        written.andNot(seen);
        System.out.printf("{\"records\":%d,\"missing\":%d,\"duplicated\":%d,\"reordered\":%d,\"different\":%d}%n",
            copied, written.cardinality(), duplicated, reordered, different);
    }

    static int number(ConsumerRecord<byte[], byte[]> record) {
        int number = 0;
        for (byte digit : record.value()) {
            if (digit == ' ') return number;
            number = number * 10 + digit - '0';
        }
        throw new IllegalStateException("not a numbered record: " + new String(record.value()));
    }

    static int contentOf(ConsumerRecord<byte[], byte[]> record) {
        int hash = Arrays.hashCode(record.value()) * 31 + Arrays.hashCode(record.key());
        hash = hash * 31 + Long.hashCode(record.timestamp());
        hash = hash * 31 + record.partition();
        return hash * 31 + Arrays.hashCode(record.headers().toArray());
    }

    static void read(String bootstrap, String topic, int partitions, Consumer<ConsumerRecord<byte[], byte[]>> each) {
        Properties config = new Properties();
        config.put("bootstrap.servers", bootstrap);
        config.put("isolation.level", "read_committed");
        config.put("max.poll.records", "5000");
        try (KafkaConsumer<byte[], byte[]> consumer =
                new KafkaConsumer<>(config, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            List<TopicPartition> all = new ArrayList<>();
            for (int partition = 0; partition < partitions; partition++) all.add(new TopicPartition(topic, partition));
            consumer.assign(all);
            consumer.seekToBeginning(all);
            Map<TopicPartition, Long> ends = consumer.endOffsets(all);
            while (!all.stream().allMatch(tp -> consumer.position(tp) >= ends.get(tp))) {
                for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(500))) each.accept(record);
            }
        }
    }
}
