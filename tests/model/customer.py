"""One customer: a history, a clock, the segments' states, and the transitions made (DESIGN 3, 5)."""

import math

import history
import output

CAUSES = {"orders": "order", "engagement": "engagement", "customers": "profile"}


class Customer:
    def __init__(self, rules, customer_id):
        self.rules = rules
        self.customer_id = customer_id
        self.born = None  # merge second of the first record that was taken
        self.clock = None
        self.looked = None  # up to here nothing more can change without another record
        self.history = history.History()
        self.seconds = set()  # at which something may change by time alone, and many more
        self.state = {segment.name: "out" for segment in rules.segments}
        self.since = {}  # segment: since when it has been in its state
        self.changed = set()  # segments that have really changed, so that `hold` counts
        self.sequence = 0
        self.transitions = []  # (at, sequence, line)

    # ---- records and deadlines ----

    def apply(self, event, merge_second):
        """Deadlines up to the record's second, then the record. False where a total overflows."""
        if self.born is not None:
            self.fire(merge_second)
        moment = min(event.occurred_at, merge_second)
        clock = moment if self.born is None else max(self.clock, moment)
        after = history.book(self.history, event, clock, self.rules.retention)
        if history.overflows(after, event):
            return False
        if self.born is None:
            self.born = merge_second
            self.since = {segment.name: clock for segment in self.rules.segments}
            for segment in self.rules.segments:
                self.expect(clock, self.rules.lengths_of_changes[segment.name])
        self.history = after
        self.clock = self.looked = clock
        self.expect(event.occurred_at, self.rules.lengths_of_events)
        if event.placed_at is not None:
            self.expect(event.placed_at, self.rules.lengths_of_events)
        self.evaluate(clock, CAUSES[event.stream], event.event_id)
        return True

    def fire(self, until):
        """Evaluates at every second up to `until` at which time alone might change something."""
        while self.fire_to_first_change(until):
            pass
        self.looked = max(self.looked, until)

    def fire_to_first_change(self, until):
        self.seconds = {second for second in self.seconds if second > self.clock}
        for second in sorted(s for s in self.seconds if self.looked < s <= until):
            if self.evaluate(second, "clock", ""):
                self.clock = self.looked = second
                return True
        return False

    def expect(self, second, lengths):
        self.seconds.update(second + length for length in lengths)

    # ---- evaluation ----

    def measure(self, metric, second):
        if metric.function == "in":
            return self.state[metric.subject] == "in"
        if metric.function == "dwell":
            return second - self.since[metric.subject]
        return history.measure(self.history, metric, second)

    def wanted_state(self, segment, second):
        def measure(metric):
            return self.measure(metric, second)

        if self.state[segment.name] == "out":
            leaves = segment.leave_when is not None and segment.leave_when(measure)
            return "in" if not leaves and segment.when(measure) else "out"
        leaves = segment.leave_when(measure) if segment.leave_when else not segment.when(measure)
        return "out" if leaves else "in"

    def is_held(self, segment, second):
        return segment.name in self.changed and second < self.since[segment.name] + segment.hold

    def evaluate(self, second, cause, event_id):
        """Looks at every rule once. True where anything changed."""
        changes = {}
        for segment in self.rules.order:
            if self.is_held(segment, second):
                continue
            before, after = self.state[segment.name], self.wanted_state(segment, second)
            if before != after:
                self.state[segment.name] = after
                self.since[segment.name] = second
                self.changed.add(segment.name)
                self.expect(second, self.rules.lengths_of_changes[segment.name])
                changes[segment] = (before, after, self.evidence(segment.metrics, second))
        for segment in self.rules.segments:
            if segment in changes:
                before, after, evidence = changes[segment]
                self.sequence += 1
                states = (before, after)
                line = output.transition(self, segment, states, second, cause, event_id, evidence)
                self.transitions.append((second, self.sequence, line))
        return bool(changes)

    def evidence(self, metrics, second):
        """[(metric, value)] of the defined ones, which first and last of nothing are not."""
        values = [(metric, self.measure(metric, second)) for metric in metrics]
        return [(m, value) for m, value in values if value not in (None, math.inf, -math.inf)]

    def final_state(self, second):
        """The customer's line of --state, metrics as of the last clock."""
        metrics = [metric for metric in self.rules.metrics if metric.function not in ("in", "dwell")]
        return output.state(self, self.evidence(metrics, second))
