"""The engine was off for three days: what fell due meanwhile is published with its true second."""

import json
import os
import time
from datetime import datetime

import kit
import output

DAY = 86_400
RULES = """
segments:
  cart_abandoned:
    when: since(cart_add) >= 2h and since(cart_add) < 2d and last(cart_add) > last(order)
  idle:
    when: since(any) >= 1d
  recent:
    when: orders(36h) >= 1
"""


def seconds(text):
    return int(datetime.fromisoformat(text).timestamp())


def iso(second):
    return output.time_json(second).strip('"')


class Outage(kit.EngineTest):
    def setUp(self):
        super().setUp()
        self.now = int(time.time())
        self.log = kit.Log(self.path("log"), self.write("rules.yaml", RULES), 3)

    def append(self, stream, customer, second, **fields):
        row = {"customer_id": customer, "occurred_at": second, **fields}
        self.log.append(stream, input=(json.dumps(row) + "\n").encode())

    def run_days_ago(self, days):
        shift = {"LD_PRELOAD": os.path.join(kit.tools, "clock_shift.so"), "QUINTIL_CLOCK_SHIFT": str(-days * DAY)}
        sanitizer = {"ASAN_OPTIONS": "verify_asan_link_order=0:detect_leaks=0"}
        return self.log.run(env={**os.environ, **sanitizer, **shift})

    def story(self, customer):
        """[(segment, to, second, detected less at)]"""
        rows = [json.loads(row[4]) for row in self.log.read("quintil.transitions")]
        return [
            (row["segment"], row["to"], seconds(row["at"]), seconds(row["detected_at"]) - seconds(row["at"]))
            for row in rows
            if row["customer_id"] == customer
        ]

    def test_three_days(self):
        order = self.now - 3 * DAY - 3600
        cart = self.now - 3 * DAY - 1800
        self.append("orders", "quiet", order, order_id="1", amount=10)
        self.append("engagement", "cart", cart, kind="cart_add")
        self.append("orders", "back", order, order_id="2", amount=10)
        self.run_days_ago(3)
        before = {who: self.story(who) for who in ("quiet", "cart", "back")}
        self.assertEqual([step[:3] for step in before["quiet"]], [("recent", "in", order)])
        self.assertEqual(before["cart"], [])
        # Written while nobody read, and what is written now, when the engine is on again.
        back = self.now - 2 * DAY
        self.append("orders", "back", back, order_id="3", amount=10)
        self.append("orders", "new", self.now, order_id="4", amount=10)
        self.log.run()
        self.assert_recorded(self.log)
        self.assertEqual(
            [step[:3] for step in self.story("quiet")],
            [("recent", "in", order), ("idle", "in", order + DAY), ("recent", "out", order + DAY * 3 // 2)],
        )
        self.assertEqual(
            [step[:3] for step in self.story("cart")],
            [
                ("cart_abandoned", "in", cart + 7200),
                ("idle", "in", cart + DAY),
                ("cart_abandoned", "out", cart + 2 * DAY),
            ],
        )
        # The order of the outage came within its hour: `back` was idle for that long.
        self.assertEqual(
            [step[:3] for step in self.story("back")],
            [
                ("recent", "in", order),
                ("idle", "in", order + DAY),
                ("idle", "out", back),
                ("idle", "in", back + DAY),
                ("recent", "out", back + DAY * 3 // 2),
            ],
        )
        for step in self.story("cart"):
            self.assertGreater(step[3], DAY // 2, "found out when the engine was on again")
        # By its clock the first run knew nothing of what came later.
        self.assertLess(max(step[3] for step in before["quiet"]), DAY)

    def steps(self, order):
        """The whole story of one order."""
        return [
            ("recent", "in", iso(order)),
            ("idle", "in", iso(order + DAY)),
            ("recent", "out", iso(order + DAY * 3 // 2)),
        ]

    def test_more_deadlines_than_an_epoch_fires(self):
        """Of 70,000 customers everybody falls due in the outage, most in one second."""
        order = self.now - 3 * DAY - 3600
        rows = (
            {"customer_id": f"c{n}", "order_id": n, "amount": 1, "occurred_at": order + n // 69_000} for n in range(70_000)
        )
        self.log = kit.Log(self.path("one"), self.log.rules)
        self.log.append("orders", input="".join(json.dumps(row) + "\n" for row in rows).encode())
        self.run_days_ago(3)
        self.append("orders", "c0", self.now - DAY, order_id="late", amount=1)
        self.log.run()
        found = {}
        for row in self.log.read("quintil.transitions"):
            line = json.loads(row[4])
            steps = found.setdefault(line["customer_id"], [])
            self.assertEqual(line["sequence"], len(steps) + 1)
            steps.append((line["segment"], line["to"], line["at"]))
        late = self.now - DAY
        wanted = {f"c{n}": self.steps(order + n // 69_000) for n in range(70_000)}
        wanted["c0"] += [
            ("idle", "out", iso(late)),
            ("recent", "in", iso(late)),
            ("idle", "in", iso(late + DAY)),
        ]
        self.assertTrue(found == wanted, "not everybody, or not at their second")
        tool = kit.tool("recorded_order", self.log.folder, self.log.rules)  # and the records are in order
        self.assertIn(b'{"clock"', tool.stdout)

    def test_a_clock_that_was_set_back(self):
        """The engine starts a day before its last record: nothing goes back, nothing is said twice."""
        self.append("orders", "c", self.now - 2 * DAY, order_id="1", amount=10)
        self.log.run()
        before = self.log.transitions()
        self.append("orders", "c", self.now - 60, order_id="2", amount=10)
        self.append("orders", "d", self.now - 60, order_id="3", amount=10)
        self.run_days_ago(1)
        self.log.run()
        lines = self.assert_recorded(self.log)
        self.assertEqual([line for line in lines if line in set(before)], before)


if __name__ == "__main__":
    kit.main()
