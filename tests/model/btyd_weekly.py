#!/usr/bin/env python3
"""Windowed counts against BTYD's published weekly table of the CDNOW sample.

    btyd_weekly.py COMMAND...      for instance: build/quintil replay

The table has the cumulative repeat purchases at the end of each of 78 weeks from 1997-01-01 on,
orders of one customer on one day merged. For each week the command replays up to the week's last
second with rules/weekly_counts.yaml and writes the states. From those the table follows twice:

* windowed: a week's repeat purchases are all orders(7d), less one of each customer all of whose
  orders() lie in the window; the table is their running sum
* lifetime: all orders(), less one a customer
"""

import csv
import json
import os
import subprocess
import sys
import tempfile

import prepare

HERE = os.path.dirname(os.path.abspath(__file__))
START = prepare.seconds("1997-01-01", "%Y-%m-%d")
WEEK = 7 * 86_400


def expected():
    table = "cdnow_btyd_weekly_cum_repeat_transactions.csv"
    with open(os.path.join(prepare.shared(), "expected", "hardie_btyd", table), encoding="ascii") as file:
        return [int(row["cum_repeat_transactions"]) for row in csv.DictReader(file)]


def write_merged(folder):
    """CDNOW with one order a customer and day."""
    days = dict.fromkeys((customer, second) for customer, second, _items, _dollars in prepare.cdnow_rows())
    rows = [(customer, f"{customer}-{second}", second, "1") for customer, second in days]
    return prepare.write_csv(os.path.join(folder, "days.csv"), prepare.ORDER_COLUMNS[:4], rows)


def metrics_at(command, orders, second, folder):
    """[(orders(7d), orders())] of every customer at that second."""
    state = os.path.join(folder, "state.ndjson")
    rules = os.path.join(HERE, "rules", "weekly_counts.yaml")
    arguments = ["--rules", rules, "--orders", orders, "--to", str(second), "--state", state]
    subprocess.run([*command, *arguments], stdout=subprocess.DEVNULL, check=True)
    with open(state, encoding="utf-8") as file:
        rows = [json.loads(line)["metrics"] for line in file]
    return [(row["orders(7d)"], row["orders()"]) for row in rows]


def main():
    wanted, windowed = expected(), 0
    with tempfile.TemporaryDirectory(prefix="quintil-btyd-") as folder:
        orders = write_merged(folder)
        for week, repeats in enumerate(wanted, 1):
            counts = metrics_at(sys.argv[1:], orders, START + week * WEEK - 1, folder)
            windowed += sum(recent - (recent == ever) for recent, ever in counts if recent)
            lifetime = sum(ever - 1 for _recent, ever in counts)
            if (windowed, lifetime) != (repeats, repeats):
                print(f"week {week}: wanted {repeats}, found {windowed} windowed, {lifetime} lifetime")
                return 1
    print(f"{len(wanted)} weeks agree, {wanted[-1]} repeat purchases")
    return 0


if __name__ == "__main__":
    sys.exit(main())
