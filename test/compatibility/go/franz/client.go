package main

import (
	"context"
	"fmt"
	"sort"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	. "heliostat/compatibility/cases"
)

func client(where Surroundings, opts ...kgo.Opt) *kgo.Client {
	base := []kgo.Opt{
		kgo.SeedBrokers(Seeds(where.Bootstrap)...),
		kgo.FetchMaxWait(100 * time.Millisecond),
		kgo.MetadataMinAge(50 * time.Millisecond),
		kgo.RecordRetries(10),
	}
	return Got(kgo.NewClient(append(base, opts...)...))
}

// topic makes one that is named after the case.
func topic(where Surroundings, name string, partitions int32, settings map[string]*string) string {
	name = "franz-" + name
	cl := client(where)
	defer cl.Close()
	adm := kadm.NewClient(cl)
	ctx, cancel := Within()
	defer cancel()
	created := Got(adm.CreateTopic(ctx, partitions, BrokerDefault, settings, name))
	Must(created.Err)
	Soon(func() bool {
		listed, err := adm.ListTopics(ctx, name)
		return err == nil && len(listed[name].Partitions) == int(partitions) && listed.Error() == nil
	}, name+" is known")
	return name
}

func records(topic string, values ...string) []*kgo.Record {
	made := []*kgo.Record{}
	for _, value := range values {
		made = append(made, &kgo.Record{Topic: topic, Value: []byte(value)})
	}
	return made
}

func numbered(count int, text func(i int) string) []string {
	made := []string{}
	for i := 0; i < count; i++ {
		made = append(made, text(i))
	}
	return made
}

func send(where Surroundings, topic string, values ...string) {
	cl := client(where)
	defer cl.Close()
	sendWith(cl, topic, values...)
}

func sendWith(cl *kgo.Client, topic string, values ...string) {
	ctx, cancel := Within()
	defer cancel()
	Must(cl.ProduceSync(ctx, records(topic, values...)...).FirstErr())
}

// poll reads until there are as many records as wanted.
func poll(cl *kgo.Client, wanted int) []*kgo.Record {
	ctx, cancel := Within()
	defer cancel()
	seen := []*kgo.Record{}
	for len(seen) < wanted {
		fetches := cl.PollFetches(ctx)
		Must(fetches.Err())
		seen = append(seen, fetches.Records()...)
	}
	return seen
}

// readAll reads all there is now, in the order of partitions.
func readAll(where Surroundings, topic string, opts ...kgo.Opt) []*kgo.Record {
	base := []kgo.Opt{kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.KeepControlRecords()}
	cl := client(where, append(base, opts...)...)
	defer cl.Close()
	ctx, cancel := Within()
	defer cancel()
	ends := Got(kadm.NewClient(cl).ListEndOffsets(ctx, topic))
	left := map[int32]int64{}
	ends.Each(func(end kadm.ListedOffset) {
		if end.Offset > 0 {
			left[end.Partition] = end.Offset
		}
	})
	seen := []*kgo.Record{}
	for len(left) > 0 {
		fetches := cl.PollFetches(ctx)
		Must(fetches.Err())
		for _, record := range fetches.Records() {
			if record.Offset+1 >= left[record.Partition] {
				delete(left, record.Partition)
			}
			if !record.Attrs.IsControl() {
				seen = append(seen, record)
			}
		}
	}
	sort.SliceStable(seen, func(i, j int) bool { return seen[i].Partition < seen[j].Partition })
	return seen
}

func values(seen []*kgo.Record) []string {
	told := []string{}
	for _, record := range seen {
		told = append(told, string(record.Value))
	}
	return told
}

func admin(where Surroundings, does func(ctx context.Context, adm *kadm.Client)) {
	cl := client(where)
	defer cl.Close()
	ctx, cancel := Within()
	defer cancel()
	does(ctx, kadm.NewClient(cl))
}

func text(bytes []byte) string {
	if bytes == nil {
		return "null"
	}
	return fmt.Sprintf("%q", bytes)
}
