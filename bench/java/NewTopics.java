// Makes a topic for each line of its input and writes a record to each of its partitions: NAME PARTITIONS. Prints `made NAME` once the
// cluster said that the topic is made, and `written NAME` once it has the records.
//   NewTopics BOOTSTRAP
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.Future;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.serialization.ByteArraySerializer;

public class NewTopics {
    public static void main(String[] args) throws Exception {
        Properties config = new Properties();
        config.put("bootstrap.servers", args[0]);
        try (Admin admin = Admin.create(config);
                KafkaProducer<byte[], byte[]> producer =
                        new KafkaProducer<>(config, new ByteArraySerializer(), new ByteArraySerializer());
                BufferedReader input = new BufferedReader(new InputStreamReader(System.in))) {
            for (String line = input.readLine(); line != null; line = input.readLine()) {
                String[] words = line.split(" ");
                int partitions = Integer.parseInt(words[1]);
                admin.createTopics(List.of(new NewTopic(words[0], partitions, (short) 1))).all().get();
                System.out.println("made " + words[0]);
                List<Future<RecordMetadata>> sent = new ArrayList<>();
                for (int partition = 0; partition < partitions; partition++)
                    sent.add(producer.send(new ProducerRecord<>(words[0], partition, null, words[0].getBytes())));
                for (Future<RecordMetadata> one : sent) one.get();
                System.out.println("written " + words[0]);
            }
        }
    }
}
