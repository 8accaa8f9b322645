import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.MessageFormatter;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.connect.mirror.RemoteClusterUtils;
import org.apache.kafka.connect.mirror.formatters.CheckpointFormatter;
import org.apache.kafka.connect.mirror.formatters.HeartbeatFormatter;
import org.apache.kafka.connect.mirror.formatters.OffsetSyncFormatter;

/** What a Java application that fails over asks, and what MirrorMaker's own formatters print of the topics beside it. */
public class TranslateOffsets {
    public static void main(String[] args) throws Exception {
        String source = args[1];
        Map<String, Object> properties = Map.of("bootstrap.servers", args[0]);
        RemoteClusterUtils.translateOffsets(properties, source, args[2], Duration.ofSeconds(20))
            .forEach((partition, offset) -> System.out.println(partition + " " + offset.offset()));
        System.out.println("hops " + RemoteClusterUtils.replicationHops(properties, source));
        System.out.println("upstream " + RemoteClusterUtils.upstreamClusters(properties));
        print(args[0], "heartbeats", new HeartbeatFormatter());
        print(args[0], source + ".checkpoints.internal", new CheckpointFormatter());
        print(args[0], "mm2-offset-syncs." + source + ".internal", new OffsetSyncFormatter());
    }

    private static void print(String bootstrap, String topic, MessageFormatter formatter) {
        TopicPartition partition = new TopicPartition(topic, 0);
        ByteArrayDeserializer bytes = new ByteArrayDeserializer();
        try (KafkaConsumer<byte[], byte[]> consumer = new KafkaConsumer<>(Map.of("bootstrap.servers", bootstrap), bytes, bytes)) {
            consumer.assign(List.of(partition));
            consumer.seekToBeginning(List.of(partition));
            long end = consumer.endOffsets(List.of(partition)).get(partition);
            while (consumer.position(partition) < end)
                for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofSeconds(1)))
                    formatter.writeTo(record, System.out);
        }
    }
}
