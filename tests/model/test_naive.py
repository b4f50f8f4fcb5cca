"""The model against cases worked out by hand. Run: python3 -m unittest discover -s tests/model"""

import json
import os
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import events
import expression
import naive
import output
import rules as rule_file

DAY = 86_400
T0 = 1_000_000_000


def order(second, order_id, amount="10", **more):
    return events.make_event(
        "orders",
        {"customer_id": "c", "order_id": order_id, "occurred_at": str(second), "amount": amount, **more},
    )


def engage(second, kind="email_open", event_id="", **more):
    return events.make_event(
        "engagement",
        {"customer_id": "c", "kind": kind, "occurred_at": str(second), "event_id": event_id, **more},
    )


def segment_rules(**segments):
    """segments: name -> `when` text or a dictionary; retention: a duration."""
    lines = []
    if "retention" in segments:
        lines.append(f"retention: {segments.pop('retention')}")
    lines.append("segments:")
    for name, body in segments.items():
        lines.append(f"  {name}:")
        body = body if isinstance(body, dict) else {"when": body}
        lines += [f"    {key}: '{value}'" for key, value in body.items()]
    return rule_file.Rules("\n".join(lines).encode())


def run(rules, steps, until):
    """steps: events (merged at their own second), (event, merge second), or clocks as ints."""
    model = naive.Model(rules)
    for step in steps:
        if isinstance(step, int):
            model.fire(step)
        elif isinstance(step, events.Event):
            model.apply(step, step.occurred_at)
        else:
            model.apply(*step)
    model.fire(until)
    return model


def changes(rules, steps, until):
    """[(seconds after T0, segment, to)] in order."""
    result = []
    for line in run(rules, steps, until).transitions():
        row = json.loads(line)
        result.append((events.read_time(row["at"]) - T0, row["segment"], row["to"]))
    return result


def metric_values(rules, steps, until):
    return json.loads(run(rules, steps, until).states(until)[0])["metrics"]


class Expressions(unittest.TestCase):
    def value(self, text, **metrics):
        return expression.compiled(expression.parse(text))(lambda metric: metrics.get(metric.function))

    def test_precedence(self):
        self.assertEqual(self.value("1 + 2 * 3"), 70_000)
        self.assertEqual(self.value("(1 + 2) * 3"), 90_000)
        self.assertEqual(self.value("10 - 2 - 3"), 50_000)
        self.assertEqual(self.value("-2 * -3"), 60_000)
        self.assertTrue(self.value("1 > 2 and 1 > 2 or 2 > 1"))
        self.assertFalse(self.value("1 > 2 and (1 > 2 or 2 > 1)"))
        self.assertTrue(self.value("not 1 > 2 and 2 > 1"))

    def test_cut_toward_zero(self):
        self.assertEqual(self.value("1 / 3"), 3_333)
        self.assertEqual(self.value("-1 / 3"), -3_333)
        self.assertEqual(self.value("0.0001 * 0.5"), 0)
        self.assertEqual(self.value("-0.0003 * 0.5"), -1)

    def test_undefined(self):
        self.assertIsNone(self.value("1 / 0"))
        self.assertIsNone(self.value("aov() + 1"))
        for sign in (">", ">=", "<", "<=", "==", "!="):
            self.assertFalse(self.value(f"aov() {sign} 1"))
        self.assertTrue(self.value("not aov() != 1"))
        self.assertIsNone(self.value("99999999999999 * 99999999999999"))
        self.assertIsNone(self.value("-spend()", spend=-(2**63)))

    def test_canonical_text(self):
        texts = {
            "spend(52w)": "spend(364d)",
            "spend( 90m )": "spend(90m)",
            "orders(24h)": "orders(1d)",
            "count(email_open , 60s)": "count(email_open,1m)",
            "since(any)": "since(any)",
            "in(7-up)": "in(7-up)",
        }
        for text, wanted in texts.items():
            self.assertEqual(expression.parse(text)[1].text, wanted)

    def test_decimals(self):
        wanted = {20005000: "2000.5", 60000: "6", -2500: "-0.25", 0: "0", -1: "-0.0001", 10**22: f"{10**18}"}
        for value, text in wanted.items():
            self.assertEqual(output.decimal_json(value), text)

    def test_reading(self):
        amounts = {"1.00005": 10_000, "1.00015": 10_002, "-2.00025": -20_002, "1e2": 1_000_000, "": 0}
        for text, value in amounts.items():
            self.assertEqual(events.read_e4(text, 0), value)
        self.assertEqual(events.read_time("2001-09-09T03:46:40.9+02:00"), T0)
        self.assertEqual(events.read_time("2001-09-09 01:46:40"), T0)


class Windows(unittest.TestCase):
    def test_leaves_at_exactly_its_end(self):
        rules = segment_rules(a="orders(1m) >= 1")
        self.assertEqual(changes(rules, [order(T0, "1")], T0 + 59), [(0, "a", "in")])
        self.assertEqual(changes(rules, [order(T0, "1")], T0 + 60), [(0, "a", "in"), (60, "a", "out")])

    def test_deadline_before_event_of_its_second(self):
        rules = segment_rules(a="orders(1m) >= 1")
        self.assertEqual(
            changes(rules, [order(T0, "1"), order(T0 + 60, "2")], T0 + 60),
            [(0, "a", "in"), (60, "a", "out"), (60, "a", "in")],
        )

    def test_since_thresholds(self):
        comparisons = {"more": ">", "least": ">=", "same": "=="}
        rules = segment_rules(**{name: f"since(order) {sign} 10s" for name, sign in comparisons.items()})
        self.assertEqual(
            changes(rules, [order(T0, "1")], T0 + 100),
            [(10, "least", "in"), (10, "same", "in"), (11, "more", "in"), (11, "same", "out")],
        )

    def test_first_and_last_of_nothing(self):
        conditions = ("last(cart_add) > last(order)", "first(order) > last(order)", "last(order) == last(search)")
        rules = segment_rules(**dict(zip("abc", conditions)))
        cart = [engage(T0, "cart_add")]
        self.assertEqual(changes(rules, cart, T0), [(0, "a", "in"), (0, "b", "in"), (0, "c", "in")])
        self.assertEqual(metric_values(rules, cart, T0), {"last(cart_add)": "2001-09-09T01:46:40Z"})

    def test_sent_is_not_any(self):
        steps = [order(T0, "1"), engage(T0 + 5, "email_sent")]
        self.assertEqual(metric_values(segment_rules(a="since(any) > 1d"), steps, T0 + 9), {"since(any)": 9})

    def test_average_and_returns(self):
        rules = segment_rules(a="aov() > 0 and spend() > 0 and returns() > 0 and orders() > 0 and items() > 0")
        steps = [order(T0, "1", "10"), order(T0, "2", "1", items="3"), order(T0 + 1, "1", "4", kind="returned")]
        self.assertEqual(
            metric_values(rules, steps, T0 + 1),
            {"aov()": 3.5, "spend()": 7, "returns()": 1, "orders()": 2, "items()": 4},
        )

    def test_event_ahead_of_the_clock_counts_at_once(self):
        rules = segment_rules(a="orders(1m) >= 1 and since(order) < 0s", b="since(order) >= 1s")
        self.assertEqual(
            changes(rules, [(order(T0 + 30, "1"), T0)], T0 + 200),
            [(0, "a", "in"), (30, "a", "out"), (31, "b", "in")],
        )


class Flags(unittest.TestCase):
    def test_hysteresis(self):
        rules = segment_rules(a={"when": "spend(1m) >= 20", "leave_when": "spend(1m) < 10"})
        steps = [order(T0, "1", "11"), order(T0 + 10, "2", "9")]
        self.assertEqual(changes(rules, steps, T0 + 500), [(10, "a", "in"), (60, "a", "out")])

    def test_not_entered_while_leave_when_holds(self):
        rules = segment_rules(a={"when": "orders() >= 1", "leave_when": "orders(1m) >= 1"})
        self.assertEqual(changes(rules, [order(T0, "1")], T0 + 500), [(60, "a", "in")])

    def test_hold(self):
        rules = segment_rules(a={"when": "orders(1m) >= 1", "hold": "100s"})
        self.assertEqual(changes(rules, [order(T0, "1")], T0 + 500), [(0, "a", "in"), (100, "a", "out")])

    def test_first_out_holds_nothing(self):
        rules = segment_rules(a={"when": "orders() >= 2", "hold": "1h"})
        self.assertEqual(changes(rules, [order(T0, "1"), order(T0 + 1, "2")], T0 + 2), [(1, "a", "in")])

    def test_dwell_counts_from_birth_and_from_changes(self):
        rules = segment_rules(b="dwell(a) > 1m and in(a)", c="dwell(a) >= 30s and not in(a)", a="orders() >= 2")
        steps = [order(T0, "1"), order(T0 + 40, "2")]
        self.assertEqual(
            changes(rules, steps, T0 + 500),
            [(30, "c", "in"), (40, "c", "out"), (40, "a", "in"), (101, "b", "in")],
        )

    def test_evidence_and_number_in_file_order(self):
        rules = segment_rules(b={"when": "in(a)", "leave_when": "orders() < 1"}, a="orders(1h) >= 1")
        lines = [json.loads(line) for line in run(rules, [order(T0, "1", event_id="e")], T0).transitions()]
        self.assertEqual([(r["sequence"], r["segment"]) for r in lines], [(1, "b"), (2, "a")])
        self.assertEqual(lines[0]["evidence"], {"in(a)": True, "orders()": 1})
        self.assertEqual([r["cause_event_id"] for r in lines], ["e", "e"])

    def test_profile_record_creates_its_customer(self):
        rules = segment_rules(a="orders() == 0")
        profile = events.make_event("customers", {"customer_id": "c", "occurred_at": str(T0)})
        model = run(rules, [profile], T0)
        self.assertIn('"cause":"profile","evidence":{"orders()":0}', model.transitions()[0])


class Orders(unittest.TestCase):
    rules = segment_rules(retention="100d", a="orders() >= 1 and spend() > 0 and orders(100d) > 0")

    def spend(self, steps, until=T0 + 400 * DAY):
        values = metric_values(self.rules, steps, until)
        return values["orders()"], values["spend()"]

    def test_second_placed_changes_nothing(self):
        self.assertEqual(self.spend([order(T0, "1", "5"), order(T0 + 1, "1", "7")]), (1, 5))

    def test_known_for_the_retention(self):
        self.assertEqual(self.spend([order(T0, "1", "5"), order(T0 + 100 * DAY - 1, "1", "7")]), (1, 5))
        self.assertEqual(self.spend([order(T0, "1", "5"), order(T0 + 100 * DAY, "1", "7")]), (2, 12))

    def test_cancelled_after_and_before(self):
        cancel = order(T0 + 5, "1", "", kind="cancelled")
        self.assertEqual(self.spend([order(T0, "1"), cancel, order(T0 + 6, "1")]), (0, 0))
        self.assertEqual(self.spend([order(T0, "2"), cancel, order(T0 + 6, "1")]), (1, 10))
        late = [order(T0 - 9, "2"), cancel, order(T0 + 5 + 100 * DAY, "1")]
        self.assertEqual(self.spend(late), (2, 20))

    def test_cancelling_restores_last(self):
        rules = segment_rules(a="since(order) < 1m")
        steps = [order(T0, "1"), order(T0 + 50, "2"), order(T0 + 70, "2", "", kind="cancelled")]
        self.assertEqual(changes(rules, steps, T0 + 500), [(0, "a", "in"), (70, "a", "out")])

    def test_no_more_than_256_cancellations(self):
        cancels = [order(T0 + n, str(n), "", kind="cancelled") for n in range(257)]
        self.assertEqual(self.spend([*cancels, order(T0 + 999, "1"), order(T0 + 999, "0")]), (1, 10))

    def test_amendments(self):
        def amend(second, amount, **more):
            return order(second, "1", amount, kind="amended", **more)

        self.assertEqual(self.spend([order(T0, "1", "5"), amend(T0 + 9, "7")]), (1, 7))
        late = [order(T0, "1", "5"), (amend(T0 + 9, "7"), T0 + 9), (amend(T0 + 8, "6"), T0 + 10)]
        self.assertEqual(self.spend(late), (1, 7))
        by_id = [order(T0, "1", "5"), amend(T0 + 9, "7", event_id="b"), amend(T0 + 9, "6", event_id="a")]
        self.assertEqual(self.spend(by_id), (1, 7))
        self.assertEqual(self.spend([amend(T0, "7"), order(T0 + 1, "1", "5")]), (1, 7))

    def test_amended_places_at_placed_at(self):
        rules = segment_rules(a="orders(1m) >= 1")
        amended = order(T0 + 50, "1", "5", kind="amended", placed_at=str(T0))
        self.assertEqual(changes(rules, [amended], T0 + 500), [(50, "a", "in"), (60, "a", "out")])

    def test_returns_repeat(self):
        def back(second, **more):
            return order(second, "1", "4", kind="returned", **more)

        first = order(T0, "1", "20")
        self.assertEqual(self.spend([first, back(T0 + 1), back(T0 + 1)]), (1, 16))
        self.assertEqual(self.spend([first, back(T0 + 1), back(T0 + 2)]), (1, 12))
        with_id = back(T0 + 1, event_id="x")
        self.assertEqual(self.spend([first, with_id, back(T0 + 2, event_id="x")]), (1, 16))
        self.assertEqual(self.spend([first, with_id, back(T0 + 1, event_id="y")]), (1, 12))
        self.assertEqual(self.spend([first, with_id, back(T0 + 1)]), (1, 12))

    def test_overflow_is_refused_and_leaves_the_clock(self):
        huge = [order(T0 + n, str(n), "99999999999999") for n in range(5)]
        model = run(self.rules, huge, T0 + 9)
        state = json.loads(model.states(T0 + 9)[0])
        self.assertEqual((state["metrics"]["orders()"], state["clock"]), (4, "2001-09-09T01:46:43Z"))

    def test_magnitudes_overflow_though_sums_do_not(self):
        rules = segment_rules(a="margin() > 0 and orders() > 0")
        steps = [order(T0, str(n), "0", margin=f"{'-' * (n % 2)}99999999999999") for n in range(9)]
        self.assertEqual(metric_values(rules, steps, T0), {"margin()": 0, "orders()": 4})


class Duplicates(unittest.TestCase):
    rules = segment_rules(a="count(email_open) > 0 and count(search) > 0")

    def counts(self, steps):
        return tuple(metric_values(self.rules, steps, T0 + DAY).values())

    def test_horizon(self):
        self.assertEqual(self.counts([engage(T0, event_id="x"), engage(T0 + 600, event_id="x")]), (1, 0))
        self.assertEqual(self.counts([engage(T0, event_id="x"), engage(T0 + 601, event_id="x")]), (2, 0))
        self.assertEqual(self.counts([engage(T0), engage(T0)]), (2, 0))

    def test_whatever_the_kind(self):
        self.assertEqual(self.counts([engage(T0, event_id="x"), engage(T0 + 9, "search", event_id="x")]), (1, 0))

    def test_a_dropped_one_does_not_extend_the_horizon(self):
        steps = [engage(T0 + 400 * n, event_id="x") for n in range(3)]
        self.assertEqual(self.counts(steps), (2, 0))

    def test_no_more_than_1024_ids(self):
        steps = [engage(T0, "search", event_id=str(n)) for n in range(1025)]
        self.assertEqual(self.counts([*steps, engage(T0 + 1, event_id="1")]), (0, 1025))
        self.assertEqual(self.counts([*steps, engage(T0 + 1, event_id="0")]), (1, 1025))


class LateRecords(unittest.TestCase):
    def test_late_is_booked_at_its_time_and_evaluated_at_the_clock(self):
        rules = segment_rules(a="orders(1m) >= 2")
        steps = [order(T0 + 40, "1"), (order(T0, "2"), T0 + 50)]
        self.assertEqual(changes(rules, steps, T0 + 500), [(40, "a", "in"), (60, "a", "out")])

    def test_deadline_that_changes_nothing_leaves_the_clock(self):
        rules = segment_rules(a="orders(1m) >= 2")
        steps = [order(T0, "1"), T0 + 100, (order(T0 + 30, "2"), T0 + 101)]
        self.assertEqual(changes(rules, steps, T0 + 500), [(30, "a", "in"), (60, "a", "out")])

    def test_deadline_that_changes_something_moves_it(self):
        rules = segment_rules(a="orders(1m) >= 1", b="orders() >= 2")
        steps = [order(T0, "1"), T0 + 100, (order(T0 + 30, "2"), T0 + 101)]
        self.assertEqual(
            changes(rules, steps, T0 + 500),
            [(0, "a", "in"), (60, "a", "out"), (60, "a", "in"), (60, "b", "in"), (90, "a", "out")],
        )

    def test_recorded_file(self):
        with tempfile.NamedTemporaryFile("w", suffix=".ndjson") as file:
            event = {"customer_id": "c", "order_id": 82098291194615450877, "occurred_at": T0 + 5, "amount": 1.5}
            file.write(json.dumps({"merge_second": T0, "stream": "orders", "slice": 1, "event": event}) + "\n")
            file.write(json.dumps({"clock": T0 + 100, "slice": 0}) + "\n")
            file.flush()
            model = naive.Model(segment_rules(a="orders(1m) >= 1"))
            self.assertEqual(naive.apply_recorded(model, events.read_recorded(file.name)), T0 + 100)
        self.assertEqual(len(model.transitions()), 1)
        state = json.loads(model.states(T0)[0])
        self.assertEqual((state["born"], state["clock"]), ("2001-09-09T01:46:40Z",) * 2)


if __name__ == "__main__":
    unittest.main()
