package main

import (
	"context"
	"fmt"
	"net"
	"sync"

	"github.com/IBM/sarama"

	. "heliostat/compatibility/cases"
)

// dialer lets the wire be cut.
type dialer struct{ *Wire }

func (d dialer) Dial(network, address string) (net.Conn, error) {
	return d.Wire.Dial(context.Background(), network, address)
}

// member consumes in a goroutine of its own.
type member struct {
	group sarama.ConsumerGroup
	wire  *Wire
	stop  context.CancelFunc
	done  chan struct{}
	lock  sync.Mutex
	owned map[int32]bool
	seen  []string
	// commits says whether what was seen is committed at once.
	commits bool
}

func (m *member) Setup(session sarama.ConsumerGroupSession) error   { return nil }
func (m *member) Cleanup(session sarama.ConsumerGroupSession) error { return nil }

func (m *member) ConsumeClaim(session sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	m.own(claim.Partition(), true)
	defer m.own(claim.Partition(), false)
	for {
		select {
		case message, ok := <-claim.Messages():
			if !ok {
				return nil
			}
			m.lock.Lock()
			m.seen = append(m.seen, string(message.Value))
			m.lock.Unlock()
			if m.commits {
				session.MarkMessage(message, "")
				session.Commit()
			}
		case <-session.Context().Done():
			return nil
		}
	}
}

func (m *member) own(partition int32, owns bool) {
	m.lock.Lock()
	defer m.lock.Unlock()
	if owns {
		m.owned[partition] = true
	} else {
		delete(m.owned, partition)
	}
}

func join(where Surroundings, group, topic string, settings ...setting) *member {
	wire := &Wire{}
	dials := func(config *sarama.Config) {
		config.Net.Proxy.Enable = true
		config.Net.Proxy.Dialer = dialer{wire}
		config.Consumer.Return.Errors = false
	}
	ctx, stop := context.WithCancel(context.Background())
	joined := Got(sarama.NewConsumerGroup(Seeds(where.Bootstrap), group, config(append(settings, dials)...)))
	m := &member{group: joined, wire: wire, stop: stop, done: make(chan struct{}), owned: map[int32]bool{}, commits: true}
	go func() {
		defer close(m.done)
		for ctx.Err() == nil {
			_ = joined.Consume(ctx, []string{topic}, m)
		}
	}()
	return m
}

func (m *member) leave() {
	m.stop()
	<-m.done
	_ = m.group.Close()
}

func (m *member) crash() {
	m.wire.Cut()
	m.stop()
}

func (m *member) values() []string {
	m.lock.Lock()
	defer m.lock.Unlock()
	return append([]string{}, m.seen...)
}

// share waits until these members, and they alone, share the partitions evenly.
func share(partitions int, members ...*member) {
	Soon(func() bool {
		all := map[int32]bool{}
		for _, m := range members {
			m.lock.Lock()
			owns := len(m.owned)
			for partition := range m.owned {
				all[partition] = true
			}
			m.lock.Unlock()
			if owns != partitions/len(members) {
				return false
			}
		}
		return len(all) == partitions
	}, fmt.Sprint(partitions, " partitions among ", len(members), " members"))
}

func resume(where Surroundings) {
	name := topic(where, "resume", 1, nil)
	send(where, name, "a", "b")
	first := join(where, name, name)
	Soon(func() bool { return len(first.values()) == 2 }, "two records")
	first.leave()
	send(where, name, "c")
	second := join(where, name, name)
	Soon(func() bool { return len(second.values()) == 1 }, "one record")
	Equal([]string{"c"}, second.values(), "what follows the commit")
	second.leave()
}

func rebalance(where Surroundings, name string, strategy sarama.BalanceStrategy) {
	name = topic(where, name, 6, nil)
	by := func(config *sarama.Config) {
		config.Consumer.Group.Rebalance.GroupStrategies = []sarama.BalanceStrategy{strategy}
	}
	members := []*member{}
	for i := 0; i < 3; i++ {
		members = append(members, join(where, name, name, by))
		share(6, members...)
	}
	members[0].leave()
	members = members[1:]
	share(6, members...)
	members = append(members, join(where, name, name, by))
	share(6, members...)
	members[0].crash()
	members = members[1:]
	share(6, members...)
	sender := producer(where, func(config *sarama.Config) { config.Producer.Partitioner = sarama.NewManualPartitioner })
	defer sender.Close()
	for i, message := range messages(name, numbered(60, func(i int) string { return fmt.Sprint("record ", i) })...) {
		message.Partition = int32(i % 6)
		_, _, err := sender.SendMessage(message)
		Must(err)
	}
	Soon(func() bool {
		all := map[string]bool{}
		for _, m := range members {
			for _, value := range m.values() {
				all[value] = true
			}
		}
		return len(all) == 60
	}, "every record is seen")
	for _, m := range members {
		m.leave()
	}
}

func eagerRange(where Surroundings) {
	rebalance(where, "eager-range", sarama.NewBalanceStrategyRange())
}

func eagerRoundRobin(where Surroundings) {
	rebalance(where, "eager-round-robin", sarama.NewBalanceStrategyRoundRobin())
}

func cooperative(where Surroundings) {
	rebalance(where, "cooperative", sarama.NewBalanceStrategyCooperativeSticky())
}
