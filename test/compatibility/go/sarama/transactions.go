package main

import (
	"errors"
	"fmt"
	"sort"
	"time"

	"github.com/IBM/sarama"

	. "heliostat/compatibility/cases"
)

func committedOnly(config *sarama.Config) { config.Consumer.IsolationLevel = sarama.ReadCommitted }

func transactional(id string) setting {
	return func(config *sarama.Config) {
		config.Producer.Idempotent = true
		config.Net.MaxOpenRequests = 1
		config.Producer.Transaction.ID = id
		config.Producer.Transaction.Retry.Backoff = 20 * time.Millisecond
	}
}

func transactions(where Surroundings) {
	name := topic(where, "transactions", 1, nil)
	sender := producer(where, transactional(name))
	defer sender.Close()
	committed := []string{}
	for round := 0; round < 12; round++ {
		Must(sender.BeginTxn())
		told := numbered(4, func(i int) string { return fmt.Sprint("round ", round, " record ", i) })
		Must(sender.SendMessages(messages(name, told...)))
		if round%3 == 0 {
			Must(sender.AbortTxn())
		} else {
			Must(sender.CommitTxn())
			committed = append(committed, told...)
		}
	}
	Equal(committed, values(readAll(where, name, committedOnly)), "committed")
	Equal(48, len(readAll(where, name)), "written")
}

func zombie(where Surroundings) {
	name := topic(where, "zombie", 1, nil)
	old := producer(where, transactional(name))
	Must(old.BeginTxn())
	Must(old.SendMessages(messages(name, "old")))
	heir := producer(where, transactional(name))
	defer heir.Close()
	Must(heir.BeginTxn())
	Must(heir.SendMessages(messages(name, "new")))
	err := errors.Join(old.SendMessages(messages(name, "late")), old.CommitTxn())
	if err == nil {
		panic("the zombie was not fenced")
	}
	Must(heir.CommitTxn())
	Equal([]string{"new"}, values(readAll(where, name, committedOnly)), "committed")
}

// transform consumes, transforms and produces: offsets and results together or not at all.
func transform(where Surroundings) {
	from, to := topic(where, "transform-from", 1, nil), topic(where, "transform-to", 1, nil)
	send(where, from, numbered(40, func(i int) string { return fmt.Sprint(i) })...)
	sender := producer(where, transactional(to))
	defer sender.Close()
	position := int64(0)
	for round := 0; position < 40; round++ {
		read := readFrom(where.Bootstrap, from, position, 5)[:5]
		Must(sender.BeginTxn())
		for _, message := range read {
			_, _, err := sender.SendMessage(messages(to, string(message.Value)+" seen")[0])
			Must(err)
		}
		last := read[len(read)-1]
		Must(sender.AddMessageToTxn(last, from, nil))
		if round%3 == 1 {
			Must(sender.AbortTxn())
		} else {
			Must(sender.CommitTxn())
		}
		admin(where, func(adm sarama.ClusterAdmin) {
			offsets := Got(adm.ListConsumerGroupOffsets(from, map[string][]int32{from: {0}}))
			position = offsets.GetBlock(from, 0).Offset
		})
	}
	wanted := numbered(40, func(i int) string { return fmt.Sprint(i, " seen") })
	seen := values(readAll(where, to, committedOnly))
	sort.Strings(wanted)
	sort.Strings(seen)
	Equal(wanted, seen, "results, each once")
}
