"""Input for the tests of the whole engine: files sorted by time, as a log that is read in time order
wants them, and records with a stamp of their own."""

import csv
import json
import os
import random

import kit  # first: it knows where the model's modules are

import events
import random_shop

NOW_IS_LATER = 1_790_000_000  # no record of the past is stamped after this: 2026-09-21


def read_rows(path):
    """The rows of a file as dictionaries of texts, empty cells left out."""
    with open(path, encoding="utf-8", newline="") as file:
        if path.endswith(".ndjson"):
            rows = [events.as_text(events.parse_json(line)) for line in file]
        else:
            rows = list(csv.DictReader(file))
    return [{name: text for name, text in row.items() if text} for row in rows]


def write_rows(path, rows):
    with open(path, "w", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
    return path


def time_of(row):
    return events.read_time(row["occurred_at"])


def sort_files(files, folder):
    """files: stream -> paths. Writes one file a stream, its rows in the order of a replay."""
    rows = {stream: [row for path in paths for row in read_rows(path)] for stream, paths in files.items()}
    first = min(time_of(row) for some in rows.values() for row in some if "occurred_at" in row)
    made = {}
    for stream, some in rows.items():
        for row in some:
            row.setdefault("occurred_at", str(first))  # a profile without a time
        if some:
            made[stream] = [write_rows(os.path.join(folder, f"sorted-{stream}.ndjson"), sorted(some, key=time_of))]
    return made


def last_second(files):
    return max(time_of(row) for paths in files.values() for path in paths for row in read_rows(path))


class PastShop(random_shop.RandomShop):
    """Its events lie in the past, whatever its steps."""

    def next_time(self):
        if self.times[-1] > NOW_IS_LATER - 100_000_000:
            self.times.append(self.times[-1] + self.random.choice([0, 1, 60]))
            return self.times[-1]
        return super().next_time()


def past_shop(seed, folder, for_model=False):
    """(rules, stream -> rows): a random shop of the past; `for_model`: none that takes it a minute."""
    shop = PastShop(seed)
    if for_model and shop.special == "ids":
        shop.special = "none"
    shop.make()
    rules = os.path.join(folder, "rules.yaml")
    with open(rules, "w", encoding="utf-8") as file:
        file.write(shop.rules.text())
    rows = {"orders": shop.orders, "engagement": shop.engagement, "customers": shop.profiles}
    full = {
        stream: [{name: str(text) for name, text in row.items() if text != ""} for row in some]
        for stream, some in rows.items()
    }
    return rules, full


def past_files(seed, folder):
    """(rules, stream -> files sorted by time)"""
    rules, rows = past_shop(seed, folder)
    paths = {
        stream: [write_rows(os.path.join(folder, f"{stream}.ndjson"), some)] for stream, some in rows.items() if some
    }
    return rules, sort_files(paths, folder)


ABSURD = [0, -1, 1, 253_402_300_799_000, 1_600_000_000, 1_600_000_000_000_000, 2**63 - 1, None]


def messy_records(rows, seed):
    """Stream -> raw_line() arguments: rows out of order and late, stamps lying and absurd."""
    chaos = random.Random(seed)
    made = {}
    for stream, some in rows.items():
        some = sorted(some, key=lambda row: time_of(row) if "occurred_at" in row else 0)
        for _ in range(len(some) // 4):
            place = chaos.randrange(len(some))
            some.insert(min(len(some), place + chaos.randrange(1, 60)), some.pop(place))
        made[stream] = [messy_record(row, chaos) for row in some]
    return made


def messy_record(row, chaos):
    second = time_of(row) if "occurred_at" in row else None
    roll = chaos.random()
    if second is None or roll < 0.15:
        stamp = chaos.choice(ABSURD)
    elif roll < 0.8:
        stamp = second * 1000 + chaos.randrange(1000)
    else:  # written later than it happened, or up to 5 minutes earlier
        stamp = (second + chaos.choice([1, 60, 3600, 86_400 * 3, -1, -60, -300])) * 1000
    return stamp, row["customer_id"], json.dumps(row, ensure_ascii=False)
