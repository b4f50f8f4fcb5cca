"""A rule file (DESIGN 5), read by PyYAML with every scalar as text."""

from collections import namedtuple

import xxhash
import yaml

import expression
import history

SCORING_VERSION = 1
HOLDOUT_SALT = 3
RETENTION_DEFAULT = "400d"

# when and leave_when: functions of measure, see expression.compiled (leave_when may be None);
# hold: seconds; holdout: of 10,000; metrics: those it names, in the order of first mention;
# constants: the durations that it names.
Segment = namedtuple("Segment", "name when leave_when hold holdout metrics constants")


def unique(items):
    return list(dict.fromkeys(items))


def read_share(text):
    """`10%` -> 1000, `2.25%` -> 225."""
    whole, _, fraction = text.removesuffix("%").partition(".")
    return int(whole) * 100 + int(fraction.ljust(2, "0"))


def read_segment(name, body):
    trees = [expression.parse(body[key]) for key in ("when", "leave_when") if key in body]
    nodes = [node for tree in trees for node in expression.walk(tree)]
    return Segment(
        name=name,
        when=expression.compiled(trees[0]),
        leave_when=expression.compiled(trees[1]) if len(trees) > 1 else None,
        hold=expression.parse_duration(body["hold"]) if "hold" in body else 0,
        holdout=read_share(body["holdout"]) if "holdout" in body else 0,
        metrics=tuple(unique(node[1] for node in nodes if node[0] == "metric")),
        constants=tuple(unique(node[1] for node in nodes if node[0] == "duration")),
    )


class Rules:
    def __init__(self, text):
        """text: the file's bytes."""
        body = yaml.load(text, Loader=yaml.BaseLoader)
        self.version = f"{xxhash.xxh3_64_intdigest(text, seed=SCORING_VERSION):016x}"
        history.number_kinds(body.get("kinds") or [])
        self.retention = expression.parse_duration(body.get("retention", RETENTION_DEFAULT))
        self.segments = [read_segment(name, part) for name, part in (body.get("segments") or {}).items()]
        self.order = self.order_of_evaluation()
        self.metrics = unique(metric for segment in self.segments for metric in segment.metrics)
        self.lengths_of_events, self.lengths_of_changes = self.all_lengths()

    def order_of_evaluation(self):
        """In the order of the file, except that a rule comes after those it names."""
        by_name = {segment.name: segment for segment in self.segments}
        order = []

        def place(segment):
            if segment in order:
                return
            for metric in segment.metrics:
                if metric.function in ("in", "dwell"):
                    place(by_name[metric.subject])
            order.append(segment)

        for segment in self.segments:
            place(segment)
        return order

    def all_lengths(self):
        """The lengths of time after which something may change: from any event, and from a change
        of each segment. Generous: of events all windows and all durations; of a change the hold and,
        where any rule has dwell() of that segment, all durations. A comparison with a duration may
        turn at its end or a second later."""
        constants = {length for segment in self.segments for length in segment.constants}
        durations = constants | {length + 1 for length in constants}
        windows = {metric.window for metric in self.metrics if metric.window is not None}
        dwelling = {metric.subject for metric in self.metrics if metric.function == "dwell"}
        changes = {s.name: {s.hold} | (durations if s.name in dwelling else set()) for s in self.segments}
        return windows | durations, changes


def held_out(segment, customer_id):
    salt = xxhash.xxh3_64_intdigest(segment.name.encode(), seed=HOLDOUT_SALT)
    return xxhash.xxh3_64_intdigest(customer_id.encode(), seed=salt) % 10_000 < segment.holdout
