package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	. "heliostat/compatibility/cases"
)

func pointer[Value any](value Value) *Value { return &value }

func topics(where Surroundings) {
	name := topic(where, "topics", 2, nil)
	admin(where, func(ctx context.Context, adm *kadm.Client) {
		_, err := adm.CreateTopic(ctx, 2, 1, nil, name)
		Fails(kerr.TopicAlreadyExists, err)
		_, err = adm.CreateTopic(ctx, 1, 7, nil, "franz-topics-rf")
		Fails(kerr.InvalidReplicationFactor, err)
		_, err = adm.CreateTopic(ctx, 1, 1, nil, "franz not a name")
		Fails(kerr.InvalidTopicException, err)
		Must(Got(adm.UpdatePartitions(ctx, 5, name)).Error())
		Soon(func() bool { return len(Got(adm.ListTopics(ctx, name))[name].Partitions) == 5 }, "five partitions")
		Fails(kerr.InvalidPartitions, Got(adm.UpdatePartitions(ctx, 3, name)).Error())
		Must(Got(adm.DeleteTopics(ctx, name)).Error())
		Soon(func() bool { return !Got(adm.ListTopics(ctx)).Has(name) }, "deleted")
		Fails(kerr.UnknownTopicOrPartition, Got(adm.DeleteTopics(ctx, name)).Error())
	})
}

func configs(where Surroundings) {
	name := topic(where, "configs", 1, map[string]*string{"retention.ms": pointer("1234567")})
	admin(where, func(ctx context.Context, adm *kadm.Client) {
		read := func() map[string]string {
			told := map[string]string{}
			for _, config := range Got(adm.DescribeTopicConfigs(ctx, name))[0].Configs {
				told[config.Key] = config.MaybeValue()
			}
			return told
		}
		Equal("1234567", read()["retention.ms"], "retention.ms")
		Must(Got(adm.AlterTopicConfigs(ctx, []kadm.AlterConfig{
			{Op: kadm.SetConfig, Name: "cleanup.policy", Value: pointer("compact")},
			{Op: kadm.DeleteConfig, Name: "retention.ms"},
		}, name))[0].Err)
		Soon(func() bool {
			now := read()
			return now["cleanup.policy"] == "compact" && now["retention.ms"] == "604800000"
		}, "set and reset")
		bad := []kadm.AlterConfig{{Op: kadm.SetConfig, Name: "cleanup.policy", Value: pointer("shred")}}
		Fails(kerr.InvalidConfig, Got(adm.AlterTopicConfigs(ctx, bad, name))[0].Err)
	})
}

func groups(where Surroundings) {
	name := topic(where, "groups", 2, nil)
	send(where, name, "a", "b", "c")
	m := join(where, name, name)
	share(2, m)
	admin(where, func(ctx context.Context, adm *kadm.Client) {
		Soon(func() bool {
			described := Got(adm.DescribeGroups(ctx, name))[name]
			return described.State == "Stable" && len(described.AssignedPartitions()[name]) == 2
		}, "described")
		_, err := adm.DeleteGroup(ctx, name)
		Fails(kerr.NonEmptyGroup, err)
		Soon(func() bool {
			m.lock.Lock()
			defer m.lock.Unlock()
			return len(m.seen) == 3
		}, "three records")
		m.leave()
		Soon(func() bool { return Got(adm.ListGroups(ctx))[name].State == "Empty" }, "empty")
		sum := int64(0)
		Got(adm.FetchOffsets(ctx, name)).Each(func(offset kadm.OffsetResponse) { sum += offset.At })
		Equal(int64(3), sum, "committed")
		offsets := kadm.Offsets{}
		offsets.AddOffset(name, 0, 1, -1)
		Must(Got(adm.CommitOffsets(ctx, name, offsets)).Error())
		altered, _ := Got(adm.FetchOffsets(ctx, name)).Lookup(name, 0)
		Equal(int64(1), altered.At, "altered")
		set := kadm.TopicsSet{}
		set.Add(name, 0)
		Must(Got(adm.DeleteOffsets(ctx, name, set)).Error())
		Got(adm.DeleteGroup(ctx, name))
		_, err = adm.DeleteGroup(ctx, name)
		Fails(kerr.GroupIDNotFound, err)
	})
}

func deleteRecords(where Surroundings) {
	name := topic(where, "delete-records", 1, nil)
	send(where, name, "a", "b", "c")
	admin(where, func(ctx context.Context, adm *kadm.Client) {
		offsets := kadm.Offsets{}
		offsets.AddOffset(name, 0, 2, -1)
		deleted, _ := Got(adm.DeleteRecords(ctx, offsets)).Lookup(name, 0)
		Equal(int64(2), deleted.LowWatermark, "low watermark")
		Equal([]string{"c"}, values(readAll(where, name)), "what is left")
		offsets.AddOffset(name, 0, 9, -1)
		deleted, _ = Got(adm.DeleteRecords(ctx, offsets)).Lookup(name, 0)
		Fails(kerr.OffsetOutOfRange, deleted.Err)
	})
}

func listOffsets(where Surroundings) {
	name := topic(where, "list-offsets", 1, nil)
	send(where, name, numbered(3, func(i int) string { return fmt.Sprint(i) })...)
	admin(where, func(ctx context.Context, adm *kadm.Client) {
		at := func(listed kadm.ListedOffsets, err error) int64 {
			Must(err)
			offset, _ := listed.Lookup(name, 0)
			Must(offset.Err)
			return offset.Offset
		}
		Equal(int64(0), at(adm.ListStartOffsets(ctx, name)), "start")
		Equal(int64(3), at(adm.ListEndOffsets(ctx, name)), "end")
		Equal(int64(3), at(adm.ListCommittedOffsets(ctx, name)), "committed")
		Equal(int64(0), at(adm.ListOffsetsAfterMilli(ctx, 1, name)), "by time")
		if max := at(adm.ListMaxTimestampOffsets(ctx, name)); max < 0 || max > 2 {
			panic(fmt.Sprint("the greatest time is at ", max))
		}
	})
}

func cluster(where Surroundings) {
	admin(where, func(ctx context.Context, adm *kadm.Client) {
		metadata := Got(adm.BrokerMetadata(ctx))
		Equal(22, len(metadata.Cluster), "length of the cluster id")
		Equal(where.Brokers, len(metadata.Brokers), "brokers")
		Equal(true, slices.Contains(metadata.Brokers.NodeIDs(), metadata.Controller), "the controller is one of them")
		Equal(where.Brokers, len(Got(adm.ApiVersions(ctx))), "versions of each broker")
		Equal(where.Brokers, len(Got(adm.DescribeAllLogDirs(ctx, nil))), "log directories of each broker")
	})
}

func acls(where Surroundings) {
	admin(where, func(ctx context.Context, adm *kadm.Client) {
		builder := func() *kadm.ACLBuilder {
			return kadm.NewACLs().Topics("franz-acls-").Allow("User:franz-alice").AllowHosts("*").
				Operations(kadm.OpRead, kadm.OpDescribe).ResourcePatternType(kadm.ACLPatternPrefixed)
		}
		for _, created := range Got(adm.CreateACLs(ctx, builder())) {
			Must(created.Err)
		}
		count := func() int {
			sum := 0
			for _, described := range Got(adm.DescribeACLs(ctx, builder())) {
				Must(described.Err)
				sum += len(described.Described)
			}
			return sum
		}
		Soon(func() bool { return count() == 2 }, "described")
		for _, deleted := range Got(adm.DeleteACLs(ctx, builder())) {
			Must(deleted.Err)
		}
		Soon(func() bool { return count() == 0 }, "gone")
	})
}

func scramUsers(where Surroundings) {
	admin(where, func(ctx context.Context, adm *kadm.Client) {
		user := "franz-scram-user"
		upsert := kadm.UpsertSCRAM{User: user, Mechanism: kadm.ScramSha256, Iterations: 4096, Password: "secret"}
		Must(Got(adm.AlterUserSCRAMs(ctx, nil, []kadm.UpsertSCRAM{upsert})).Error())
		Soon(func() bool {
			described := Got(adm.DescribeUserSCRAMs(ctx, user))[user]
			return described.Err == nil && len(described.CredInfos) == 1 && described.CredInfos[0].Iterations == 4096
		}, "described")
		deletion := kadm.DeleteSCRAM{User: user, Mechanism: kadm.ScramSha256}
		Must(Got(adm.AlterUserSCRAMs(ctx, []kadm.DeleteSCRAM{deletion}, nil)).Error())
		Soon(func() bool { return Got(adm.DescribeUserSCRAMs(ctx, user))[user].Err == kerr.ResourceNotFound }, "gone")
		again := Got(adm.AlterUserSCRAMs(ctx, []kadm.DeleteSCRAM{deletion}, nil))
		Fails(kerr.ResourceNotFound, again.Error())
	})
}

func quotas(where Surroundings) {
	admin(where, func(ctx context.Context, adm *kadm.Client) {
		entity := kadm.ClientQuotaEntity{{Type: "client-id", Name: pointer("franz-quotas")}}
		alter := func(op kadm.AlterClientQuotaOp) {
			for _, altered := range Got(adm.AlterClientQuotas(ctx, []kadm.AlterClientQuotaEntry{{Entity: entity, Ops: []kadm.AlterClientQuotaOp{op}}})) {
				Must(altered.Err)
			}
		}
		read := func() kadm.DescribedClientQuotas {
			filter := []kadm.DescribeClientQuotaComponent{{Type: "client-id", MatchName: pointer("franz-quotas"), MatchType: kmsg.QuotasMatchTypeExact}}
			return Got(adm.DescribeClientQuotas(ctx, true, filter))
		}
		alter(kadm.AlterClientQuotaOp{Key: "consumer_byte_rate", Value: 123456})
		Soon(func() bool {
			now := read()
			return len(now) == 1 && now[0].Values[0].Key == "consumer_byte_rate" && now[0].Values[0].Value == 123456
		}, "described")
		alter(kadm.AlterClientQuotaOp{Key: "consumer_byte_rate", Remove: true})
		Soon(func() bool { return len(read()) == 0 }, "removed")
	})
}
