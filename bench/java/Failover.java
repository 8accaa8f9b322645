// How long clients stand still when a broker dies. A producer with acks=all writes numbered records at a steady rate, a member of a group
// reads them; both are asked for the longest time without anything in one partition, from the moment that a line comes in. In the end all
// is read once more: what was acknowledged must be there.
//   Failover BOOTSTRAP TOPIC PARTITIONS RECORDS_PER_SECOND SECONDS
// Prints "writing", then JSON.
import java.time.Duration;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

public class Failover {
    static volatile long killedAt = Long.MAX_VALUE;

    /** The longest time without anything, by partition, after the kill. */
    static class Silence {
        final long[] last;
        long longest = 0;

        Silence(int partitions) {
            last = new long[partitions];
        }

        synchronized void heard(int partition) {
            long now = System.nanoTime();
            if (now > killedAt) longest = Math.max(longest, now - Math.max(last[partition], killedAt));
            last[partition] = now;
        }
    }

    public static void main(String[] args) throws Exception {
        String bootstrap = args[0], topic = args[1];
        int partitions = Integer.parseInt(args[2]);
        int rate = Integer.parseInt(args[3]);
        int records = rate * Integer.parseInt(args[4]);
        Silence acks = new Silence(partitions), reads = new Silence(partitions);
        AtomicInteger failures = new AtomicInteger();
        BitSet acknowledged = new BitSet(records);
        Thread reader = new Thread(() -> read(bootstrap, topic, reads));
        reader.setDaemon(true);
        reader.start();
        Thread listener = new Thread(() -> {
            try {
                if (System.in.read() >= 0) killedAt = System.nanoTime();
            } catch (java.io.IOException ended) {
                throw new IllegalStateException(ended);
            }
        });
        listener.setDaemon(true);
        listener.start();
        try (KafkaProducer<byte[], byte[]> producer =
                new KafkaProducer<>(config(bootstrap, "acks", "all", "linger.ms", "5"), new ByteArraySerializer(), new ByteArraySerializer())) {
            long start = System.nanoTime();
            for (int i = 0; i < records; i++) {
                long due = start + (long) (i * 1e9 / rate);
                while (System.nanoTime() < due) Thread.sleep(1);
                int number = i;
                byte[] value = ("" + i).getBytes();
                producer.send(new ProducerRecord<>(topic, i % partitions, null, value), (metadata, failure) -> {
                    if (failure != null) {
                        failures.incrementAndGet();
                        return;
                    }
                    synchronized (acknowledged) {
                        acknowledged.set(number);
                    }
                    acks.heard(metadata.partition());
                });
                if (i == rate) System.out.println("writing");
            }
        }
        BitSet there = readAll(bootstrap, topic, partitions);
        BitSet lost = (BitSet) acknowledged.clone();
        lost.andNot(there);
        System.out.printf("{\"no ack ms\":%.0f,\"nothing read ms\":%.0f,\"acknowledged\":%d,\"refused\":%d,\"lost\":%d}%n",
            acks.longest / 1e6, reads.longest / 1e6, acknowledged.cardinality(), failures.get(), lost.cardinality());
        System.exit(0);
    }

    static Properties config(String bootstrap, String... settings) {
        Properties config = new Properties();
        config.put("bootstrap.servers", bootstrap);
        for (int i = 0; i < settings.length; i += 2) config.put(settings[i], settings[i + 1]);
        return config;
    }

    static KafkaConsumer<byte[], byte[]> consumer(String bootstrap, String... settings) {
        return new KafkaConsumer<>(config(bootstrap, settings), new ByteArrayDeserializer(), new ByteArrayDeserializer());
    }

    static void read(String bootstrap, String topic, Silence reads) {
        try (KafkaConsumer<byte[], byte[]> consumer =
                consumer(bootstrap, "group.id", "failover", "auto.offset.reset", "earliest", "auto.commit.interval.ms", "1000")) {
            consumer.subscribe(List.of(topic));
            while (true)
                for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(100))) reads.heard(record.partition());
        }
    }

    static BitSet readAll(String bootstrap, String topic, int partitions) {
        BitSet there = new BitSet();
        try (KafkaConsumer<byte[], byte[]> consumer = consumer(bootstrap)) {
            List<TopicPartition> all = new ArrayList<>();
            for (int partition = 0; partition < partitions; partition++) all.add(new TopicPartition(topic, partition));
            consumer.assign(all);
            consumer.seekToBeginning(all);
            Map<TopicPartition, Long> ends = consumer.endOffsets(all);
            while (!all.stream().allMatch(partition -> consumer.position(partition) >= ends.get(partition)))
                for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(100)))
                    there.set(Integer.parseInt(new String(record.value())));
        }
        return there;
    }
}
