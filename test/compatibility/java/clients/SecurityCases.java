import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.common.errors.SaslAuthenticationException;
import org.apache.kafka.common.errors.SslAuthenticationException;
import org.apache.kafka.common.errors.TopicAuthorizationException;

/** Listeners that want to know who comes. */
class SecurityCases {
    static void addTo(Map<String, ClientCases.Case> cases) {
        cases.put("tls", SecurityCases::tls);
        cases.put("sasl-plain", () -> sasl("PLAIN", "org.apache.kafka.common.security.plain.PlainLoginModule"));
        cases.put("sasl-scram-256", () -> sasl("SCRAM-SHA-256", "org.apache.kafka.common.security.scram.ScramLoginModule"));
        cases.put("sasl-scram-512", () -> sasl("SCRAM-SHA-512", "org.apache.kafka.common.security.scram.ScramLoginModule"));
        cases.put("denied", SecurityCases::denied);
    }

    static void tls() throws Exception {
        JsonNode tls = Clients.surroundings.get("tls");
        Object[] trusting = {
            "bootstrap.servers", tls.get("bootstrap").asText(), "security.protocol", "SSL",
            "ssl.truststore.type", "PEM", "ssl.truststore.certificates", tls.get("ca").asText()};
        roundTrip("tls", trusting);
        Expect.fails(SslAuthenticationException.class, () -> nodes(
            "bootstrap.servers", tls.get("bootstrap").asText(), "security.protocol", "SSL", "default.api.timeout.ms", "5000",
            "request.timeout.ms", "5000"));
    }

    static void sasl(String mechanism, String module) throws Exception {
        JsonNode sasl = Clients.surroundings.get("sasl");
        roundTrip(mechanism.toLowerCase(), login(mechanism, module, sasl.get("user").asText(), sasl.get("password").asText()));
        Expect.fails(SaslAuthenticationException.class,
            () -> nodes(login(mechanism, module, sasl.get("user").asText(), "wrong")));
    }

    static Object[] login(String mechanism, String module, String user, String password) {
        return new Object[] {
            "bootstrap.servers", Clients.surroundings.get("sasl").get("bootstrap").asText(), "security.protocol", "SASL_PLAINTEXT",
            "sasl.mechanism", mechanism, "sasl.jaas.config",
            module + " required username=\"" + user + "\" password=\"" + password + "\";"};
    }

    /** Whoever has no right is told so, by every API that he uses. */
    static void denied() throws Exception {
        String topic = Clients.topic("denied", 1);
        JsonNode sasl = Clients.surroundings.get("sasl");
        Object[] stranger = login("PLAIN", "org.apache.kafka.common.security.plain.PlainLoginModule",
            sasl.get("stranger").asText(), sasl.get("password").asText());
        try (var producer = Clients.producer(stranger)) {
            Expect.fails(TopicAuthorizationException.class, () -> {
                Clients.send(producer, topic, "x");
                return null;
            });
        }
        try (var consumer = Clients.consumer(GroupCases.with(stranger, "group.id", topic))) {
            consumer.subscribe(List.of(topic));
            Expect.fails(org.apache.kafka.common.errors.AuthorizationException.class, () -> Clients.read(consumer, 1));
        }
        try (Admin admin = Clients.admin(stranger)) {
            Expect.fails(TopicAuthorizationException.class, () -> admin.deleteTopics(List.of(topic)).all().get());
            Expect.equal(java.util.Set.of(), admin.listTopics().names().get(), "topics that a stranger sees");
        }
    }

    static Object nodes(Object... settings) throws Exception {
        try (Admin admin = Clients.admin(settings)) {
            return admin.describeCluster().nodes().get();
        }
    }

    static void roundTrip(String name, Object[] settings) throws Exception {
        String topic = Clients.topic(name, 1);
        try (var producer = Clients.producer(settings)) {
            Clients.send(producer, topic, "a", "b");
        }
        Expect.equal(List.of("a", "b"), Clients.values(Clients.readAll(topic, settings)), "values");
    }
}
