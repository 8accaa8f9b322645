// franz-go under torture: roles that run until they are told to end, and tell on standard output, as lines of JSON, what they do and what
// they are told. See test/torture/workload.ts.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

type job struct {
	Bootstrap string `json:"bootstrap"`
	// Timestamp of the first record of each role; each record's is one more.
	BaseMs int64  `json:"baseMs"`
	Roles  []role `json:"roles"`
}

type role struct {
	Kind       string `json:"kind"`
	Name       string `json:"name"`
	Topic      string `json:"topic"`
	Partitions int    `json:"partitions"`
	// Records a second, or transactions.
	PerSecond int    `json:"perSecond"`
	Group     string `json:"group"`
	To        string `json:"to"`
}

var (
	lock sync.Mutex
	out  = bufio.NewWriter(os.Stdout)
)

// tell writes an event; what is told before a request is sent has left this process by then.
func tell(event ...any) {
	line, _ := json.Marshal(event)
	lock.Lock()
	defer lock.Unlock()
	_, _ = out.Write(append(line, '\n'))
	_ = out.Flush()
}

func trouble(name string, err error) {
	tell("trouble", name, err.Error())
}

// finish closes when nothing new shall be written, stop when readers shall end too.
var (
	finish = make(chan struct{})
	stop   = make(chan struct{})
)

func isOver(signal chan struct{}) bool {
	select {
	case <-signal:
		return true
	default:
		return false
	}
}

func options(j job) []kgo.Opt {
	return []kgo.Opt{
		kgo.SeedBrokers(strings.Split(j.Bootstrap, ",")...),
		kgo.FetchMaxWait(100 * time.Millisecond),
		kgo.MetadataMinAge(50 * time.Millisecond),
		kgo.RetryBackoffFn(func(int) time.Duration { return 50 * time.Millisecond }),
		kgo.RequestTimeoutOverhead(3 * time.Second),
		kgo.ProduceRequestTimeout(5 * time.Second),
		kgo.DialTimeout(2 * time.Second),
		kgo.SessionTimeout(6 * time.Second),
		kgo.HeartbeatInterval(500 * time.Millisecond),
		kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerLinger(5 * time.Millisecond),
	}
}

func client(j job, opts ...kgo.Opt) *kgo.Client {
	made, err := kgo.NewClient(append(options(j), opts...)...)
	if err != nil {
		panic(err)
	}
	return made
}

// pace lets through so many a second, until it is over.
func pace(perSecond int) bool {
	select {
	case <-finish:
		return false
	case <-time.After(time.Second / time.Duration(perSecond)):
		return true
	}
}

// record is the n-th of a role; whoever reads it can tell which it is and whether it is whole.
func record(j job, r role, n int) *kgo.Record {
	id := fmt.Sprintf("#%s:%d", r.Name, n)
	partition := int32(n % r.Partitions)
	return &kgo.Record{
		Topic:     r.Topic,
		Partition: partition,
		Key:       fmt.Appendf(nil, "k%d", partition),
		Value:     []byte(id + " " + strings.Repeat("x", n%500)),
		Timestamp: time.UnixMilli(j.BaseMs + int64(n)),
	}
}

func idOf(record *kgo.Record) string {
	return strings.SplitN(string(record.Value), " ", 2)[0]
}

func main() {
	var j job
	if err := json.Unmarshal([]byte(os.Args[1]), &j); err != nil {
		panic(err)
	}
	var writers, readers sync.WaitGroup
	for _, r := range j.Roles {
		switch r.Kind {
		case "produce":
			writers.Go(func() { produce(j, r) })
		case "transact":
			writers.Go(func() { transact(j, r) })
		case "consume":
			readers.Go(func() { consume(j, r) })
		case "transform":
			readers.Go(func() { transform(j, r) })
		default:
			panic("no such role: " + r.Kind)
		}
	}
	tell("started")
	lines := bufio.NewScanner(os.Stdin)
	lines.Scan()
	close(finish)
	writers.Wait()
	tell("finished")
	lines.Scan()
	close(stop)
	readers.Wait()
	tell("stopped")
}
