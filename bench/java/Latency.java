// How long a record takes from its append at the source until a consumer of the target has it. Producer and both consumers are
// threads of this process, so one monotonic clock serves.
//   Latency SOURCE TOPIC TARGET COPY PARTITIONS RECORDS_PER_SECOND WARMUP_SECONDS SECONDS RECORD_BYTES
// The producer has its defaults, which since Kafka 4 let records wait up to 5 ms for others. The moment of the append is taken as
// that of the producer's acknowledgement, or of the send, both reported. Prints JSON, ms.
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

public class Latency {
    static long[] sent, acknowledged;

    public static void main(String[] args) throws Exception {
        int partitions = Integer.parseInt(args[4]);
        int rate = Integer.parseInt(args[5]);
        int warmup = Integer.parseInt(args[6]) * rate;
        int records = warmup + Integer.parseInt(args[7]) * rate;
        int bytes = Integer.parseInt(args[8]);
        sent = new long[records];
        acknowledged = new long[records];
        Seen source = new Seen(args[0], args[1], partitions, records);
        Seen target = new Seen(args[2], args[3], partitions, records);
        source.start();
        target.start();
        source.ready.await();
        target.ready.await();
        System.out.println("writing");
        write(args[0], args[1], partitions, rate, records, bytes);
        source.join(60_000);
        target.join(60_000);
        System.out.printf("{\"missing\":%d,%s,%s,%s,%s}%n", target.left.get(),
            quantiles("append to target", acknowledged, target.at, warmup),
            quantiles("send to target", sent, target.at, warmup),
            quantiles("source readable to target readable", source.at, target.at, warmup),
            quantiles("append to source", acknowledged, source.at, warmup));
        System.exit(target.left.get() == 0 ? 0 : 1);
    }

    static void write(String bootstrap, String topic, int partitions, int rate, int records, int bytes) throws Exception {
        Properties config = new Properties();
        config.put("bootstrap.servers", bootstrap);
        try (KafkaProducer<byte[], byte[]> producer =
                new KafkaProducer<>(config, new ByteArraySerializer(), new ByteArraySerializer())) {
            long start = System.nanoTime();
            for (int i = 0; i < records; i++) {
                long due = start + (long) (i * 1e9 / rate);
                while (System.nanoTime() < due) Thread.sleep(0, 200_000);
                byte[] value = Arrays.copyOf((i + " ").getBytes(), bytes);
                int number = i;
                sent[i] = System.nanoTime();
                producer.send(new ProducerRecord<>(topic, i % partitions, null, value), (metadata, error) -> {
                    if (error != null) error.printStackTrace();
                    acknowledged[number] = System.nanoTime();
                });
            }
        }
    }

    static String quantiles(String name, long[] from, long[] to, int warmup) {
        long[] took = new long[to.length - warmup];
        for (int i = warmup; i < to.length; i++) took[i - warmup] = to[i] - from[i];
        Arrays.sort(took);
        return String.format("\"%s p50\":%.3f,\"%s p99\":%.3f,\"%s max\":%.3f",
            name, took[took.length / 2] / 1e6, name, took[(int) (took.length * 0.99)] / 1e6, name, took[took.length - 1] / 1e6);
    }

    static class Seen extends Thread {
        final String bootstrap, topic;
        final int partitions;
        final long[] at;
        final AtomicInteger left;
        final CountDownLatch ready = new CountDownLatch(1);

        Seen(String bootstrap, String topic, int partitions, int records) {
            this.bootstrap = bootstrap;
            this.topic = topic;
            this.partitions = partitions;
            this.at = new long[records];
            this.left = new AtomicInteger(records);
            setDaemon(true);
        }

        @Override
        public void run() {
            Properties config = new Properties();
            config.put("bootstrap.servers", bootstrap);
            try (KafkaConsumer<byte[], byte[]> consumer =
                    new KafkaConsumer<>(config, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
                List<TopicPartition> all = new ArrayList<>();
                for (int partition = 0; partition < partitions; partition++) all.add(new TopicPartition(topic, partition));
                consumer.assign(all);
                consumer.seekToEnd(all);
                for (TopicPartition tp : all) consumer.position(tp);
                ready.countDown();
                while (left.get() > 0) {
                    for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofSeconds(1))) see(record);
                }
            }
        }

        void see(ConsumerRecord<byte[], byte[]> record) {
            long now = System.nanoTime();
            int number = 0;
            for (byte digit : record.value()) {
                if (digit == ' ') break;
                number = number * 10 + digit - '0';
            }
            // The first sight counts; a mirror that copies twice is found out by Compare.
            if (at[number] != 0) return;
            at[number] = now;
            left.decrementAndGet();
        }
    }
}
