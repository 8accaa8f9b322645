// Writes numbered records at a steady rate: record i goes to partition i % partitions and says i in its value.
//   Writer BOOTSTRAP TOPIC PARTITIONS RECORDS_PER_SECOND RECORDS RECORD_BYTES [RECORDS_PER_TRANSACTION]
import java.util.Arrays;
import java.util.Properties;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;

public class Writer {
    public static void main(String[] args) throws Exception {
        String topic = args[1];
        int partitions = Integer.parseInt(args[2]);
        int rate = Integer.parseInt(args[3]);
        int records = Integer.parseInt(args[4]);
        int bytes = Integer.parseInt(args[5]);
        int transaction = args.length > 6 ? Integer.parseInt(args[6]) : 0;
        Properties config = new Properties();
        config.put("bootstrap.servers", args[0]);
        config.put("linger.ms", "5");
        if (transaction > 0) config.put("transactional.id", topic);
        AtomicReference<Exception> failure = new AtomicReference<>();
        try (KafkaProducer<byte[], byte[]> producer =
                new KafkaProducer<>(config, new ByteArraySerializer(), new ByteArraySerializer())) {
            if (transaction > 0) producer.initTransactions();
            long start = System.nanoTime();
            for (int i = 0; i < records; i++) {
                long due = start + (long) (i * 1e9 / rate);
                while (System.nanoTime() < due) Thread.sleep(1);
                if (transaction > 0 && i % transaction == 0) producer.beginTransaction();
                producer.send(new ProducerRecord<>(topic, i % partitions, null, value(i, bytes)), (metadata, error) -> {
                    if (error != null) failure.compareAndSet(null, error);
                });
                if (transaction > 0 && (i + 1) % transaction == 0) producer.commitTransaction();
                if (i == 0) System.out.println("writing");
            }
        }
        if (failure.get() != null) throw failure.get();
        System.out.println("written " + records);
    }

    static byte[] value(int i, int bytes) {
        byte[] value = new byte[bytes];
        Arrays.fill(value, (byte) ('a' + i % 26));
        byte[] number = (i + " ").getBytes();
        System.arraycopy(number, 0, value, 0, number.length);
        return value;
    }
}
