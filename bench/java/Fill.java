// Creates topics PREFIX0, PREFIX1, … and writes a few records to each, spread over its partitions; ends with an error unless all
// were taken. Prints the seconds until the broker served all partitions: no mirror can be sooner.
//   Fill BOOTSTRAP PREFIX TOPICS PARTITIONS RECORDS_PER_TOPIC
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArraySerializer;

public class Fill {
    public static void main(String[] args) throws Exception {
        int topics = Integer.parseInt(args[2]);
        int partitions = Integer.parseInt(args[3]);
        int records = Integer.parseInt(args[4]);
        Properties config = new Properties();
        config.put("bootstrap.servers", args[0]);
        try (Admin admin = Admin.create(config)) {
            List<NewTopic> wanted = new ArrayList<>();
            for (int topic = 0; topic < topics; topic++) wanted.add(new NewTopic(args[1] + topic, partitions, (short) 1));
            long start = System.nanoTime();
            admin.createTopics(wanted).all().get();
            List<String> names = wanted.stream().map(NewTopic::name).toList();
            while (!allServe(admin, names, partitions)) Thread.sleep(50);
            System.out.println((System.nanoTime() - start) / 1e9);
        }
        try (KafkaProducer<byte[], byte[]> producer =
                new KafkaProducer<>(config, new ByteArraySerializer(), new ByteArraySerializer())) {
            List<Future<RecordMetadata>> sent = new ArrayList<>();
            for (int topic = 0; topic < topics; topic++) {
                for (int i = 0; i < records; i++) {
                    byte[] value = (topic + " " + i).getBytes();
                    sent.add(producer.send(new ProducerRecord<>(args[1] + topic, i % partitions, null, value)));
                }
            }
            for (Future<RecordMetadata> one : sent) one.get();
        }
    }

    /** Whether every partition answers for its log: a topic that was just made is shown before it is there. */
    static boolean allServe(Admin admin, List<String> topics, int partitions) throws Exception {
        Map<TopicPartition, OffsetSpec> wanted = new HashMap<>();
        for (String topic : topics) {
            for (int partition = 0; partition < partitions; partition++) {
                wanted.put(new TopicPartition(topic, partition), OffsetSpec.latest());
            }
        }
        try {
            admin.listOffsets(wanted).all().get();
            return true;
        } catch (ExecutionException notYet) {
            return false;
        }
    }
}
