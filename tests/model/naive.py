#!/usr/bin/env python3
"""The naive model of Quintil: DESIGN 2 to 6 as a program that is too simple to be wrong.

It shares nothing with the engine: every metric is a sum over all raw events, made anew at each
evaluation; every number is a Python int; and where the engine computes the one second at which time
alone changes something, the model evaluates at every second at which anything could: each event's
time, and each change of state, plus every window and every duration (and one second more) that
stands in the rules. Evaluating at a second at which nothing changes has no effect (DESIGN 3).

    naive.py --rules R --orders F.. [--engagement F..] [--customers F..] [--to T] [--state F]
    naive.py --rules R --recorded F [--state F]

The first form is a replay: records sorted by (second, stream, line). The second applies records,
late ones too, in the order in which a running engine recorded them, one JSON object a line:

    {"merge_second": S, "stream": "orders", "event": {..canonical fields..}, "slice": 0}
    {"clock": T, "slice": 0}      deadlines up to T fire, of all customers if no slice is given

Both write transitions as NDJSON in the order (at, customer_id as bytes, sequence) on stdout.

    events.py      files -> events          expression.py  the rules' expressions
    history.py     booking and metrics      rules.py       the rule file
    customer.py    clock and evaluation     output.py      lines of JSON
"""

import argparse
import sys

import events
import rules as rule_file
from customer import Customer


class Model:
    def __init__(self, rules, make_customer=Customer):
        self.rules = rules
        self.make_customer = make_customer
        self.customers = {}
        self.slices = {}  # customer_id: slice of its first record

    def apply(self, event, merge_second, part=None):
        customer_id = event.customer_id
        customer = self.customers.get(customer_id) or self.make_customer(self.rules, customer_id)
        if customer.apply(event, merge_second):
            self.customers[customer_id] = customer
            self.slices.setdefault(customer_id, part)

    def fire(self, until, part=None):
        for customer in self.customers.values():
            if part is None or self.slices[customer.customer_id] == part:
                customer.fire(until)

    def transitions(self):
        keyed = [
            (at, customer.customer_id.encode(), sequence, line)
            for customer in self.customers.values()
            for at, sequence, line in customer.transitions
        ]
        return [row[-1] for row in sorted(keyed)]

    def states(self, second):
        customers = sorted(self.customers.values(), key=lambda customer: customer.customer_id.encode())
        return [customer.final_state(second) for customer in customers]


def replay(model, paths, to):
    """Returns the last clock."""
    records = events.read_replay(paths)
    last = to if to is not None else max((event.occurred_at for event in records), default=0)
    for event in records:
        if event.occurred_at <= last:
            model.apply(event, event.occurred_at)
    model.fire(last)
    return last


def apply_recorded(model, rows):
    """rows: as of events.read_recorded. Returns the last clock."""
    last = 0
    for row in rows:
        if row[0] == "clock":
            model.fire(*row[1:])
            last = max(last, row[1])
        else:
            model.apply(*row[1:])
            last = max(last, row[2])
    return last


def write_lines(file, lines):
    for line in lines:
        file.write(line.encode() + b"\n")


def main(arguments=None):
    parser = argparse.ArgumentParser(description="The naive model of Quintil.")
    parser.add_argument("--rules", required=True)
    for stream in events.STREAMS:
        parser.add_argument(f"--{stream}", action="extend", nargs="+", default=[])
    parser.add_argument("--recorded")
    parser.add_argument("--to")
    parser.add_argument("--state")
    options = parser.parse_args(arguments)

    with open(options.rules, "rb") as file:
        model = Model(rule_file.Rules(file.read()))
    if options.recorded:
        last = apply_recorded(model, events.read_recorded(options.recorded))
    else:
        paths = {stream: getattr(options, stream) for stream in events.STREAMS}
        last = replay(model, paths, events.read_time(options.to))
    write_lines(sys.stdout.buffer, model.transitions())
    if options.state:
        with open(options.state, "wb") as file:
            write_lines(file, model.states(last))


if __name__ == "__main__":
    main()
