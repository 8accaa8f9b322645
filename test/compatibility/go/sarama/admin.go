package main

import (
	"crypto/tls"
	"crypto/x509"
	"slices"

	"github.com/IBM/sarama"

	. "heliostat/compatibility/cases"
)

func pointer[Value any](value Value) *Value { return &value }

func topics(where Surroundings) {
	name := topic(where, "topics", 2, nil)
	admin(where, func(adm sarama.ClusterAdmin) {
		one := &sarama.TopicDetail{NumPartitions: 1, ReplicationFactor: 1}
		Fails(sarama.ErrTopicAlreadyExists, adm.CreateTopic(name, one, false))
		Fails(sarama.ErrInvalidTopic, adm.CreateTopic("sarama not a name", one, false))
		Fails(sarama.ErrInvalidReplicationFactor, adm.CreateTopic("sarama-rf", &sarama.TopicDetail{NumPartitions: 1, ReplicationFactor: 7}, false))
		Must(adm.CreatePartitions(name, 5, nil, false))
		Soon(func() bool { return len(Got(adm.DescribeTopics([]string{name}))[0].Partitions) == 5 }, "five partitions")
		Fails(sarama.ErrInvalidPartitions, adm.CreatePartitions(name, 3, nil, false))
		Must(adm.DeleteTopic(name))
		Soon(func() bool {
			_, there := Got(adm.ListTopics())[name]
			return !there
		}, "deleted")
		Fails(sarama.ErrUnknownTopicOrPartition, adm.DeleteTopic(name))
	})
}

func configs(where Surroundings) {
	name := topic(where, "configs", 1, map[string]*string{"retention.ms": pointer("1234567")})
	admin(where, func(adm sarama.ClusterAdmin) {
		read := func() map[string]string {
			told := map[string]string{}
			for _, entry := range Got(adm.DescribeConfig(sarama.ConfigResource{Type: sarama.TopicResource, Name: name})) {
				told[entry.Name] = entry.Value
			}
			return told
		}
		Equal("1234567", read()["retention.ms"], "retention.ms")
		alter := func(entries map[string]sarama.IncrementalAlterConfigsEntry) error {
			return adm.IncrementalAlterConfig(sarama.TopicResource, name, entries, false)
		}
		Must(alter(map[string]sarama.IncrementalAlterConfigsEntry{
			"cleanup.policy": {Operation: sarama.IncrementalAlterConfigsOperationSet, Value: pointer("compact")},
			"retention.ms":   {Operation: sarama.IncrementalAlterConfigsOperationDelete},
		}))
		Soon(func() bool {
			now := read()
			return now["cleanup.policy"] == "compact" && now["retention.ms"] == "604800000"
		}, "set and reset")
		Fails(sarama.ErrInvalidConfig, alter(map[string]sarama.IncrementalAlterConfigsEntry{
			"cleanup.policy": {Operation: sarama.IncrementalAlterConfigsOperationSet, Value: pointer("shred")},
		}))
	})
}

func groups(where Surroundings) {
	name := topic(where, "groups", 2, nil)
	send(where, name, "a", "b", "c")
	m := join(where, name, name)
	share(2, m)
	Soon(func() bool { return len(m.values()) == 3 }, "three records")
	admin(where, func(adm sarama.ClusterAdmin) {
		described := Got(adm.DescribeConsumerGroups([]string{name}))[0]
		Equal("Stable", described.State, "state")
		Equal(1, len(described.Members), "members")
		Fails(sarama.ErrNonEmptyGroup, adm.DeleteConsumerGroup(name))
		m.leave()
		Soon(func() bool { return Got(adm.DescribeConsumerGroups([]string{name}))[0].State == "Empty" }, "empty")
		Equal("consumer", Got(adm.ListConsumerGroups())[name], "protocol type")
		offsets := Got(adm.ListConsumerGroupOffsets(name, map[string][]int32{name: {0, 1}}))
		sum := int64(0)
		for partition := int32(0); partition < 2; partition++ {
			sum += max(0, offsets.GetBlock(name, partition).Offset)
		}
		Equal(int64(3), sum, "committed")
		Must(adm.DeleteConsumerGroupOffset(name, name, 0))
		Must(adm.DeleteConsumerGroup(name))
		Fails(sarama.ErrGroupIDNotFound, adm.DeleteConsumerGroup(name))
	})
}

func deleteRecords(where Surroundings) {
	name := topic(where, "delete-records", 1, nil)
	send(where, name, "a", "b", "c")
	admin(where, func(adm sarama.ClusterAdmin) {
		Must(adm.DeleteRecords(name, map[int32]int64{0: 2}))
		Equal([]string{"c"}, values(readFrom(where.Bootstrap, name, sarama.OffsetOldest, 1)), "what is left")
		if adm.DeleteRecords(name, map[int32]int64{0: 9}) == nil {
			panic("deleted beyond the end")
		}
	})
}

func listOffsets(where Surroundings) {
	name := topic(where, "list-offsets", 1, nil)
	send(where, name, "a", "b", "c")
	admin(where, func(adm sarama.ClusterAdmin) {
		at := func(time int64) int64 {
			listed := Got(adm.ListOffsets(map[string]map[int32]int64{name: {0: time}}, nil))[name][0]
			return listed.Offset
		}
		Equal(int64(0), at(sarama.OffsetOldest), "beginning")
		Equal(int64(3), at(sarama.OffsetNewest), "end")
		Equal(int64(0), at(1), "by time")
	})
}

func cluster(where Surroundings) {
	admin(where, func(adm sarama.ClusterAdmin) {
		brokers, controller, err := adm.DescribeCluster()
		Must(err)
		Equal(where.Brokers, len(brokers), "brokers")
		isController := func(broker *sarama.Broker) bool { return broker.ID() == controller }
		Equal(true, slices.ContainsFunc(brokers, isController), "the controller is one of them")
		Equal(1, len(Got(adm.DescribeLogDirs([]int32{controller}))), "log directories")
	})
}

func acls(where Surroundings) {
	admin(where, func(adm sarama.ClusterAdmin) {
		resource := sarama.Resource{ResourceType: sarama.AclResourceTopic, ResourceName: "sarama-acls-", ResourcePatternType: sarama.AclPatternPrefixed}
		rule := sarama.Acl{Principal: "User:sarama-alice", Host: "*", Operation: sarama.AclOperationRead, PermissionType: sarama.AclPermissionAllow}
		Must(adm.CreateACL(resource, rule))
		filter := sarama.AclFilter{
			Version: 1, ResourceType: sarama.AclResourceTopic, ResourceName: pointer("sarama-acls-"),
			ResourcePatternTypeFilter: sarama.AclPatternPrefixed, Operation: sarama.AclOperationAny, PermissionType: sarama.AclPermissionAny,
		}
		Soon(func() bool { return len(Got(adm.ListAcls(filter))) == 1 }, "described")
		Equal(rule, *Got(adm.ListAcls(filter))[0].Acls[0], "rule")
		Equal(1, len(Got(adm.DeleteACL(filter, false))), "deleted")
		Soon(func() bool { return len(Got(adm.ListAcls(filter))) == 0 }, "gone")
	})
}

func scramUsers(where Surroundings) {
	admin(where, func(adm sarama.ClusterAdmin) {
		user := "sarama-scram-user"
		_, err := adm.UpsertUserScramCredentials([]sarama.AlterUserScramCredentialsUpsert{{
			Name: user, Mechanism: sarama.SCRAM_MECHANISM_SHA_512, Iterations: 4096, Salt: []byte("salt"), Password: []byte("secret"),
		}})
		Must(err)
		infos := func() int {
			described := Got(adm.DescribeUserScramCredentials([]string{user}))
			return len(described[0].CredentialInfos)
		}
		Soon(func() bool { return infos() == 1 }, "described")
		_, err = adm.DeleteUserScramCredentials([]sarama.AlterUserScramCredentialsDelete{{Name: user, Mechanism: sarama.SCRAM_MECHANISM_SHA_512}})
		Must(err)
		Soon(func() bool { return infos() == 0 }, "gone")
	})
}

func roundTrip(where Surroundings, name, address string, set setting) {
	name = topic(where, name, 1, nil)
	sender := Got(sarama.NewSyncProducer(Seeds(address), config(set)))
	defer sender.Close()
	Must(sender.SendMessages(messages(name, "a", "b")))
	Equal([]string{"a", "b"}, values(readFrom(address, name, 0, 2, set)), "values")
}

func refused(address string, set setting) {
	_, err := sarama.NewClient(Seeds(address), config(set, func(config *sarama.Config) { config.Metadata.Retry.Max = 0 }))
	if err == nil {
		panic("was let in")
	}
}

func overTLS(where Surroundings) {
	trusting := func(roots *x509.CertPool) setting {
		return func(config *sarama.Config) {
			config.Net.TLS.Enable = true
			config.Net.TLS.Config = &tls.Config{RootCAs: roots}
		}
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(where.TLS.CA))
	roundTrip(where, "tls", where.TLS.Bootstrap, trusting(roots))
	refused(where.TLS.Bootstrap, trusting(x509.NewCertPool()))
}

func saslPlain(where Surroundings) {
	login := func(password string) setting {
		return func(config *sarama.Config) {
			config.Net.SASL.Enable = true
			config.Net.SASL.User = where.SASL.User
			config.Net.SASL.Password = password
		}
	}
	roundTrip(where, "plain", where.SASL.Bootstrap, login(where.SASL.Password))
	refused(where.SASL.Bootstrap, login("wrong"))
}
