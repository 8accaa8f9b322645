import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.Config;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.ConsumerGroupDescription;
import org.apache.kafka.clients.admin.CreateTopicsOptions;
import org.apache.kafka.clients.admin.DescribeClusterResult;
import org.apache.kafka.clients.admin.GroupListing;
import org.apache.kafka.clients.admin.ListOffsetsResult.ListOffsetsResultInfo;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.admin.ScramCredentialInfo;
import org.apache.kafka.clients.admin.ScramMechanism;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.clients.admin.UserScramCredentialDeletion;
import org.apache.kafka.clients.admin.UserScramCredentialUpsertion;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.GroupState;
import org.apache.kafka.common.TopicCollection;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.acl.AccessControlEntry;
import org.apache.kafka.common.acl.AclBinding;
import org.apache.kafka.common.acl.AclBindingFilter;
import org.apache.kafka.common.acl.AclOperation;
import org.apache.kafka.common.acl.AclPermissionType;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.GroupIdNotFoundException;
import org.apache.kafka.common.errors.GroupNotEmptyException;
import org.apache.kafka.common.errors.InvalidConfigurationException;
import org.apache.kafka.common.errors.InvalidPartitionsException;
import org.apache.kafka.common.errors.InvalidReplicationFactorException;
import org.apache.kafka.common.errors.InvalidTopicException;
import org.apache.kafka.common.errors.OffsetOutOfRangeException;
import org.apache.kafka.common.errors.ResourceNotFoundException;
import org.apache.kafka.common.errors.TopicExistsException;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;
import org.apache.kafka.common.quota.ClientQuotaAlteration;
import org.apache.kafka.common.quota.ClientQuotaEntity;
import org.apache.kafka.common.quota.ClientQuotaFilter;
import org.apache.kafka.common.quota.ClientQuotaFilterComponent;
import org.apache.kafka.common.resource.PatternType;
import org.apache.kafka.common.resource.ResourcePattern;
import org.apache.kafka.common.resource.ResourceType;

/** Administration. */
class AdminCases {
    static void addTo(Map<String, ClientCases.Case> cases) {
        cases.put("topics", AdminCases::topics);
        cases.put("configs", AdminCases::configs);
        cases.put("groups", AdminCases::groups);
        cases.put("delete-records", AdminCases::deleteRecords);
        cases.put("list-offsets", AdminCases::listOffsets);
        cases.put("cluster", AdminCases::cluster);
        cases.put("features", AdminCases::features);
        cases.put("acls", AdminCases::acls);
        cases.put("scram-users", AdminCases::scramUsers);
        cases.put("quotas", AdminCases::quotas);
        cases.put("new-protocol-admin", AdminCases::newGroups);
        cases.put("group-configs", AdminCases::groupConfigs);
    }

    static void topics() throws Exception {
        String topic = Clients.topic("topics", 2, "retention.ms", "1234567");
        try (Admin admin = Clients.admin()) {
            NewTopic again = new NewTopic(topic, 2, (short) 1);
            Expect.fails(TopicExistsException.class, () -> admin.createTopics(List.of(again)).all().get());
            Expect.fails(InvalidTopicException.class,
                () -> admin.createTopics(List.of(new NewTopic("java not a name", 1, (short) 1))).all().get());
            Expect.fails(InvalidReplicationFactorException.class,
                () -> admin.createTopics(List.of(new NewTopic("java-topics-rf", 1, (short) 7))).all().get());
            Expect.fails(InvalidPartitionsException.class,
                () -> admin.createTopics(List.of(new NewTopic("java-topics-none", 0, (short) 1))).all().get());
            admin.createTopics(List.of(new NewTopic("java-topics-only", 1, (short) 1)), new CreateTopicsOptions().validateOnly(true))
                .all().get();
            Set<String> names = admin.listTopics().names().get();
            Expect.that(names.contains(topic) && !names.contains("java-topics-only"), "lists what was made, and only that");
            TopicDescription described = admin.describeTopics(List.of(topic)).allTopicNames().get().get(topic);
            Expect.equal(topic, admin.describeTopics(TopicCollection.ofTopicIds(List.of(described.topicId()))).allTopicIds().get()
                .get(described.topicId()).name(), "described by id");
            admin.createPartitions(Map.of(topic, NewPartitions.increaseTo(5))).all().get();
            Expect.soon(
                () -> admin.describeTopics(List.of(topic)).allTopicNames().get().get(topic).partitions().size() == 5, "five partitions");
            Expect.fails(InvalidPartitionsException.class,
                () -> admin.createPartitions(Map.of(topic, NewPartitions.increaseTo(3))).all().get());
            admin.deleteTopics(List.of(topic)).all().get();
            Expect.soon(() -> !admin.listTopics().names().get().contains(topic), "deleted");
            Expect.fails(UnknownTopicOrPartitionException.class, () -> admin.deleteTopics(List.of(topic)).all().get());
            Expect.fails(UnknownTopicOrPartitionException.class, () -> admin.describeTopics(List.of(topic)).allTopicNames().get());
        }
    }

    static void configs() throws Exception {
        String topic = Clients.topic("configs", 1, "retention.ms", "1234567");
        ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, topic);
        try (Admin admin = Clients.admin()) {
            Config before = describe(admin, resource);
            Expect.equal(ConfigEntry.ConfigSource.DYNAMIC_TOPIC_CONFIG, before.get("retention.ms").source(), "source");
            Expect.equal(ConfigEntry.ConfigSource.DEFAULT_CONFIG, before.get("cleanup.policy").source(), "source of a default");
            alter(admin, resource, new ConfigEntry("cleanup.policy", "compact"), AlterConfigOp.OpType.SET);
            alter(admin, resource, new ConfigEntry("cleanup.policy", "delete"), AlterConfigOp.OpType.APPEND);
            alter(admin, resource, new ConfigEntry("retention.ms", ""), AlterConfigOp.OpType.DELETE);
            Expect.soon(() -> {
                Config after = describe(admin, resource);
                return after.get("cleanup.policy").value().equals("compact,delete")
                    && after.get("retention.ms").value().equals("604800000");
            }, "set, extended and reset");
            Expect.fails(InvalidConfigurationException.class,
                () -> alter(admin, resource, new ConfigEntry("cleanup.policy", "shred"), AlterConfigOp.OpType.SET));
            Expect.fails(InvalidConfigurationException.class,
                () -> alter(admin, resource, new ConfigEntry("no.such.config", "1"), AlterConfigOp.OpType.SET));
        }
    }

    static Config describe(Admin admin, ConfigResource resource) throws Exception {
        return admin.describeConfigs(List.of(resource)).all().get().get(resource);
    }

    static Void alter(Admin admin, ConfigResource resource, ConfigEntry entry, AlterConfigOp.OpType how) throws Exception {
        return admin.incrementalAlterConfigs(Map.of(resource, List.of(new AlterConfigOp(entry, how)))).all().get();
    }

    static void groups() throws Exception {
        String topic = Clients.topic("groups", 2);
        Clients.send(topic, "a", "b", "c");
        TopicPartition partition = new TopicPartition(topic, 0);
        try (Admin admin = Clients.admin()) {
            Member member = new Member(topic, topic, GroupCases.FAST);
            Member.share(2, List.of(member));
            Expect.soon(() -> member.seen.size() == 3, "three records");
            ConsumerGroupDescription described = admin.describeConsumerGroups(List.of(topic)).all().get().get(topic);
            Expect.equal(GroupState.STABLE, described.groupState(), "state");
            Expect.equal("range", described.partitionAssignor(), "assignor");
            Expect.equal(2, described.members().iterator().next().assignment().topicPartitions().size(), "partitions of its member");
            Expect.fails(GroupNotEmptyException.class, () -> admin.deleteConsumerGroups(List.of(topic)).all().get());
            member.leave();
            Expect.soon(
                () -> admin.describeConsumerGroups(List.of(topic)).all().get().get(topic).groupState() == GroupState.EMPTY, "empty");
            Collection<GroupListing> listed = admin.listGroups().all().get();
            GroupListing own = listed.stream().filter(group -> group.groupId().equals(topic)).findFirst().get();
            Expect.equal("consumer", own.protocol(), "protocol");
            Map<TopicPartition, OffsetAndMetadata> offsets =
                admin.listConsumerGroupOffsets(topic).partitionsToOffsetAndMetadata().get();
            Expect.equal(3L, offsets.values().stream().mapToLong(OffsetAndMetadata::offset).sum(), "committed");
            admin.alterConsumerGroupOffsets(topic, Map.of(partition, new OffsetAndMetadata(1))).all().get();
            Expect.equal(1L, admin.listConsumerGroupOffsets(topic).partitionsToOffsetAndMetadata().get().get(partition).offset(),
                "altered");
            admin.deleteConsumerGroupOffsets(topic, Set.of(partition)).all().get();
            Expect.equal(null, admin.listConsumerGroupOffsets(topic).partitionsToOffsetAndMetadata().get().get(partition),
                "deleted offset");
            admin.deleteConsumerGroups(List.of(topic)).all().get();
            Expect.fails(GroupIdNotFoundException.class, () -> admin.deleteConsumerGroups(List.of(topic)).all().get());
            Expect.fails(GroupIdNotFoundException.class, () -> admin.describeConsumerGroups(List.of(topic)).all().get());
        }
    }

    static void deleteRecords() throws Exception {
        String topic = Clients.topic("delete-records", 1);
        TopicPartition partition = new TopicPartition(topic, 0);
        Clients.send(topic, "a", "b", "c");
        try (Admin admin = Clients.admin()) {
            Expect.equal(2L, admin.deleteRecords(Map.of(partition, RecordsToDelete.beforeOffset(2))).lowWatermarks().get(partition)
                .get().lowWatermark(), "low watermark");
            Expect.equal(List.of("c"), Clients.values(Clients.readAll(topic)), "what is left");
            Expect.fails(OffsetOutOfRangeException.class,
                () -> admin.deleteRecords(Map.of(partition, RecordsToDelete.beforeOffset(9))).all().get());
            admin.deleteRecords(Map.of(partition, RecordsToDelete.beforeOffset(-1))).all().get();
            Expect.equal(List.of(), Clients.values(Clients.readAll(topic)), "all deleted");
        }
    }

    static void listOffsets() throws Exception {
        String topic = Clients.topic("list-offsets", 1);
        TopicPartition partition = new TopicPartition(topic, 0);
        try (KafkaProducer<String, String> producer = Clients.producer(); Admin admin = Clients.admin()) {
            for (long time : List.of(1000L, 3000L, 2000L)) producer.send(new ProducerRecord<>(topic, 0, time, null, "x")).get();
            Expect.equal(0L, offset(admin, partition, OffsetSpec.earliest()).offset(), "earliest");
            Expect.equal(3L, offset(admin, partition, OffsetSpec.latest()).offset(), "latest");
            ListOffsetsResultInfo max = offset(admin, partition, OffsetSpec.maxTimestamp());
            Expect.equal(List.of(1L, 3000L), List.of(max.offset(), max.timestamp()), "the greatest time");
            Expect.equal(1L, offset(admin, partition, OffsetSpec.forTimestamp(1500)).offset(), "by time");
            Expect.equal(-1L, offset(admin, partition, OffsetSpec.forTimestamp(3001)).offset(), "after all");
            Expect.equal(0L, offset(admin, partition, OffsetSpec.earliestLocal()).offset(), "earliest local");
            Expect.equal(-1L, offset(admin, partition, OffsetSpec.latestTiered()).offset(), "latest tiered");
        }
    }

    static ListOffsetsResultInfo offset(Admin admin, TopicPartition partition, OffsetSpec spec) throws Exception {
        return admin.listOffsets(Map.of(partition, spec)).partitionResult(partition).get();
    }

    static void cluster() throws Exception {
        try (Admin admin = Clients.admin()) {
            DescribeClusterResult described = admin.describeCluster();
            Expect.that(described.clusterId().get().matches("[\\w-]{22}"), "cluster id");
            Expect.equal(Clients.surroundings.get("brokers").asInt(), described.nodes().get().size(), "nodes");
            int node = described.nodes().get().iterator().next().id();
            Expect.that(described.nodes().get().contains(described.controller().get()), "the controller is one of them");
            Expect.equal(1, admin.describeLogDirs(List.of(node)).allDescriptions().get().get(node).size(), "log directories");
            Config config = describe(admin, new ConfigResource(ConfigResource.Type.BROKER, "" + node));
            Expect.equal("1", config.get("num.partitions").value(), "num.partitions");
        }
    }

    static void features() throws Exception {
        try (Admin admin = Clients.admin()) {
            var features = admin.describeFeatures().featureMetadata().get();
            Expect.equal((short) 2, features.finalizedFeatures().get("transaction.version").maxVersionLevel(), "transaction.version");
            Expect.equal((short) 1, features.finalizedFeatures().get("group.version").maxVersionLevel(), "group.version");
        }
    }

    static void acls() throws Exception {
        AclBinding binding = new AclBinding(
            new ResourcePattern(ResourceType.TOPIC, "java-acls-", PatternType.PREFIXED),
            new AccessControlEntry("User:java-alice", "*", AclOperation.READ, AclPermissionType.ALLOW));
        try (Admin admin = Clients.admin()) {
            admin.createAcls(List.of(binding)).all().get();
            AclBindingFilter filter = binding.toFilter();
            Expect.soon(() -> List.of(binding).equals(List.copyOf(admin.describeAcls(filter).values().get())), "described");
            AclBindingFilter matching = new AclBindingFilter(
                new org.apache.kafka.common.resource.ResourcePatternFilter(ResourceType.TOPIC, "java-acls-x", PatternType.MATCH),
                org.apache.kafka.common.acl.AccessControlEntryFilter.ANY);
            Expect.that(admin.describeAcls(matching).values().get().contains(binding), "found by a name that it covers");
            Expect.equal(List.of(binding), List.copyOf(admin.deleteAcls(List.of(filter)).all().get()), "deleted");
            Expect.soon(() -> admin.describeAcls(filter).values().get().isEmpty(), "gone");
        }
    }

    static void scramUsers() throws Exception {
        ScramCredentialInfo info = new ScramCredentialInfo(ScramMechanism.SCRAM_SHA_256, 4096);
        String user = "java-scram-user";
        try (Admin admin = Clients.admin()) {
            admin.alterUserScramCredentials(List.of(new UserScramCredentialUpsertion(user, info, "secret"))).all().get();
            Expect.soon(() -> admin.describeUserScramCredentials(List.of(user)).description(user).get().credentialInfos()
                .equals(List.of(info)), "described");
            admin.alterUserScramCredentials(List.of(new UserScramCredentialDeletion(user, ScramMechanism.SCRAM_SHA_256))).all().get();
            Expect.fails(ResourceNotFoundException.class, () -> {
                for (int i = 0; i < 100; i++) {
                    admin.describeUserScramCredentials(List.of(user)).description(user).get();
                    Thread.sleep(25);
                }
                return null;
            });
        }
    }

    static void quotas() throws Exception {
        ClientQuotaEntity entity = new ClientQuotaEntity(Map.of(ClientQuotaEntity.CLIENT_ID, "java-quotas"));
        ClientQuotaFilter filter = ClientQuotaFilter.containsOnly(
            List.of(ClientQuotaFilterComponent.ofEntity(ClientQuotaEntity.CLIENT_ID, "java-quotas")));
        try (Admin admin = Clients.admin()) {
            set(admin, entity, 20_000.0);
            Expect.soon(() -> Map.of(entity, Map.of("producer_byte_rate", 20_000.0))
                .equals(admin.describeClientQuotas(filter).entities().get()), "described");
            String topic = Clients.topic("quotas", 1);
            try (KafkaProducer<String, String> producer = Clients.producer("client.id", "java-quotas", "batch.size", "1000")) {
                for (int i = 0; i < 300; i++) producer.send(new ProducerRecord<>(topic, "x".repeat(1000)));
                producer.flush();
                double throttled = producer.metrics().entrySet().stream()
                    .filter(entry -> entry.getKey().name().equals("produce-throttle-time-max"))
                    .mapToDouble(entry -> (double) entry.getValue().metricValue()).max().getAsDouble();
                Expect.that(throttled > 0, "the producer was throttled");
            }
            set(admin, entity, null);
            Expect.soon(() -> admin.describeClientQuotas(filter).entities().get().isEmpty(), "removed");
        }
    }

    static void set(Admin admin, ClientQuotaEntity entity, Double rate) throws Exception {
        ClientQuotaAlteration.Op change = new ClientQuotaAlteration.Op("producer_byte_rate", rate);
        admin.alterClientQuotas(List.of(new ClientQuotaAlteration(entity, List.of(change)))).all().get();
    }

    static void newGroups() throws Exception {
        String topic = Clients.topic("new-admin", 2);
        try (Admin admin = Clients.admin()) {
            Member member = new Member(topic, topic, GroupCases.NEW);
            Member.share(2, List.of(member));
            Expect.soon(() -> {
                ConsumerGroupDescription described = admin.describeConsumerGroups(List.of(topic)).all().get().get(topic);
                return described.type().toString().equals("Consumer") && described.groupState() == GroupState.STABLE
                    && described.partitionAssignor().equals("uniform")
                    && described.members().iterator().next().assignment().topicPartitions().size() == 2;
            }, "described");
            GroupListing own =
                admin.listGroups().all().get().stream().filter(group -> group.groupId().equals(topic)).findFirst().get();
            Expect.equal("Consumer", own.type().get().toString(), "type");
            member.leave();
            Expect.soon(() -> {
                admin.deleteConsumerGroups(List.of(topic)).all().get();
                return true;
            }, "deleted");
        }
    }

    static void groupConfigs() throws Exception {
        ConfigResource resource = new ConfigResource(ConfigResource.Type.GROUP, "java-group-configs");
        try (Admin admin = Clients.admin()) {
            alter(admin, resource, new ConfigEntry("consumer.session.timeout.ms", "2500"), AlterConfigOp.OpType.SET);
            Expect.soon(() -> describe(admin, resource).get("consumer.session.timeout.ms").value().equals("2500"), "altered");
            Expect.fails(InvalidConfigurationException.class,
                () -> alter(admin, resource, new ConfigEntry("consumer.session.timeout.ms", "no"), AlterConfigOp.OpType.SET));
        }
    }
}
