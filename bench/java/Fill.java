// Creates topics PREFIX0, PREFIX1, … and writes a few records to each, spread over its partitions.
//   Fill BOOTSTRAP PREFIX TOPICS PARTITIONS RECORDS_PER_TOPIC
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
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
            admin.createTopics(wanted).all().get();
        }
        try (KafkaProducer<byte[], byte[]> producer =
                new KafkaProducer<>(config, new ByteArraySerializer(), new ByteArraySerializer())) {
            for (int topic = 0; topic < topics; topic++) {
                for (int i = 0; i < records; i++) {
                    producer.send(new ProducerRecord<>(args[1] + topic, i % partitions, null, (topic + " " + i).getBytes()));
                }
            }
        }
        System.out.println("filled");
    }
}
