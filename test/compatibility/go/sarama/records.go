package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/IBM/sarama"

	. "heliostat/compatibility/cases"
)

func wholeRecords(where Surroundings) {
	name := topic(where, "whole-records", 1, nil)
	sender := producer(where)
	defer sender.Close()
	at := time.UnixMilli(1_700_000_000_000)
	headers := []sarama.RecordHeader{{Key: []byte("trace"), Value: []byte("abc")}, {Key: []byte("trace"), Value: []byte("def")}}
	for i, message := range []*sarama.ProducerMessage{
		{Key: sarama.StringEncoder("key"), Value: sarama.StringEncoder("value"), Headers: headers},
		{Value: sarama.StringEncoder("without a key")},
		{Key: sarama.StringEncoder("tombstone")},
	} {
		message.Topic, message.Timestamp = name, at.Add(time.Duration(i)*time.Millisecond)
		_, offset, err := sender.SendMessage(message)
		Must(err)
		Equal(int64(i), offset, "offset that was told")
	}
	seen := readFrom(where.Bootstrap, name, 0, 3)
	told := []string{}
	for _, one := range seen {
		told = append(told, fmt.Sprint(one.Offset, " ", one.Timestamp.UnixMilli(), " ", text(one.Key), " ", text(one.Value)))
	}
	wanted := []string{`0 1700000000000 "key" "value"`, `1 1700000000001 null "without a key"`, `2 1700000000002 "tombstone" null`}
	Equal(wanted, told, "records")
	told = []string{}
	for _, header := range seen[0].Headers {
		told = append(told, string(header.Key)+"="+string(header.Value))
	}
	Equal([]string{"trace=abc", "trace=def"}, told, "headers")
}

func acks(where Surroundings) {
	name := topic(where, "acks", 1, nil)
	for _, acks := range []sarama.RequiredAcks{sarama.NoResponse, sarama.WaitForLocal, sarama.WaitForAll} {
		sender := producer(where, func(config *sarama.Config) { config.Producer.RequiredAcks = acks })
		Must(sender.SendMessages(messages(name, numbered(10, func(i int) string { return fmt.Sprint(i) })...)))
		Must(sender.Close())
	}
	Soon(func() bool { return len(readAll(where, name)) == 30 }, "all thirty are there, also those that nobody acknowledged")
}

func codec(name string) func(Surroundings) {
	codecs := map[string]sarama.CompressionCodec{
		"none": sarama.CompressionNone, "gzip": sarama.CompressionGZIP, "snappy": sarama.CompressionSnappy,
		"lz4": sarama.CompressionLZ4, "zstd": sarama.CompressionZSTD,
	}
	return func(where Surroundings) {
		topic := topic(where, "codec-"+name, 1, nil)
		sender := producer(where, func(config *sarama.Config) { config.Producer.Compression = codecs[name] })
		defer sender.Close()
		wanted := numbered(200, func(i int) string { return fmt.Sprint(name, i, strings.Repeat(" filler", i%40)) })
		Must(sender.SendMessages(messages(topic, wanted...)))
		Equal(wanted, values(readFrom(where.Bootstrap, topic, 0, 200)), "values")
	}
}

func largeRecords(where Surroundings) {
	name := topic(where, "large-records", 1, nil)
	sender := producer(where, func(config *sarama.Config) { config.Producer.MaxMessageBytes = 3_000_000 })
	defer sender.Close()
	value := strings.Repeat("x", 900_000)
	Must(sender.SendMessages(messages(name, value)))
	_, _, err := sender.SendMessage(messages(name, value+value)[0])
	Fails(sarama.ErrMessageSizeTooLarge, err)
	Equal([]string{value}, values(readFrom(where.Bootstrap, name, 0, 1, func(config *sarama.Config) {
		config.Consumer.Fetch.Default = 1000
	})), "values")
}

func idempotent(where Surroundings) {
	name := topic(where, "idempotent", 1, nil)
	sender := producer(where, func(config *sarama.Config) {
		config.Producer.Idempotent = true
		config.Net.MaxOpenRequests = 1
		config.Producer.Flush.MaxMessages = 20
	})
	defer sender.Close()
	wanted := numbered(500, func(i int) string { return fmt.Sprint("record ", i) })
	Must(sender.SendMessages(messages(name, wanted...)))
	Equal(wanted, values(readFrom(where.Bootstrap, name, 0, 500)), "values")
}

func positions(where Surroundings) {
	name := topic(where, "positions", 1, nil)
	sender := producer(where)
	defer sender.Close()
	for i := 0; i < 10; i++ {
		message := messages(name, fmt.Sprint("v", i))[0]
		message.Timestamp = time.UnixMilli(int64(i)*1000 + 1)
		_, _, err := sender.SendMessage(message)
		Must(err)
	}
	Equal([]string{"v7", "v8", "v9"}, values(readFrom(where.Bootstrap, name, 7, 3)), "from offset 7")
	cl := Got(sarama.NewClient(Seeds(where.Bootstrap), config()))
	defer cl.Close()
	Equal(int64(4), Got(cl.GetOffset(name, 0, 3500)), "by time")
	Equal(int64(0), Got(cl.GetOffset(name, 0, sarama.OffsetOldest)), "beginning")
	Equal(int64(10), Got(cl.GetOffset(name, 0, sarama.OffsetNewest)), "end")
	reader := Got(sarama.NewConsumerFromClient(cl))
	_, err := reader.ConsumePartition(name, 0, 99)
	Fails(sarama.ErrOffsetOutOfRange, err)
}
