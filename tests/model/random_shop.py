#!/usr/bin/env python3
"""Seeded random shops: few customers among whom everything happens that DESIGN 2 speaks of.

    random_shop.py SEED FOLDER

Order ids and event ids come from small pools, so that duplicates, amendments, cancellations (before
and after, unmatched, repeated) and returns meet each other. Times step by lengths that the rules
name, so that events fall on deadlines. Some shops have a storm of hundreds or thousands of events in
one second, some more than 1,024 event ids or 256 unmatched cancellations, some huge amounts.

Of one kind of engagement a customer has fewer than 1,024, beyond which the engine need not be exact.
"""

import json
import os
import random
import re
import sys
from datetime import datetime, timedelta, timezone

import expression
from prepare import write_csv
from random_rules import KINDS, RandomRules

START = 1_600_000_000
STEPS = {"minutes": 40, "days": 20_000, "years": 1_500_000}
CUSTOMER_IDS = ["c1", "c2", "C10", "zoë", "日本", 'quo"te\\', "a,b", "820982911946154508", "x y", "😀"]
CUSTOMER_IDS += ["c-3", "tab\there", "x" * 255, "🦊c1", "é", "\u007f"]
STORMS = [("none", 12), ("storm", 2), ("ids", 2), ("cancellations", 1), ("huge", 2)]

ORDERS = ("customer_id", "order_id", "occurred_at", "amount", "kind", "event_id")
ORDERS += ("margin", "items", "discount", "placed_at")
TEXTS = ("customer_id", "order_id", "event_id", "kind")
NUMBER = re.compile(r"-?(0|[1-9][0-9]*)([.][0-9]+)?")
ENGAGEMENT = ("customer_id", "kind", "occurred_at", "event_id", "value")
CUSTOMERS = ("customer_id", "occurred_at")


class RandomShop:
    def __init__(self, seed, start=START):
        self.start = start
        self.random = random.Random(seed)
        self.scale = self.random.choice(list(STEPS))
        self.rules = RandomRules(self.random, self.scale)
        names, weights = zip(*STORMS)
        self.special = self.random.choices(names, weights)[0]
        self.customers = self.random.sample(CUSTOMER_IDS, self.random.randint(1, 10))
        lengths = self.rules.lengths + [self.rules.retention or "400d"]
        self.lengths = [expression.parse_duration(text) for text in lengths]
        self.orders, self.engagement, self.profiles = [], [], []
        self.times = [start]
        self.fresh = 0

    def chance(self, share):
        return self.random.random() < share

    def next_time(self):
        """Steps on; often to exactly, or a second beside, where a window or a duration ends."""
        now, roll = self.times[-1], self.random.random()
        if roll < 0.25:
            step = self.random.choice([0, 0, 1, 2])
        elif roll < 0.6:
            step = int(self.random.expovariate(1 / STEPS[self.scale]))
        else:
            ends = self.random.choice(self.times[-20:]) + self.random.choice(self.lengths)
            step = max(0, ends + self.random.choice([0, 0, 0, 1, -1]) - now)
            step = step if step < 60 * STEPS[self.scale] else 1
        self.times.append(now + step)
        return self.times[-1]

    # ---- records ----

    def amount(self):
        if self.special == "huge" and self.chance(0.4):
            return self.random.choice(["99999999999999.9999", "100000000000000", "50000000000000"])
        text = str(self.random.choice([0, 1, 5, 9, 10, 20, 49, 50, 120]))
        return text + self.random.choice(["", "", ".5", ".25", ".0001", ".00005", ".99995"])

    def signed(self):
        return self.random.choice(["", "", "-"]) + self.amount()

    def item_count(self):
        return str(self.random.choice([1, 2, 3, 0, 2.5]))

    def order_id(self):
        if self.chance(0.4):
            self.fresh += 1
            return f"fresh-{self.fresh}"
        return f"o{self.random.randint(1, 12)}"

    def earlier(self, second):
        """placed_at: often absent, before, equal, later (then taken as occurred_at)."""
        roll = self.random.random()
        if roll < 0.4:
            return ""
        if roll < 0.5:
            return str(second + self.random.choice([0, 1, 1000]))
        if roll < 0.8:
            return str(self.random.choice(self.times[-30:]))
        before = self.random.choice(self.lengths) + self.random.choice([0, 1, -1])
        return str(max(self.start - 86_400, second - before))

    def add_order(self, second, customer=None, order_id=None, kind=None):
        kinds = {"placed": 4, "": 2, "cancelled": 1.5, "amended": 1.5, "returned": 1.5}
        kind = kind or self.random.choices(list(kinds), list(kinds.values()))[0]
        optional = {"margin": self.signed, "items": self.item_count, "discount": self.amount}
        record = {
            "customer_id": customer or self.random.choice(self.customers),
            "order_id": order_id or self.order_id(),
            "occurred_at": str(second),
            "amount": self.amount() if kind != "cancelled" or self.chance(0.2) else "",
            "kind": kind,
            "event_id": f"e{self.random.randint(1, 40)}" if self.chance(0.4) else "",
            **{name: make() if self.chance(0.5) else "" for name, make in optional.items()},
            "placed_at": self.earlier(second) if kind not in ("placed", "") else "",
        }
        self.orders.append(record)

    def add_engagement(self, second, event_id=None, customer=None, kind=None):
        if event_id is None:
            event_id = f"e{self.random.randint(1, 30)}" if self.chance(0.6) else ""
        self.engagement.append(
            {
                "customer_id": customer or self.random.choice(self.customers),
                "kind": kind or self.random.choice(KINDS),
                "occurred_at": str(second),
                "event_id": event_id,
                "value": self.signed() if self.chance(0.5) else "",
            }
        )

    def add_profile(self, second):
        customer = self.random.choice(self.customers + ["only-a-profile"])
        self.profiles.append({"customer_id": customer, "occurred_at": second})

    def ordinary(self, count):
        for _ in range(count):
            second, roll = self.next_time(), self.random.random()
            if roll < 0.55:
                self.add_order(second)
            elif roll < 0.97:
                self.add_engagement(second)
            else:
                self.add_profile(str(second) if self.chance(0.7) else "")

    # ---- the special ones ----

    def storm(self):
        second = self.next_time()
        for _ in range(self.random.randint(500, 2500)):
            self.add_order(second) if self.chance(0.5) else self.add_engagement(second)

    def ids(self):
        """More ids than are remembered, within the horizon; then the same ones again."""
        customer, second = self.customers[0], self.next_time()
        count = self.random.randint(1025, 1300)
        for number in range(count):
            self.add_engagement(second + number // 5, f"many-{number}", customer, KINDS[number % len(KINDS)])
        self.times.append(second + count // 5 + 1)
        for number in self.random.sample(range(count), 300):
            self.add_engagement(self.times[-1], f"many-{number}", customer)

    def cancellations(self):
        customer, second = self.customers[0], self.next_time()
        count = self.random.randint(257, 300)
        for number in range(count):
            self.add_order(second + number // 9, customer, f"gone-{number}", "cancelled")
        self.times.append(second + count // 9 + 1)
        for number in range(count):
            self.add_order(self.times[-1], customer, f"gone-{number}", "placed")

    def make(self):
        self.ordinary(self.random.randint(20, 150))
        if self.special in ("storm", "ids", "cancellations"):
            getattr(self, self.special)()
        self.ordinary(self.random.randint(20, 150))

    def last_clock(self):
        """--to: mostly some time after the last event, or absent, or in the middle."""
        roll = self.random.random()
        if roll < 0.3:
            return None
        if roll < 0.8:
            return self.times[-1] + sum(self.lengths) + 2
        return self.random.choice(self.times)


def time_text(second, random):
    """An integer, or now and then ISO 8601 in one of its forms."""
    if second == "" or random.random() < 0.8:
        return second
    offset = random.choice([0, 3600, -19_800])
    moment = datetime.fromtimestamp(int(second), timezone(timedelta(seconds=offset)))
    text = moment.isoformat(random.choice("T "))
    return random.choice([text, text[:-6] + ".75Z"]) if offset == 0 else text


def json_line(row, columns, random):
    """Numbers as JSON numbers, digit for digit; ids that look like numbers now and then, too."""
    parts = []
    for name in columns:
        value = row[name]
        if value == "" and random.random() < 0.8:
            continue
        bare = NUMBER.fullmatch(value) and (name not in TEXTS or random.random() < 0.5)
        text = value if bare else json.dumps(value, ensure_ascii=random.random() < 0.5)
        parts.append(f"{json.dumps(name)}: {text if value else 'null'}")
    return "{" + ", ".join(parts) + "}\n"


def write_file(path, columns, rows, random):
    """As CSV or NDJSON, columns and now and then rows in any order. Returns the path."""
    columns = random.sample(columns, len(columns))
    if random.random() < 0.3:
        rows = random.sample(rows, len(rows))
    times = {name for name in columns if name.endswith("_at")}

    def text(name, value):
        return time_text(value, random) if name in times else value

    rows = [{name: text(name, row[name]) for name in columns} for row in rows]
    if random.random() < 0.3:
        path += ".ndjson"
        with open(path, "w", encoding="utf-8") as file:
            file.writelines(json_line(row, columns, random) for row in rows)
        return path
    return write_csv(f"{path}.csv", columns, (row.values() for row in rows))


def write(seed, folder):
    """Writes the shop's files. Returns {"rules": path, "orders": [paths], ..., "to": second or None}."""
    shop = RandomShop(seed)
    shop.make()
    made = {"rules": os.path.join(folder, "rules.yaml"), "to": shop.last_clock()}
    with open(made["rules"], "w", encoding="utf-8") as file:
        file.write(shop.rules.text())
    tables = {
        "orders": (ORDERS, shop.orders),
        "engagement": (ENGAGEMENT, shop.engagement),
        "customers": (CUSTOMERS, shop.profiles),
    }
    for stream, (columns, rows) in tables.items():
        cut = shop.random.choice([len(rows), shop.random.randint(0, len(rows))])  # one file or two
        parts = [rows[:cut], rows[cut:]] if cut < len(rows) else [rows]
        made[stream] = [
            write_file(os.path.join(folder, f"{stream}-{number}"), columns, part, shop.random)
            for number, part in enumerate(parts, 1)
        ]
    return made


if __name__ == "__main__":
    print(json.dumps(write(int(sys.argv[1]), sys.argv[2]), indent=1))
