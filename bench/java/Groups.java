// Sets or reads committed offsets of consumer groups.
//   Groups set  BOOTSTRAP TOPIC GROUP=OFFSET,OFFSET,… …     one offset a partition
//   Groups read BOOTSTRAP TOPIC PARTITIONS GROUP …          prints GROUP=OFFSET,OFFSET,… with -1 where there is none
import java.util.HashMap;
import java.util.Map;
import java.util.Properties;
import java.util.StringJoiner;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;

public class Groups {
    public static void main(String[] args) throws Exception {
        Properties config = new Properties();
        config.put("bootstrap.servers", args[1]);
        try (Admin admin = Admin.create(config)) {
            if (args[0].equals("set")) for (int i = 3; i < args.length; i++) set(admin, args[2], args[i]);
            else for (int i = 4; i < args.length; i++) read(admin, args[2], Integer.parseInt(args[3]), args[i]);
        }
    }

    static void set(Admin admin, String topic, String line) throws Exception {
        String[] parts = line.split("=");
        String[] offsets = parts[1].split(",");
        Map<TopicPartition, OffsetAndMetadata> wanted = new HashMap<>();
        for (int partition = 0; partition < offsets.length; partition++) {
            wanted.put(new TopicPartition(topic, partition), new OffsetAndMetadata(Long.parseLong(offsets[partition])));
        }
        admin.alterConsumerGroupOffsets(parts[0], wanted).all().get();
    }

    static void read(Admin admin, String topic, int partitions, String group) throws Exception {
        Map<TopicPartition, OffsetAndMetadata> found =
            admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get();
        StringJoiner offsets = new StringJoiner(",");
        for (int partition = 0; partition < partitions; partition++) {
            OffsetAndMetadata offset = found.get(new TopicPartition(topic, partition));
            offsets.add(offset == null ? "-1" : Long.toString(offset.offset()));
        }
        System.out.println(group + "=" + offsets);
    }
}
