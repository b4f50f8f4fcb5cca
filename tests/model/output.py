"""The two kinds of line that the model writes, byte for byte as the engine must."""

import json
from datetime import datetime, timedelta, timezone

import xxhash

import rules

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
DURATIONS = ("since", "age", "dwell")
INSTANTS = ("first", "last")


def text_json(text):
    return json.dumps(text, ensure_ascii=False)


def time_json(second):
    return f'"{(EPOCH + timedelta(seconds=second)).strftime("%Y-%m-%dT%H:%M:%SZ")}"'


def decimal_json(value_e4):
    """20005000 -> 2000.5"""
    whole, fraction = divmod(abs(value_e4), 10_000)
    digits = f"{whole}.{fraction:04d}".rstrip("0").rstrip(".")
    return f"-{digits}" if value_e4 < 0 else digits


def value_json(metric, value):
    if metric.function == "in":
        return "true" if value else "false"
    if metric.function in DURATIONS:
        return str(value)
    return time_json(value) if metric.function in INSTANTS else decimal_json(value)


def object_json(pairs):
    """pairs: (key, JSON text)."""
    return "{" + ",".join(f"{text_json(key)}:{value}" for key, value in pairs) + "}"


def values_json(values):
    return object_json((metric.text, value_json(metric, value)) for metric, value in values)


def transition(customer, segment, states, second, cause, event_id, evidence):
    """states: (from, to); the customer's sequence is the transition's."""
    key = (customer.customer_id, str(customer.born), segment.name, str(customer.sequence))
    pairs = [
        ("id", text_json(xxhash.xxh3_128_hexdigest("\0".join(key).encode()))),
        ("customer_id", text_json(customer.customer_id)),
        ("sequence", str(customer.sequence)),
        ("segment", text_json(segment.name)),
        ("from", text_json(states[0])),
        ("to", text_json(states[1])),
        ("at", time_json(second)),
        ("cause", text_json(cause)),
        ("cause_event_id", text_json(event_id)),
        ("evidence", values_json(evidence)),
        ("rules_version", text_json(customer.rules.version)),
        ("holdout", "true" if rules.held_out(segment, customer.customer_id) else "false"),
    ]
    return object_json(pair for pair in pairs if pair[0] != "cause_event_id" or event_id)


def state(customer, metrics):
    return object_json(
        [
            ("customer_id", text_json(customer.customer_id)),
            ("born", time_json(customer.born)),
            ("clock", time_json(customer.clock)),
            ("sequence", str(customer.sequence)),
            ("segments", object_json((name, text_json(to)) for name, to in customer.state.items())),
            ("metrics", values_json(metrics)),
        ]
    )
