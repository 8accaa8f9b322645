// MirrorMaker 2 itself, single connectors of it, and the Java classes that read what it leaves, all in one JVM. Standard input: a request a
// line, its words separated by tabs. Standard output: what it answers, a line each, then `### done`, or `### failed` and why.
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import javax.management.MBeanAttributeInfo;
import javax.management.MBeanServer;
import javax.management.ObjectName;
import org.apache.kafka.clients.admin.AdminClientConfig;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.MessageFormatter;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.connect.cli.ConnectStandalone;
import org.apache.kafka.connect.mirror.MirrorCheckpointConnector;
import org.apache.kafka.connect.mirror.MirrorClient;
import org.apache.kafka.connect.mirror.MirrorHeartbeatConnector;
import org.apache.kafka.connect.mirror.MirrorMaker;
import org.apache.kafka.connect.mirror.MirrorSourceConnector;
import org.apache.kafka.connect.mirror.RemoteClusterUtils;
import org.apache.kafka.connect.mirror.formatters.CheckpointFormatter;
import org.apache.kafka.connect.mirror.formatters.HeartbeatFormatter;
import org.apache.kafka.connect.mirror.formatters.OffsetSyncFormatter;
import org.apache.kafka.connect.runtime.SourceConnectorConfig;
import org.apache.kafka.connect.runtime.distributed.DistributedConfig;

public class MirrorMakerSession {
    static final PrintStream OUT = System.out;

    public static void main(String[] none) throws Exception {
        System.setOut(System.err);
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            String[] words = line.split("\t");
            try {
                answer(words[0], Arrays.copyOfRange(words, 1, words.length));
                OUT.println("### done");
            } catch (Exception e) {
                OUT.println("### failed " + e);
            }
            OUT.flush();
        }
        Runtime.getRuntime().halt(0);
    }

    static void answer(String request, String[] args) throws Exception {
        switch (request) {
            case "mirrormaker" -> inBackground(() -> MirrorMaker.main(args));
            case "connect" -> inBackground(() -> ConnectStandalone.main(args));
            case "translate" -> RemoteClusterUtils
                .translateOffsets(Map.of("bootstrap.servers", args[0]), args[1], args[2], Duration.ofSeconds(20))
                .forEach((partition, offset) -> OUT.println(partition + " " + offset.offset()));
            case "translate-all" -> translateAll(args[0], args[1], args[2]);
            case "client" -> client(args[0], args[1]);
            case "print" -> print(args[0], args[1]);
            case "keys" -> keys();
            case "metrics" -> metrics();
            default -> throw new IllegalArgumentException(request);
        }
    }

    interface Task {
        void run() throws Exception;
    }

    static void inBackground(Task task) {
        Thread thread = new Thread(() -> {
            try {
                task.run();
            } catch (Exception e) {
                e.printStackTrace();
            }
        });
        thread.setDaemon(true);
        thread.start();
    }

    /** Of many groups at once (KIP-1239). */
    static void translateAll(String bootstrap, String source, String groups) throws Exception {
        try (MirrorClient client = new MirrorClient(Map.of("bootstrap.servers", bootstrap))) {
            client.remoteConsumerOffsets(Pattern.compile(groups), source, Duration.ofSeconds(20)).forEach((group, places) ->
                places.forEach((partition, offset) -> OUT.println(group + " " + partition + " " + offset.offset())));
        }
    }

    /** What RemoteClusterUtils and MirrorClient make of the topics that stand there. */
    static void client(String bootstrap, String source) throws Exception {
        Map<String, Object> properties = Map.of("bootstrap.servers", bootstrap);
        OUT.println("hops " + RemoteClusterUtils.replicationHops(properties, source));
        OUT.println("upstream " + RemoteClusterUtils.upstreamClusters(properties).contains(source));
        OUT.println("heartbeats " + RemoteClusterUtils.heartbeatTopics(properties).contains(source + ".heartbeats"));
        OUT.println("checkpoints " + RemoteClusterUtils.checkpointTopics(properties).contains(source + ".checkpoints.internal"));
        try (MirrorClient client = new MirrorClient(properties)) {
            OUT.println("of all " + client.remoteTopics().containsAll(client.remoteTopics(source)));
            OUT.println("topics " + String.join(" ", new TreeSet<>(client.remoteTopics(source))));
        }
    }

    static void print(String bootstrap, String topic) {
        MessageFormatter formatter = topic.endsWith("heartbeats") ? new HeartbeatFormatter()
            : topic.startsWith("mm2-offset-syncs") ? new OffsetSyncFormatter() : new CheckpointFormatter();
        TopicPartition partition = new TopicPartition(topic, 0);
        ByteArrayDeserializer bytes = new ByteArrayDeserializer();
        try (KafkaConsumer<byte[], byte[]> consumer = new KafkaConsumer<>(Map.of("bootstrap.servers", bootstrap), bytes, bytes)) {
            consumer.assign(List.of(partition));
            consumer.seekToBeginning(List.of(partition));
            long end = consumer.endOffsets(List.of(partition)).get(partition);
            while (consumer.position(partition) < end)
                for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofSeconds(1)))
                    formatter.writeTo(record, OUT);
        }
    }

    /** What MirrorMaker shows of itself in JMX: a type, the labels of it, and one attribute a line. */
    static void metrics() throws Exception {
        MBeanServer beans = ManagementFactory.getPlatformMBeanServer();
        Set<String> lines = new TreeSet<>();
        for (ObjectName name : beans.queryNames(new ObjectName("kafka.connect.mirror:*"), null)) {
            if (!name.getKeyProperty("type").startsWith("Mirror")) continue;
            Set<String> labels = new TreeSet<>(name.getKeyPropertyList().keySet());
            labels.remove("type");
            for (MBeanAttributeInfo attribute : beans.getMBeanInfo(name).getAttributes())
                lines.add(name.getKeyProperty("type") + " " + String.join(",", labels) + " " + attribute.getName());
        }
        lines.forEach(OUT::println);
    }

    /** Every key that MirrorMaker's own definitions know, with the place where a file has it. */
    static void keys() {
        String bytes = "org.apache.kafka.connect.converters.ByteArrayConverter";
        Map<String, String> worker = Map.of("bootstrap.servers", "b:1", "group.id", "g", "key.converter", bytes, "value.converter", bytes,
            "offset.storage.topic", "o", "config.storage.topic", "c", "status.storage.topic", "s");
        Map<String, Set<String>> places = Map.of(
            "connector", union(new MirrorSourceConnector().config().names(), new MirrorCheckpointConnector().config().names(),
                new MirrorHeartbeatConnector().config().names(), SourceConnectorConfig.configDef().names()),
            "worker", new DistributedConfig(worker).values().keySet(),
            "consumer", ConsumerConfig.configNames(),
            "producer", ProducerConfig.configNames(),
            "admin", AdminClientConfig.configNames());
        places.forEach((place, names) -> new TreeSet<>(names).forEach(name -> OUT.println(place + " " + name)));
    }

    @SafeVarargs
    static Set<String> union(Set<String>... sets) {
        Set<String> all = new TreeSet<>();
        for (Set<String> set : sets) all.addAll(set);
        return all;
    }
}
