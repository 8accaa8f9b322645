"""Listeners that want to know who comes."""

from clients import Sender, admin, equal, read_all, topic, values
from confluent_kafka import KafkaException


def round_trip(where, name, **more):
    made = topic(where, name)
    equal([], Sender(where, **more).send(made, "a", "b").errors, "errors")
    equal(["a", "b"], values(read_all(where, made, **more)), "values")


def refused(where, **more):
    try:
        admin(where, **more).list_topics(timeout=3)
    except KafkaException:
        return
    raise AssertionError("was let in")


def over_tls(where):
    base = {"bootstrap_servers": where["tls"]["bootstrap"], "security_protocol": "SSL"}
    round_trip(where, "tls", **base, ssl_ca_pem=where["tls"]["ca"])
    refused(where, **base)


def login(mechanism):
    def case(where):
        sasl = where["sasl"]
        base = {
            "bootstrap_servers": sasl["bootstrap"],
            "security_protocol": "SASL_PLAINTEXT",
            "sasl_mechanism": mechanism,
            "sasl_username": sasl["user"],
        }
        round_trip(where, mechanism.lower(), **base, sasl_password=sasl["password"])
        refused(where, **base, sasl_password="wrong")

    return case


CASES = {
    "tls": over_tls,
    "sasl-plain": login("PLAIN"),
    "sasl-scram-256": login("SCRAM-SHA-256"),
    "sasl-scram-512": login("SCRAM-SHA-512"),
}
