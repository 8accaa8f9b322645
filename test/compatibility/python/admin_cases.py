"""Administration."""

from clients import Sender, admin, equal, fails, read_all, send, soon, topic, values
from confluent_kafka import ConsumerGroupState, ConsumerGroupTopicPartitions, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewPartitions,
    NewTopic,
    OffsetSpec,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialDeletion,
    UserScramCredentialUpsertion,
)
from group_cases import FAST, Member, share


def only(futures):
    """The result of the one thing that was asked for."""
    return next(iter(futures.values())).result()


def topics(where):
    name = topic(where, "topics", 2)
    client = admin(where)
    fails(KafkaError.TOPIC_ALREADY_EXISTS, lambda: only(client.create_topics([NewTopic(name, 2, 1)])))
    fails(KafkaError.TOPIC_EXCEPTION, lambda: only(client.create_topics([NewTopic("confluent not a name", 1, 1)])))
    fails(KafkaError.INVALID_REPLICATION_FACTOR, lambda: only(client.create_topics([NewTopic("confluent-rf", 1, 7)])))
    only(client.create_partitions([NewPartitions(name, 5)]))
    soon(lambda: len(client.list_topics(name).topics[name].partitions) == 5, "five partitions")
    fails(KafkaError.INVALID_PARTITIONS, lambda: only(client.create_partitions([NewPartitions(name, 3)])))
    only(client.delete_topics([name]))
    soon(lambda: name not in client.list_topics().topics, "deleted")
    fails(KafkaError.UNKNOWN_TOPIC_OR_PART, lambda: only(client.delete_topics([name])))


def configs(where):
    name = topic(where, "configs", retention_ms="1234567")
    client = admin(where)

    def read():
        return {key: entry.value for key, entry in only(client.describe_configs([ConfigResource("topic", name)])).items()}

    def alter(key, value, how):
        entry = ConfigEntry(key, value, incremental_operation=how)
        only(client.incremental_alter_configs([ConfigResource("topic", name, incremental_configs=[entry])]))

    equal("1234567", read()["retention.ms"], "retention.ms")
    alter("cleanup.policy", "compact", AlterConfigOpType.SET)
    alter("cleanup.policy", "delete", AlterConfigOpType.APPEND)
    alter("retention.ms", None, AlterConfigOpType.DELETE)
    soon(lambda: (read()["cleanup.policy"], read()["retention.ms"]) == ("compact,delete", "604800000"), "set, extended, reset")
    fails(KafkaError.INVALID_CONFIG, lambda: alter("cleanup.policy", "shred", AlterConfigOpType.SET))


def groups(where):
    name = topic(where, "groups", 2)
    send(where, name, "a", "b", "c")
    client = admin(where)
    member = Member(where, name, name, FAST)
    share(2, [member])
    soon(lambda: len(member.seen) == 3, "three records")
    described = only(client.describe_consumer_groups([name]))
    equal(ConsumerGroupState.STABLE, described.state, "state")
    equal(2, len(described.members[0].assignment.topic_partitions), "partitions of its member")
    fails(KafkaError.NON_EMPTY_GROUP, lambda: only(client.delete_consumer_groups([name])))
    member.leave()
    soon(lambda: only(client.describe_consumer_groups([name])).state == ConsumerGroupState.EMPTY, "empty")
    listed = [group.group_id for group in client.list_consumer_groups().result().valid]
    equal(True, name in listed, "is listed")

    def offsets():
        told = only(client.list_consumer_group_offsets([ConsumerGroupTopicPartitions(name)]))
        return {partition.partition: partition.offset for partition in told.topic_partitions}

    equal(3, sum(offset for offset in offsets().values() if offset > 0), "committed")
    altered = ConsumerGroupTopicPartitions(name, [TopicPartition(name, 0, 1)])
    only(client.alter_consumer_group_offsets([altered]))
    equal(1, offsets()[0], "altered")
    only(client.delete_consumer_groups([name]))
    fails(KafkaError.GROUP_ID_NOT_FOUND, lambda: only(client.delete_consumer_groups([name])))


def delete_records(where):
    name = topic(where, "delete-records")
    send(where, name, "a", "b", "c")
    client = admin(where)
    equal(2, only(client.delete_records([TopicPartition(name, 0, 2)])).low_watermark, "low watermark")
    equal(["c"], values(read_all(where, name)), "what is left")
    fails(KafkaError.OFFSET_OUT_OF_RANGE, lambda: only(client.delete_records([TopicPartition(name, 0, 9)])))


def list_offsets(where):
    name = topic(where, "list-offsets")
    sender = Sender(where)
    for time in (1000, 3000, 2000):
        sender.send(name, "x", timestamp=time)
    client = admin(where)

    def offset(spec):
        return only(client.list_offsets({TopicPartition(name, 0): spec})).offset

    equal(0, offset(OffsetSpec.earliest()), "earliest")
    equal(3, offset(OffsetSpec.latest()), "latest")
    equal(1, offset(OffsetSpec.max_timestamp()), "the greatest time")
    equal(1, offset(OffsetSpec.for_timestamp(1500)), "by time")


def cluster(where):
    client = admin(where)
    described = client.describe_cluster().result()
    equal(22, len(described.cluster_id), "length of the cluster id")
    equal(where["brokers"], len(described.nodes), "nodes")
    equal(True, described.controller.id in [node.id for node in described.nodes], "the controller is one of them")


def acls(where):
    client = admin(where)
    binding = AclBinding(
        ResourceType.TOPIC,
        "confluent-acls-",
        ResourcePatternType.PREFIXED,
        "User:confluent-alice",
        "*",
        AclOperation.READ,
        AclPermissionType.ALLOW,
    )
    only(client.create_acls([binding]))
    like = AclBindingFilter(
        ResourceType.TOPIC,
        "confluent-acls-",
        ResourcePatternType.PREFIXED,
        None,
        None,
        AclOperation.ANY,
        AclPermissionType.ANY,
    )
    soon(lambda: client.describe_acls(like).result() == [binding], "described")
    equal([binding], only(client.delete_acls([like])), "deleted")
    soon(lambda: client.describe_acls(like).result() == [], "gone")


def scram_users(where):
    client = admin(where)
    user = "confluent-scram-user"
    info = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_256, 4096)
    only(client.alter_user_scram_credentials([UserScramCredentialUpsertion(user, info, b"secret")]))

    def described():
        try:
            told = only(client.describe_user_scram_credentials([user])).scram_credential_infos
            return [(one.mechanism, one.iterations) for one in told]
        except KafkaException:
            return []

    soon(lambda: described() == [(ScramMechanism.SCRAM_SHA_256, 4096)], "described")
    deletion = UserScramCredentialDeletion(user, ScramMechanism.SCRAM_SHA_256)
    only(client.alter_user_scram_credentials([deletion]))
    soon(lambda: described() == [], "gone")


CASES = {
    "topics": topics,
    "configs": configs,
    "groups": groups,
    "delete-records": delete_records,
    "list-offsets": list_offsets,
    "cluster": cluster,
    "acls": acls,
    "scram-users": scram_users,
}
