package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	. "heliostat/compatibility/cases"
)

func wholeRecords(where Surroundings) {
	name := topic(where, "whole-records", 1, nil)
	cl := client(where)
	defer cl.Close()
	ctx, cancel := Within()
	defer cancel()
	at := time.UnixMilli(1_700_000_000_000)
	headers := []kgo.RecordHeader{{Key: "trace", Value: []byte("abc")}, {Key: "trace", Value: []byte{}}, {Key: "none"}}
	Must(cl.ProduceSync(ctx,
		&kgo.Record{Topic: name, Key: []byte("key"), Value: []byte("value"), Timestamp: at, Headers: headers},
		&kgo.Record{Topic: name, Value: []byte{}, Timestamp: at.Add(time.Millisecond)},
		&kgo.Record{Topic: name, Key: []byte("tombstone"), Timestamp: at.Add(2 * time.Millisecond)},
	).FirstErr())
	seen := readAll(where, name)
	told := []string{}
	for _, record := range seen {
		told = append(told, fmt.Sprint(record.Offset, " ", record.Timestamp.UnixMilli(), " ", text(record.Key), " ", text(record.Value)))
	}
	Equal([]string{`0 1700000000000 "key" "value"`, `1 1700000000001 null ""`, `2 1700000000002 "tombstone" null`}, told, "records")
	told = []string{}
	for _, header := range seen[0].Headers {
		told = append(told, header.Key+"="+text(header.Value))
	}
	Equal([]string{`trace="abc"`, `trace=""`, `none=null`}, told, "headers")
}

func acks(where Surroundings) {
	name := topic(where, "acks", 1, nil)
	for _, acks := range []kgo.Acks{kgo.NoAck(), kgo.LeaderAck(), kgo.AllISRAcks()} {
		cl := client(where, kgo.RequiredAcks(acks), kgo.DisableIdempotentWrite())
		sendWith(cl, name, numbered(10, func(i int) string { return fmt.Sprint(i) })...)
		cl.Close()
	}
	Soon(func() bool { return len(readAll(where, name)) == 30 }, "all thirty are there, also those that nobody acknowledged")
}

func codec(name string) func(Surroundings) {
	codecs := map[string]kgo.CompressionCodec{
		"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(),
		"lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression(),
	}
	return func(where Surroundings) {
		name, codec := topic(where, "codec-"+name, 1, nil), codecs[name]
		cl := client(where, kgo.ProducerBatchCompression(codec), kgo.ProducerLinger(20*time.Millisecond))
		defer cl.Close()
		wanted := numbered(200, func(i int) string { return fmt.Sprint(name, i, strings.Repeat(" filler", i%40)) })
		sendWith(cl, name, wanted...)
		Equal(wanted, values(readAll(where, name)), "values")
	}
}

func largeRecords(where Surroundings) {
	name := topic(where, "large-records", 1, nil)
	cl := client(where, kgo.ProducerBatchMaxBytes(3_000_000), kgo.ProducerBatchCompression(kgo.NoCompression()))
	defer cl.Close()
	value := strings.Repeat("x", 900_000)
	sendWith(cl, name, value)
	ctx, cancel := Within()
	defer cancel()
	Fails(kerr.MessageTooLarge, cl.ProduceSync(ctx, records(name, value+value)...).FirstErr())
	// A record larger than the limits of the fetch is given all the same.
	Equal([]string{value}, values(readAll(where, name, kgo.FetchMaxBytes(1000), kgo.FetchMaxPartitionBytes(1000))), "values")
}

func idempotent(where Surroundings) {
	name := topic(where, "idempotent", 1, nil)
	cl := client(where, kgo.ProducerBatchMaxBytes(1000))
	defer cl.Close()
	wanted := numbered(1000, func(i int) string { return fmt.Sprint("record ", i) })
	sendWith(cl, name, wanted...)
	Equal(wanted, values(readAll(where, name)), "values")
}

func positions(where Surroundings) {
	name := topic(where, "positions", 1, nil)
	cl := client(where)
	defer cl.Close()
	ctx, cancel := Within()
	defer cancel()
	for i := 0; i < 10; i++ {
		record := &kgo.Record{Topic: name, Value: []byte(fmt.Sprint("v", i)), Timestamp: time.UnixMilli(int64(i) * 1000)}
		Must(cl.ProduceSync(ctx, record).FirstErr())
	}
	from := func(offset kgo.Offset, wanted int) []string {
		reader := client(where, kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{name: {0: offset}}))
		defer reader.Close()
		return values(poll(reader, wanted))
	}
	Equal([]string{"v7", "v8", "v9"}, from(kgo.NewOffset().At(7), 3), "from offset 7")
	Equal("v4", from(kgo.NewOffset().AfterMilli(3500), 6)[0], "by time")
	Equal([]string{"v8", "v9"}, from(kgo.NewOffset().AtEnd().Relative(-2), 2), "two before the end")
	Equal("v0", from(kgo.NewOffset().AtStart(), 10)[0], "from the start")
	strict := client(where,
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{name: {0: kgo.NewOffset().At(99)}}),
		kgo.ConsumeResetOffset(kgo.NoResetOffset()))
	defer strict.Close()
	Fails(kerr.OffsetOutOfRange, strict.PollFetches(ctx).Err())
}

func unknownTopic(where Surroundings) {
	cl := client(where, kgo.UnknownTopicRetries(1))
	defer cl.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
	defer cancel()
	Fails(kerr.UnknownTopicOrPartition, cl.ProduceSync(ctx, records("franz-nowhere", "x")...).FirstErr())
	Fails(kerr.InvalidTopicException, cl.ProduceSync(ctx, records("franz not a name", "x")...).FirstErr())
}
