package main

import (
	"context"
	"errors"
	"fmt"
	"sort"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	. "heliostat/compatibility/cases"
)

var committedOnly = kgo.FetchIsolationLevel(kgo.ReadCommitted())

func transactions(where Surroundings) {
	name := topic(where, "transactions", 1, nil)
	cl := client(where, kgo.TransactionalID(name))
	defer cl.Close()
	ctx, cancel := Within()
	defer cancel()
	committed := []string{}
	for round := 0; round < 12; round++ {
		Must(cl.BeginTransaction())
		told := numbered(4, func(i int) string { return fmt.Sprint("round ", round, " record ", i) })
		sendWith(cl, name, told...)
		commits := kgo.TransactionEndTry(round%3 != 0)
		if commits {
			committed = append(committed, told...)
		}
		Must(cl.EndTransaction(ctx, commits))
	}
	Equal(committed, values(readAll(where, name, committedOnly)), "committed")
	Equal(48, len(readAll(where, name)), "written")
}

func zombie(where Surroundings) {
	name := topic(where, "zombie", 1, nil)
	ctx, cancel := Within()
	defer cancel()
	old, heir := client(where, kgo.TransactionalID(name)), client(where, kgo.TransactionalID(name))
	defer old.Close()
	defer heir.Close()
	Must(old.BeginTransaction())
	sendWith(old, name, "old")
	Must(heir.BeginTransaction())
	sendWith(heir, name, "new")
	err := old.ProduceSync(ctx, records(name, "late")...).FirstErr()
	if err == nil {
		err = old.EndTransaction(ctx, kgo.TryCommit)
	}
	if !errors.Is(err, kerr.InvalidProducerEpoch) && !errors.Is(err, kerr.ProducerFenced) {
		panic(fmt.Sprint("the zombie was not fenced: ", err))
	}
	Must(heir.EndTransaction(ctx, kgo.TryCommit))
	Equal([]string{"new"}, values(readAll(where, name, committedOnly)), "committed")
}

// transform consumes, transforms and produces: offsets and results together or not at all.
func transform(where Surroundings) {
	from, to := topic(where, "transform-from", 2, nil), topic(where, "transform-to", 1, nil)
	send(where, from, numbered(40, func(i int) string { return fmt.Sprint(i) })...)
	ctx, cancel := Within()
	defer cancel()
	committed := 0
	for attempt := 0; committed < 40; attempt++ {
		session := Got(kgo.NewGroupTransactSession(append(grouped(from, from),
			kgo.SeedBrokers(Seeds(where.Bootstrap)...), kgo.TransactionalID(to), committedOnly, kgo.RequireStableFetchOffsets(),
			kgo.FetchMaxWait(100*time.Millisecond))...))
		// Every other process dies in the middle of a transaction.
		for round := 0; committed < 40 && round < 3; round++ {
			polled, stop := context.WithTimeout(ctx, 10*time.Second)
			fetches := session.PollRecords(polled, 5)
			stop()
			Must(fetches.Err())
			Must(session.Begin())
			for _, record := range fetches.Records() {
				session.Produce(ctx, &kgo.Record{Topic: to, Value: append(record.Value, " seen"...)}, nil)
			}
			gives := round == 2 && attempt%2 == 0
			done := Got(session.End(ctx, kgo.TransactionEndTry(!gives)))
			if done {
				committed += fetches.NumRecords()
			} else if gives {
				break
			}
		}
		session.Close()
	}
	wanted := numbered(40, func(i int) string { return fmt.Sprint(i, " seen") })
	seen := values(readAll(where, to, committedOnly))
	sort.Strings(wanted)
	sort.Strings(seen)
	Equal(wanted, seen, "results, each once")
}

func transactionAdmin(where Surroundings) {
	name := topic(where, "transaction-admin", 1, nil)
	cl := client(where, kgo.TransactionalID(name))
	defer cl.Close()
	Must(cl.BeginTransaction())
	sendWith(cl, name, "x")
	admin(where, func(ctx context.Context, adm *kadm.Client) {
		described := Got(adm.DescribeTransactions(ctx, name))[name]
		Equal("Ongoing", described.State, "state")
		Equal(true, described.Topics.Lookup(name, 0), "partition")
		listed := Got(adm.ListTransactions(ctx, nil, []string{"Ongoing"}))
		Equal(name, listed[name].TxnID, "listed")
		set := kadm.TopicsSet{}
		set.Add(name, 0)
		producers := Got(adm.DescribeProducers(ctx, set))
		for _, producer := range producers[name].Partitions[0].ActiveProducers {
			Equal(described.ProducerID, producer.ProducerID, "producer id")
			Equal(int64(0), producer.CurrentTxnStartOffset, "start of the transaction")
		}
		Equal(1, len(producers[name].Partitions[0].ActiveProducers), "producers")
		Must(cl.EndTransaction(ctx, kgo.TryAbort))
		Soon(func() bool { return Got(adm.DescribeTransactions(ctx, name))[name].State == "CompleteAbort" }, "aborted")
	})
}
