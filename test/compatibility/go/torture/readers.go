package main

import (
	"context"
	"errors"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

var fromTheStart = kgo.ConsumeResetOffset(kgo.NewOffset().AtStart())
var committedOnly = kgo.FetchIsolationLevel(kgo.ReadCommitted())

// judge tells of errors; what was readable and is gone is more than trouble.
func judge(r role, fetches kgo.Fetches) {
	fetches.EachError(func(topic string, partition int32, err error) {
		if lost := (*kgo.ErrDataLoss)(nil); errors.As(err, &lost) {
			tell("wrong", r.Name, topic, partition, err.Error())
		} else if !errors.Is(err, context.DeadlineExceeded) {
			trouble(r.Name, err)
		}
	})
}

func poll(polls func(context.Context, int) kgo.Fetches, max int) kgo.Fetches {
	ctx, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond)
	defer cancel()
	return polls(ctx, max)
}

// consume is a member of a group that commits what it has told of.
func consume(j job, r role) {
	cl := client(j, kgo.ConsumerGroup(r.Group), kgo.ConsumeTopics(r.Topic), fromTheStart, committedOnly,
		kgo.DisableAutoCommit(), kgo.BlockRebalanceOnPoll())
	defer cl.Close()
	for !isOver(stop) {
		fetches := poll(cl.PollRecords, 500)
		judge(r, fetches)
		records := fetches.Records()
		for _, seen := range records {
			tell("seen", r.Group, seen.Topic, seen.Partition, seen.Offset, idOf(seen))
		}
		if len(records) > 0 {
			ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
			if err := cl.CommitRecords(ctx, records...); err != nil {
				trouble(r.Name, err)
			}
			cancel()
		}
		cl.AllowRebalance()
	}
}

// transform copies a topic to another, partition by partition: offsets and results together or not at all.
func transform(j job, r role) {
	for !isOver(stop) {
		transformFor(j, r)
	}
}

func transformFor(j job, r role) {
	session, err := kgo.NewGroupTransactSession(append([]kgo.Opt{
		kgo.ConsumerGroup(r.Group), kgo.ConsumeTopics(r.Topic), fromTheStart, committedOnly,
		kgo.RequireStableFetchOffsets(), kgo.TransactionalID(r.Name), kgo.TransactionTimeout(10 * time.Second),
	}, options(j)...)...)
	if err != nil {
		panic(err)
	}
	defer session.Close()
	for !isOver(stop) {
		sent := kgo.AbortingFirstErrPromise(session.Client())
		fetches := poll(session.PollRecords, 50)
		judge(r, fetches)
		records := fetches.Records()
		if len(records) == 0 {
			continue
		}
		if err := session.Begin(); err != nil {
			trouble(r.Name, err)
			return
		}
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		for _, seen := range records {
			session.Produce(ctx, &kgo.Record{
				Topic: r.To, Partition: seen.Partition, Key: seen.Key, Value: seen.Value, Timestamp: seen.Timestamp,
			}, sent.Promise())
		}
		failure := sent.Err()
		if failure != nil {
			trouble(r.Name+" sends", failure)
		}
		_, err := session.End(ctx, failure == nil)
		cancel()
		if err != nil {
			trouble(r.Name, err)
			return
		}
	}
}
