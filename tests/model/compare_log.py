#!/usr/bin/env python3
"""Holds the engine on the local log, late records and all, against the naive model.

    compare_log.py ENGINE --seeds A..B [--kills N]

Of each seed a random shop goes into a fresh log in some batches, rows often far from the order of
their times, and `quintil run --drain` follows each batch. (Between two batches the slices' clocks
reach the present, so that all that comes later is late.) Afterwards the epoch records say in what
order the engine applied what; the model applies the same, and the committed transitions must be its
own, byte for byte but for what only a run knows: detected_at and epoch. With --kills each run is
started and killed (-9) at a random instant so often before it may end.
"""

import argparse
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile

import events
import local_log
import naive
import random_shop
import rules as rule_file
from compare import Different, first_difference

# So long ago that the longest shop is over; every fourth reaches into the future, so that many of its
# records are ahead of the wall clock and become dead letters.
LONG_AGO = 1_000_000_000
RUN_ONLY = re.compile(rb'"detected_at":"[^"]*",|,"epoch":[0-9]+(?=}$)')


def command(arguments):
    done = subprocess.run(arguments, capture_output=True, check=False)
    if done.returncode != 0:
        errors = done.stderr.decode(errors="replace")[-2000:]
        raise Different(f"exit {done.returncode} of {' '.join(arguments)}\n{errors}")


def kill_at_random(arguments, chance):
    process = subprocess.Popen(arguments, stderr=subprocess.DEVNULL)
    try:
        process.wait(timeout=chance.uniform(0.001, 0.06))
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def late(rows, shop):
    """The rows as they arrive: in the order of their times, but some much later."""

    def arrival(row):
        second = events.read_time(row["occurred_at"]) or shop.start
        return second + (shop.random.choice(shop.lengths) if shop.chance(0.3) else 0)

    return sorted(rows, key=arrival)


def write_batches(shop, folder):
    """[{stream: path}]: what is appended before each run."""
    chance = shop.random
    tables = {
        "orders": (random_shop.ORDERS, shop.orders),
        "engagement": (random_shop.ENGAGEMENT, shop.engagement),
        "customers": (random_shop.CUSTOMERS, shop.profiles),
    }
    batches = [{} for _ in range(chance.choice([1, 1, 2, 3]))]
    for stream, (columns, rows) in tables.items():
        rows = late(rows, shop)
        cuts = [0, *sorted(chance.randint(0, len(rows)) for _ in batches[1:]), len(rows)]
        for number, batch in enumerate(batches):
            path = os.path.join(folder, f"{stream}-{number}")
            part = rows[cuts[number] : cuts[number + 1]]
            batch[stream] = random_shop.write_file(path, columns, part, chance)
    return batches


def run_engine(engine, shop, rules, folder, kills):
    """Returns the log's folder."""
    data, chance = os.path.join(folder, "log"), random.Random(shop.random.random())
    partitions = chance.choice(["1", "2", "3"])
    for batch in write_batches(shop, folder):
        for stream, path in batch.items():
            into = ["--data", data, "--partitions", partitions, "--rules", rules]
            command([engine, "append", stream, *into, path])
        records, shards = chance.choice([3, 20, 65536]), chance.choice([1, 2, 3])
        settings = ["--set", f"epoch.max_records={records}", "--set", f"shards={shards}"]
        run = [engine, "run", "--quiet", "--drain", "--data", data, "--rules", rules, *settings]
        for _ in range(kills):
            kill_at_random(run, chance)
        command(run)
    return data


def sort_key(line):
    row = json.loads(line)
    return row["at"], row["customer_id"].encode(), row["sequence"]


def compare(engine, seed, folder, kills):
    """Returns the number of transitions."""
    shop = random_shop.RandomShop(seed, LONG_AGO if seed % 4 else random_shop.START)
    shop.make()
    rules = os.path.join(folder, "rules.yaml")
    with open(rules, "w", encoding="utf-8") as file:
        file.write(shop.rules.text())
    data = run_engine(engine, shop, rules, folder, kills)
    with open(rules, "rb") as file:
        model = naive.Model(rule_file.Rules(file.read()))
    naive.apply_recorded(model, local_log.recorded_order(data))
    wanted = [line.encode() for line in model.transitions()]
    found = sorted((RUN_ONLY.sub(b"", line) for line in local_log.transitions(data)), key=sort_key)
    if wanted != found:
        raise Different(first_difference("transitions", b"\n".join(wanted), b"\n".join(found)))
    return len(wanted)


def main():
    parser = argparse.ArgumentParser(description="Holds the engine on the local log against the model.")
    parser.add_argument("engine")
    parser.add_argument("--seeds", default="1..20", help="A..B, both included")
    parser.add_argument("--kills", type=int, default=0)
    options = parser.parse_args()
    first, last = map(int, options.seeds.split(".."))
    total, different = 0, []
    for seed in range(first, last + 1):
        folder = tempfile.mkdtemp(prefix=f"quintil-log-{seed}-")
        try:
            total += compare(options.engine, seed, folder, options.kills)
            shutil.rmtree(folder)
        except Different as difference:
            print(f"seed {seed}: {difference}\ninput and log: {folder}", flush=True)
            different.append(seed)
    if different:
        print(f"{len(different)} of {last - first + 1} shops differ: {different}")
        return 1
    print(f"{last - first + 1} random shops through the local log, {total} transitions, equal")
    return 0


if __name__ == "__main__":
    sys.exit(main())
