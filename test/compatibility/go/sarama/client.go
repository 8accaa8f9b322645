package main

import (
	"fmt"
	"time"

	"github.com/IBM/sarama"

	. "heliostat/compatibility/cases"
)

type setting func(*sarama.Config)

func config(settings ...setting) *sarama.Config {
	made := sarama.NewConfig()
	made.Version = sarama.V4_0_0_0
	made.ClientID = "sarama"
	made.Producer.Return.Successes = true
	made.Producer.RequiredAcks = sarama.WaitForAll
	made.Consumer.Return.Errors = true
	made.Consumer.MaxWaitTime = 100 * time.Millisecond
	made.Consumer.Offsets.Initial = sarama.OffsetOldest
	made.Consumer.Group.Session.Timeout = 3 * time.Second
	made.Consumer.Group.Heartbeat.Interval = 300 * time.Millisecond
	made.Metadata.AllowAutoTopicCreation = false
	for _, set := range settings {
		set(made)
	}
	return made
}

func admin(where Surroundings, does func(adm sarama.ClusterAdmin)) {
	adm := Got(sarama.NewClusterAdmin(Seeds(where.Bootstrap), config()))
	defer adm.Close()
	does(adm)
}

// topic makes one that is named after the case.
func topic(where Surroundings, name string, partitions int32, entries map[string]*string) string {
	name = "sarama-" + name
	admin(where, func(adm sarama.ClusterAdmin) {
		Must(adm.CreateTopic(name, &sarama.TopicDetail{NumPartitions: partitions, ReplicationFactor: BrokerDefault, ConfigEntries: entries}, false))
		Soon(func() bool {
			listed, err := adm.DescribeTopics([]string{name})
			return err == nil && listed[0].Err == sarama.ErrNoError && len(listed[0].Partitions) == int(partitions)
		}, name+" is known")
	})
	return name
}

func producer(where Surroundings, settings ...setting) sarama.SyncProducer {
	return Got(sarama.NewSyncProducer(Seeds(where.Bootstrap), config(settings...)))
}

func numbered(count int, text func(i int) string) []string {
	made := []string{}
	for i := 0; i < count; i++ {
		made = append(made, text(i))
	}
	return made
}

func messages(topic string, values ...string) []*sarama.ProducerMessage {
	made := []*sarama.ProducerMessage{}
	for _, value := range values {
		made = append(made, &sarama.ProducerMessage{Topic: topic, Value: sarama.StringEncoder(value)})
	}
	return made
}

func send(where Surroundings, topic string, values ...string) {
	sender := producer(where)
	defer sender.Close()
	Must(sender.SendMessages(messages(topic, values...)))
}

// readFrom reads this many messages of partition 0.
func readFrom(address, topic string, offset int64, wanted int, settings ...setting) []*sarama.ConsumerMessage {
	reader := Got(sarama.NewConsumer(Seeds(address), config(settings...)))
	defer reader.Close()
	partition := Got(reader.ConsumePartition(topic, 0, offset))
	defer partition.Close()
	seen := []*sarama.ConsumerMessage{}
	late := time.After(20 * time.Second)
	for len(seen) < wanted {
		select {
		case message := <-partition.Messages():
			seen = append(seen, message)
		case err := <-partition.Errors():
			panic(err)
		case <-late:
			panic(fmt.Sprint("read ", len(seen), " of ", wanted, " messages of ", topic))
		}
	}
	return seen
}

// readAll reads what partition 0 has now; the last record must be one that readers see.
func readAll(where Surroundings, topic string, settings ...setting) []*sarama.ConsumerMessage {
	cl := Got(sarama.NewClient(Seeds(where.Bootstrap), config()))
	defer cl.Close()
	end := Got(cl.GetOffset(topic, 0, sarama.OffsetNewest))
	reader := Got(sarama.NewConsumerFromClient(Got(sarama.NewClient(Seeds(where.Bootstrap), config(settings...)))))
	defer reader.Close()
	partition := Got(reader.ConsumePartition(topic, 0, sarama.OffsetOldest))
	defer partition.Close()
	seen := []*sarama.ConsumerMessage{}
	for {
		select {
		case message := <-partition.Messages():
			seen = append(seen, message)
			if message.Offset == end-1 {
				return seen
			}
		case err := <-partition.Errors():
			panic(err)
		case <-time.After(3 * time.Second):
			// What is left is aborted, or a marker.
			return seen
		}
	}
}

func values(seen []*sarama.ConsumerMessage) []string {
	told := []string{}
	for _, message := range seen {
		told = append(told, string(message.Value))
	}
	return told
}

func text(bytes []byte) string {
	if bytes == nil {
		return "null"
	}
	return fmt.Sprintf("%q", bytes)
}
