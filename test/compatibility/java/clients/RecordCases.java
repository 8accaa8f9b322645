import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Future;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.NoOffsetForPartitionException;
import org.apache.kafka.clients.consumer.OffsetAndTimestamp;
import org.apache.kafka.clients.consumer.OffsetOutOfRangeException;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.InvalidTopicException;
import org.apache.kafka.common.errors.RecordTooLargeException;

/** Producing and consuming. */
class RecordCases {
    static void addTo(Map<String, ClientCases.Case> cases) {
        cases.put("whole-records", RecordCases::wholeRecords);
        cases.put("acks", RecordCases::acks);
        for (String codec : List.of("none", "gzip", "snappy", "lz4", "zstd")) cases.put("codec-" + codec, () -> codec(codec));
        cases.put("large-records", RecordCases::largeRecords);
        cases.put("idempotent", RecordCases::idempotent);
        cases.put("positions", RecordCases::positions);
        cases.put("unknown-topic", RecordCases::unknownTopic);
    }

    static void wholeRecords() throws Exception {
        String topic = Clients.topic("whole-records", 1);
        try (KafkaProducer<String, String> producer = Clients.producer()) {
            ProducerRecord<String, String> first = new ProducerRecord<>(topic, 0, 1_700_000_000_000L, "key", "value");
            first.headers().add("trace", "abc".getBytes()).add("trace", new byte[0]).add("none", null);
            RecordMetadata sent = producer.send(first).get();
            Expect.equal(0L, sent.offset(), "offset that was told");
            Expect.equal(1_700_000_000_000L, sent.timestamp(), "timestamp that was told");
            producer.send(new ProducerRecord<>(topic, 0, 1_700_000_000_001L, null, "")).get();
            producer.send(new ProducerRecord<>(topic, 0, 1_700_000_000_002L, "tombstone", (String) null)).get();
        }
        List<ConsumerRecord<String, String>> records = Clients.readAll(topic);
        List<String> seen = records.stream()
            .map(record -> record.offset() + " " + record.timestamp() + " " + record.key() + " " + record.value()).toList();
        Expect.equal(
            List.of("0 1700000000000 key value", "1 1700000000001 null ", "2 1700000000002 tombstone null"), seen, "records");
        List<String> headers = new ArrayList<>();
        records.get(0).headers().forEach(
            header -> headers.add(header.key() + "=" + (header.value() == null ? "null" : new String(header.value()))));
        Expect.equal(List.of("trace=abc", "trace=", "none=null"), headers, "headers");
    }

    static void acks() throws Exception {
        String topic = Clients.topic("acks", 1);
        for (String acks : List.of("0", "1", "all")) {
            try (KafkaProducer<String, String> producer = Clients.producer("acks", acks, "enable.idempotence", "false")) {
                for (int i = 0; i < 10; i++) producer.send(new ProducerRecord<>(topic, acks + " " + i));
                producer.flush();
            }
        }
        Expect.soon(() -> Clients.readAll(topic).size() == 30, "all thirty are there, also those that nobody acknowledged");
    }

    static void codec(String codec) throws Exception {
        String topic = Clients.topic("codec-" + codec, 1);
        List<String> values = new ArrayList<>();
        try (KafkaProducer<String, String> producer = Clients.producer("compression.type", codec, "linger.ms", "50")) {
            for (int i = 0; i < 200; i++) {
                values.add(codec + " " + i + " " + "filler ".repeat(i % 40));
                producer.send(new ProducerRecord<>(topic, values.get(i)));
            }
        }
        Expect.equal(values, Clients.values(Clients.readAll(topic)), "values");
    }

    static void largeRecords() throws Exception {
        String topic = Clients.topic("large-records", 1);
        String value = "x".repeat(900_000);
        try (KafkaProducer<String, String> producer = Clients.producer("max.request.size", "3000000", "buffer.memory", "8000000")) {
            producer.send(new ProducerRecord<>(topic, value)).get();
            Expect.fails(RecordTooLargeException.class, () -> producer.send(new ProducerRecord<>(topic, value.repeat(2))).get());
        }
        // A record larger than the limits of the fetch is given all the same.
        List<ConsumerRecord<String, String>> seen =
            Clients.readAll(topic, "max.partition.fetch.bytes", "1000", "fetch.max.bytes", "1000");
        Expect.equal(List.of(value), Clients.values(seen), "values");
    }

    static void idempotent() throws Exception {
        String topic = Clients.topic("idempotent", 1);
        List<String> values = new ArrayList<>();
        List<Future<RecordMetadata>> sent = new ArrayList<>();
        try (KafkaProducer<String, String> producer =
            Clients.producer("enable.idempotence", "true", "batch.size", "200", "max.in.flight.requests.per.connection", "5")) {
            for (int i = 0; i < 1000; i++) {
                values.add("record " + i);
                sent.add(producer.send(new ProducerRecord<>(topic, values.get(i))));
            }
        }
        for (int i = 0; i < sent.size(); i++) Expect.equal((long) i, sent.get(i).get().offset(), "offset that was told");
        Expect.equal(values, Clients.values(Clients.readAll(topic)), "values");
    }

    static void positions() throws Exception {
        String topic = Clients.topic("positions", 1);
        TopicPartition partition = new TopicPartition(topic, 0);
        try (KafkaProducer<String, String> producer = Clients.producer()) {
            for (int i = 0; i < 10; i++) producer.send(new ProducerRecord<>(topic, 0, 1000L * i, null, "v" + i)).get();
        }
        try (KafkaConsumer<String, String> consumer = Clients.consumer("auto.offset.reset", "none")) {
            consumer.assign(List.of(partition));
            Expect.fails(NoOffsetForPartitionException.class, () -> consumer.position(partition));
            consumer.seek(partition, 7);
            Expect.equal(List.of("v7", "v8", "v9"), Clients.values(Clients.read(consumer, 3)), "from offset 7");
            Map<TopicPartition, OffsetAndTimestamp> found = consumer.offsetsForTimes(Map.of(partition, 3500L));
            Expect.equal(4L, found.get(partition).offset(), "offset by time");
            Expect.equal(4000L, found.get(partition).timestamp(), "time of that offset");
            Expect.equal(null, consumer.offsetsForTimes(Map.of(partition, 99_999L)).get(partition), "offset after the last time");
            consumer.seek(partition, 4);
            Expect.equal("v4", Clients.read(consumer, 6).get(0).value(), "by time");
            Expect.equal(0L, consumer.beginningOffsets(List.of(partition)).get(partition), "beginning");
            Expect.equal(10L, consumer.endOffsets(List.of(partition)).get(partition), "end");
            consumer.seek(partition, 11);
            Expect.fails(OffsetOutOfRangeException.class, () -> Clients.read(consumer, 1));
        }
        try (KafkaConsumer<String, String> consumer = Clients.consumer("auto.offset.reset", "earliest")) {
            consumer.assign(List.of(partition));
            consumer.seek(partition, 99);
            Expect.equal("v0", Clients.read(consumer, 10).get(0).value(), "back to the beginning");
        }
    }

    static void unknownTopic() throws Exception {
        try (KafkaConsumer<String, String> consumer = Clients.consumer("allow.auto.create.topics", "false")) {
            Expect.equal(List.of(), consumer.partitionsFor("java-nowhere"), "partitions of a topic that is not there");
        }
        try (KafkaProducer<String, String> producer = Clients.producer()) {
            Expect.fails(InvalidTopicException.class, () -> producer.partitionsFor("java not a name"));
        }
    }
}
