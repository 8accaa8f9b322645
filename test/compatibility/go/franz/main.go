// franz-go as a program of named cases.
package main

import "heliostat/compatibility/cases"

func main() {
	cases.Run(cases.Cases{
		"whole-records":          wholeRecords,
		"acks":                   acks,
		"codec-none":             codec("none"),
		"codec-gzip":             codec("gzip"),
		"codec-snappy":           codec("snappy"),
		"codec-lz4":              codec("lz4"),
		"codec-zstd":             codec("zstd"),
		"large-records":          largeRecords,
		"idempotent":             idempotent,
		"positions":              positions,
		"unknown-topic":          unknownTopic,
		"resume":                 resume,
		"eager-rebalance":        eager,
		"cooperative-rebalance":  cooperative,
		"static-member":          staticMember,
		"pattern":                pattern,
		"new-protocol-rebalance": newProtocol,
		"transactions":           transactions,
		"zombie":                 zombie,
		"transform":              transform,
		"transaction-admin":      transactionAdmin,
		"topics":                 topics,
		"configs":                configs,
		"groups":                 groups,
		"delete-records":         deleteRecords,
		"list-offsets":           listOffsets,
		"cluster":                cluster,
		"acls":                   acls,
		"scram-users":            scramUsers,
		"quotas":                 quotas,
		"tls":                    overTLS,
		"sasl-plain":             saslPlain,
		"sasl-scram-256":         saslScram256,
		"sasl-scram-512":         saslScram512,
	})
}
