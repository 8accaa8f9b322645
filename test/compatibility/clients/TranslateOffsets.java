import java.time.Duration;
import java.util.Map;
import org.apache.kafka.connect.mirror.RemoteClusterUtils;

/** Prints a group's translated offsets, as a Java application that fails over would find them. */
public class TranslateOffsets {
    public static void main(String[] args) throws Exception {
        Map<String, Object> properties = Map.of("bootstrap.servers", args[0]);
        RemoteClusterUtils.translateOffsets(properties, args[1], args[2], Duration.ofSeconds(20))
            .forEach((partition, offset) -> System.out.println(partition + " " + offset.offset()));
    }
}
