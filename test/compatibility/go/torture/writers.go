package main

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// produce sends idempotently, without end to its retries, and tells of each record where it is.
func produce(j job, r role) {
	cl := client(j)
	defer cl.Close()
	for n := 0; pace(r.PerSecond); n++ {
		sent := record(j, r, n)
		id := idOf(sent)
		tell("send", r.Name, sent.Topic, sent.Partition, id)
		cl.Produce(context.Background(), sent, func(acked *kgo.Record, err error) {
			if err != nil {
				trouble(r.Name, err)
				return
			}
			tell("ack", id, acked.Offset)
		})
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := cl.Flush(ctx); err != nil {
		trouble(r.Name, err)
	}
}

const recordsPerTransaction = 6

// transact commits most of its transactions and aborts the others. After any error the next process takes over, under the same id.
func transact(j job, r role) {
	n := 0
	for turn := 0; !isOver(finish); {
		cl := client(j, kgo.TransactionalID(r.Name), kgo.TransactionTimeout(10*time.Second))
		for pace(r.PerSecond) {
			turn++
			if !oneTransaction(j, r, cl, turn, &n) {
				break
			}
		}
		cl.Close()
	}
}

func oneTransaction(j job, r role, cl *kgo.Client, turn int, n *int) bool {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := cl.BeginTransaction(); err != nil {
		trouble(r.Name, err)
		return false
	}
	tell("begin", r.Name, turn)
	aborts := turn%4 == 0
	results := make(chan error, recordsPerTransaction)
	for i := 0; i < recordsPerTransaction; i++ {
		sent := record(j, r, *n)
		*n++
		id := idOf(sent)
		tell("send", r.Name, sent.Topic, sent.Partition, id, turn)
		cl.Produce(ctx, sent, func(acked *kgo.Record, err error) {
			if err == nil {
				tell("ack", id, acked.Offset)
			}
			results <- err
		})
	}
	for i := 0; i < recordsPerTransaction; i++ {
		if err := <-results; err != nil {
			trouble(r.Name+" sends", err)
			aborts = true
		}
	}
	if aborts {
		tell("abort", r.Name, turn)
		if err := cl.EndTransaction(ctx, kgo.TryAbort); err != nil {
			trouble(r.Name+" aborts", err)
			return false
		}
		return true
	}
	tell("commit", r.Name, turn)
	if err := cl.EndTransaction(ctx, kgo.TryCommit); err != nil {
		trouble(r.Name+" commits", err)
		return false
	}
	tell("committed", r.Name, turn)
	return true
}
