// Kafka's Java clients under torture: roles that run until they are told to end, and tell on standard output, as lines of JSON, what they do
// and what they are told. See test/torture/workload.ts.
//   Torture JOB      (JSON)
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.producer.ProducerRecord;

public class Torture {
    static final ObjectMapper json = new ObjectMapper();
    static final PrintStream out = System.out;
    /** Open when nothing new shall be written, and when readers shall end too. */
    static final CountDownLatch finish = new CountDownLatch(1);
    static final CountDownLatch stop = new CountDownLatch(1);
    static JsonNode job;

    interface Work {
        void run() throws Exception;
    }

    public static void main(String[] args) throws Exception {
        job = json.readTree(args[0]);
        List<Thread> writers = new ArrayList<>();
        List<Thread> readers = new ArrayList<>();
        for (JsonNode node : job.get("roles")) {
            Role role = new Role(node);
            switch (role.kind) {
                case "produce" -> writers.add(started(role, () -> Writers.produce(role)));
                case "transact" -> writers.add(started(role, () -> Writers.transact(role)));
                case "consume" -> readers.add(started(role, () -> Readers.consume(role)));
                case "transform" -> readers.add(started(role, () -> Readers.transform(role)));
                default -> throw new IllegalArgumentException("no such role: " + role.kind);
            }
        }
        tell("started");
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
        lines.readLine();
        finish.countDown();
        for (Thread writer : writers) writer.join();
        tell("finished");
        lines.readLine();
        stop.countDown();
        for (Thread reader : readers) reader.join();
        tell("stopped");
        System.exit(0);
    }

    static Thread started(Role role, Work work) {
        Thread thread = new Thread(() -> {
            try {
                work.run();
            } catch (Throwable failure) {
                tell("broken", role.name, failure.toString());
            }
        }, role.name);
        thread.start();
        return thread;
    }

    /** What is told before a request is sent has left this process by then. */
    static synchronized void tell(Object... event) {
        try {
            out.println(json.writeValueAsString(event));
            out.flush();
        } catch (Exception impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    static void trouble(Role role, Exception failure) {
        tell("trouble", role.name, failure.toString());
    }

    static Map<String, Object> config(Object... settings) {
        Map<String, Object> config = new HashMap<>(Map.of(
            "bootstrap.servers", job.get("bootstrap").asText(),
            "enable.metrics.push", "false",
            "retry.backoff.ms", "50",
            "retry.backoff.max.ms", "200",
            "reconnect.backoff.ms", "50",
            "reconnect.backoff.max.ms", "200",
            "request.timeout.ms", "5000"));
        for (int i = 0; i < settings.length; i += 2) config.put((String) settings[i], settings[i + 1]);
        return config;
    }

    /** Lets through so many a second, until it is over. */
    static boolean pace(int perSecond) throws InterruptedException {
        return !finish.await(1_000_000 / perSecond, TimeUnit.MICROSECONDS);
    }

    static boolean isStopped() {
        return stop.getCount() == 0;
    }

    /** The n-th of a role; whoever reads it can tell which it is and whether it is whole. */
    static ProducerRecord<String, String> record(Role role, int n) {
        int partition = n % role.partitions;
        String value = "#" + role.name + ":" + n + " " + "x".repeat(n % 500);
        return new ProducerRecord<>(role.topic, partition, job.get("baseMs").asLong() + n, "k" + partition, value);
    }

    static String idOf(String value) {
        return value.substring(0, value.indexOf(' '));
    }

    static class Role {
        final String kind;
        final String name;
        final String topic;
        final int partitions;
        final int perSecond;
        final String group;
        final String protocol;
        final String to;

        Role(JsonNode node) {
            kind = node.get("kind").asText();
            name = node.get("name").asText();
            topic = node.get("topic").asText();
            partitions = node.path("partitions").asInt();
            perSecond = node.path("perSecond").asInt();
            group = node.path("group").asText();
            protocol = node.path("protocol").asText("classic");
            to = node.path("to").asText();
        }
    }
}
