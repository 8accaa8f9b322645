package main

import (
	"crypto/tls"
	"crypto/x509"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	. "heliostat/compatibility/cases"
)

func roundTrip(where Surroundings, name string, opts ...kgo.Opt) {
	name = topic(where, name, 1, nil)
	cl := client(where, opts...)
	defer cl.Close()
	sendWith(cl, name, "a", "b")
	Equal([]string{"a", "b"}, values(readAll(where, name, opts...)), "values")
}

func overTLS(where Surroundings) {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(where.TLS.CA))
	seeds := kgo.SeedBrokers(Seeds(where.TLS.Bootstrap)...)
	roundTrip(where, "tls", seeds, kgo.DialTLSConfig(&tls.Config{RootCAs: roots}))
	ctx, cancel := Within()
	defer cancel()
	if client(where, seeds, kgo.DialTLSConfig(&tls.Config{RootCAs: x509.NewCertPool()})).Ping(ctx) == nil {
		panic("a broker was trusted whose authority is unknown")
	}
}

func login(where Surroundings, name string, mechanism func(password string) sasl.Mechanism) {
	seeds := kgo.SeedBrokers(Seeds(where.SASL.Bootstrap)...)
	roundTrip(where, name, seeds, kgo.SASL(mechanism(where.SASL.Password)))
	ctx, cancel := Within()
	defer cancel()
	Fails(kerr.SaslAuthenticationFailed, client(where, seeds, kgo.SASL(mechanism("wrong"))).Ping(ctx))
}

func saslPlain(where Surroundings) {
	login(where, "plain", func(password string) sasl.Mechanism {
		return plain.Auth{User: where.SASL.User, Pass: password}.AsMechanism()
	})
}

func saslScram256(where Surroundings) {
	login(where, "scram-256", func(password string) sasl.Mechanism {
		return scram.Auth{User: where.SASL.User, Pass: password}.AsSha256Mechanism()
	})
}

func saslScram512(where Surroundings) {
	login(where, "scram-512", func(password string) sasl.Mechanism {
		return scram.Auth{User: where.SASL.User, Pass: password}.AsSha512Mechanism()
	})
}
