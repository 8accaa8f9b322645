import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.serialization.StringSerializer;

/** Who sends. */
class Writers {
    static final int RECORDS_PER_TRANSACTION = 6;

    static KafkaProducer<String, String> producer(Object... settings) {
        return new KafkaProducer<>(Torture.config(settings), new StringSerializer(), new StringSerializer());
    }

    /** Sends idempotently, and tells of each record where it is. */
    static void produce(Torture.Role role) throws Exception {
        try (KafkaProducer<String, String> producer = producer("linger.ms", "5", "delivery.timeout.ms", "120000")) {
            for (int n = 0; Torture.pace(role.perSecond); n++) {
                ProducerRecord<String, String> record = Torture.record(role, n);
                String id = Torture.idOf(record.value());
                Torture.tell("send", role.name, record.topic(), record.partition(), id);
                producer.send(record, (metadata, failure) -> {
                    if (failure != null) Torture.trouble(role, failure);
                    else if (metadata.hasOffset()) Torture.tell("ack", id, metadata.offset());
                });
            }
        }
    }

    /** Commits most of its transactions and aborts the others. After any error the next process takes over, under the same id. */
    static void transact(Torture.Role role) throws Exception {
        int turn = 0;
        while (Torture.finish.getCount() > 0) {
            KafkaProducer<String, String> producer =
                producer("transactional.id", role.name, "transaction.timeout.ms", "10000", "max.block.ms", "10000",
                    "delivery.timeout.ms", "20000", "linger.ms", "2");
            try {
                producer.initTransactions();
                while (Torture.pace(role.perSecond)) oneTransaction(role, producer, turn++);
                producer.close(Duration.ofSeconds(10));
            } catch (RuntimeException | ExecutionException failure) {
                Torture.trouble(role, failure);
                // Whatever it still has under way is fenced by the next.
                producer.close(Duration.ZERO);
            }
        }
    }

    static void oneTransaction(Torture.Role role, KafkaProducer<String, String> producer, int turn) throws Exception {
        producer.beginTransaction();
        Torture.tell("begin", role.name, turn);
        List<Future<RecordMetadata>> sent = new ArrayList<>();
        for (int i = 0; i < RECORDS_PER_TRANSACTION; i++) {
            ProducerRecord<String, String> record = Torture.record(role, turn * RECORDS_PER_TRANSACTION + i);
            String id = Torture.idOf(record.value());
            Torture.tell("send", role.name, record.topic(), record.partition(), id, turn);
            sent.add(producer.send(record, (metadata, failure) -> {
                if (failure == null && metadata.hasOffset()) Torture.tell("ack", id, metadata.offset());
            }));
        }
        if (turn % 4 == 0) {
            producer.flush();
            Torture.tell("abort", role.name, turn);
            producer.abortTransaction();
            return;
        }
        for (Future<RecordMetadata> one : sent) one.get();
        Torture.tell("commit", role.name, turn);
        producer.commitTransaction();
        Torture.tell("committed", role.name, turn);
    }
}
