package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	. "heliostat/compatibility/cases"
)

func fast() []kgo.Opt {
	return []kgo.Opt{kgo.SessionTimeout(3 * time.Second), kgo.HeartbeatInterval(300 * time.Millisecond)}
}

func grouped(group, topic string, opts ...kgo.Opt) []kgo.Opt {
	base := []kgo.Opt{kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart())}
	return append(append(base, fast()...), opts...)
}

// member polls in a goroutine of its own.
type member struct {
	cl      *kgo.Client
	wire    *Wire
	lock    sync.Mutex
	owned   map[int32]bool
	seen    []string
	revoked int
	assigns int
	err     error
}

func join(where Surroundings, group, topic string, opts ...kgo.Opt) *member {
	m := &member{wire: &Wire{}, owned: map[int32]bool{}}
	forget := func(_ context.Context, _ *kgo.Client, lost map[string][]int32) {
		m.lock.Lock()
		defer m.lock.Unlock()
		m.revoked += len(lost[topic])
		for _, partition := range lost[topic] {
			delete(m.owned, partition)
		}
	}
	base := []kgo.Opt{
		kgo.Dialer(m.wire.Dial),
		kgo.AutoCommitInterval(200 * time.Millisecond),
		kgo.OnPartitionsAssigned(func(_ context.Context, _ *kgo.Client, given map[string][]int32) {
			m.lock.Lock()
			defer m.lock.Unlock()
			m.assigns++
			for _, partition := range given[topic] {
				m.owned[partition] = true
			}
		}),
		kgo.OnPartitionsRevoked(func(ctx context.Context, cl *kgo.Client, lost map[string][]int32) {
			_ = cl.CommitUncommittedOffsets(ctx)
			forget(ctx, cl, lost)
		}),
		kgo.OnPartitionsLost(forget),
	}
	m.cl = client(where, grouped(group, topic, append(base, opts...)...)...)
	go func() {
		for {
			fetches := m.cl.PollFetches(context.Background())
			if fetches.IsClientClosed() {
				return
			}
			m.lock.Lock()
			for _, record := range fetches.Records() {
				m.seen = append(m.seen, string(record.Value))
			}
			m.lock.Unlock()
		}
	}()
	return m
}

func (m *member) partitions() []int32 {
	m.lock.Lock()
	defer m.lock.Unlock()
	own := []int32{}
	for partition := range m.owned {
		own = append(own, partition)
	}
	return own
}

func (m *member) leave() { m.cl.Close() }

func (m *member) crash() {
	m.wire.Cut()
	go m.cl.Close()
}

// share waits until these members, and they alone, share the partitions evenly.
func share(partitions int, members ...*member) {
	Soon(func() bool {
		all := map[int32]bool{}
		for _, m := range members {
			own := m.partitions()
			if len(own) != partitions/len(members) {
				return false
			}
			for _, partition := range own {
				all[partition] = true
			}
		}
		return len(all) == partitions
	}, fmt.Sprint(partitions, " partitions among ", len(members), " members"))
}

func resume(where Surroundings) {
	name := topic(where, "resume", 1, nil)
	send(where, name, "a", "b", "c")
	ctx, cancel := Within()
	defer cancel()
	first := client(where, grouped(name, name, kgo.DisableAutoCommit())...)
	seen := poll(first, 3)
	Must(first.CommitRecords(ctx, seen[0], seen[1]))
	first.Close()
	committed := kadm.NewClient(client(where))
	offset, _ := Got(committed.FetchOffsets(ctx, name)).Lookup(name, 0)
	Equal(int64(2), offset.At, "committed")
	committed.Close()
	second := client(where, grouped(name, name, kgo.DisableAutoCommit())...)
	defer second.Close()
	Equal([]string{"c"}, values(poll(second, 1)), "what follows the commit")
}

func rebalance(where Surroundings, name string, opts ...kgo.Opt) {
	name = topic(where, name, 6, nil)
	members := []*member{}
	for i := 0; i < 3; i++ {
		members = append(members, join(where, name, name, opts...))
		share(6, members...)
	}
	members[0].leave()
	members = members[1:]
	share(6, members...)
	members = append(members, join(where, name, name, opts...))
	share(6, members...)
	members[0].crash()
	members = members[1:]
	share(6, members...)

	cl := client(where, kgo.RecordPartitioner(kgo.ManualPartitioner()))
	defer cl.Close()
	ctx, cancel := Within()
	defer cancel()
	for i := 0; i < 60; i++ {
		record := &kgo.Record{Topic: name, Partition: int32(i % 6), Value: []byte(fmt.Sprint("record ", i))}
		cl.Produce(ctx, record, nil)
	}
	Must(cl.Flush(ctx))
	Soon(func() bool {
		all := map[string]int{}
		for _, m := range members {
			m.lock.Lock()
			for _, value := range m.seen {
				all[value]++
			}
			m.lock.Unlock()
		}
		return len(all) == 60
	}, "every record is seen")
	for _, m := range members {
		m.leave()
	}
}

func eager(where Surroundings) { rebalance(where, "eager", kgo.Balancers(kgo.RangeBalancer())) }

func cooperative(where Surroundings) {
	rebalance(where, "cooperative", kgo.Balancers(kgo.CooperativeStickyBalancer()))
}

// newProtocol asks for the group protocol of KIP-848, which this client hides behind a value of its context.
func newProtocol(where Surroundings) {
	ctx := context.WithValue(context.Background(), "opt_in_kafka_next_gen_balancer_beta", true) //nolint:staticcheck
	rebalance(where, "new-protocol", kgo.WithContext(ctx))
}

func staticMember(where Surroundings) {
	name := topic(where, "static-member", 4, nil)
	opts := func(id string) []kgo.Opt {
		return []kgo.Opt{kgo.InstanceID(id), kgo.SessionTimeout(20 * time.Second), kgo.Balancers(kgo.RangeBalancer())}
	}
	stays := join(where, name, name, opts("stays")...)
	returns := join(where, name, name, opts("returns")...)
	share(4, stays, returns)
	before := Set(returns.partitions())
	assigns := stays.assigns
	returns.crash()
	again := join(where, name, name, opts("returns")...)
	Soon(func() bool { return fmt.Sprint(Set(again.partitions())) == fmt.Sprint(before) }, "the same partitions as before")
	stays.lock.Lock()
	Equal(assigns, stays.assigns, "rebalances that the other member saw")
	stays.lock.Unlock()
	again.leave()
	stays.leave()
}

// Set is the partitions as a set.
func Set(partitions []int32) map[int32]bool {
	set := map[int32]bool{}
	for _, partition := range partitions {
		set[partition] = true
	}
	return set
}

func pattern(where Surroundings) {
	send(where, topic(where, "pattern-one", 1, nil), "a")
	cl := client(where, grouped("franz-pattern", "^franz-pattern-.*", kgo.ConsumeRegex(), kgo.MetadataMaxAge(500*time.Millisecond))...)
	defer cl.Close()
	Equal([]string{"a"}, values(poll(cl, 1)), "of the topic that was there")
	send(where, topic(where, "pattern-two", 1, nil), "b")
	Equal([]string{"b"}, values(poll(cl, 1)), "of the topic that came")
}
