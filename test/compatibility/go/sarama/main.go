// sarama as a program of named cases.
package main

import "heliostat/compatibility/cases"

func main() {
	cases.Run(cases.Cases{
		"whole-records":         wholeRecords,
		"acks":                  acks,
		"codec-none":            codec("none"),
		"codec-gzip":            codec("gzip"),
		"codec-snappy":          codec("snappy"),
		"codec-lz4":             codec("lz4"),
		"codec-zstd":            codec("zstd"),
		"large-records":         largeRecords,
		"idempotent":            idempotent,
		"positions":             positions,
		"resume":                resume,
		"eager-rebalance":       eagerRange,
		"eager-round-robin":     eagerRoundRobin,
		"cooperative-rebalance": cooperative,
		"transactions":          transactions,
		"zombie":                zombie,
		"transform":             transform,
		"topics":                topics,
		"configs":               configs,
		"groups":                groups,
		"delete-records":        deleteRecords,
		"list-offsets":          listOffsets,
		"cluster":               cluster,
		"acls":                  acls,
		"scram-users":           scramUsers,
		"tls":                   overTLS,
		"sasl-plain":            saslPlain,
	})
}
