#!/usr/bin/env python3
"""Real shop data as canonical CSV files, in a folder of the caller's (nothing is kept here).

    prepare.py FOLDER

The data's place is $QUINTIL_SHARED, by default ../shared beside the repository. Writes:

    cdnow_orders.csv          6,919 orders of 2,357 customers, at midnight UTC of their day
    journey_orders.csv        Complete Journey, one order a basket
    journey_lines.csv         Complete Journey, one order a line: thousands in a minute of a shop
    journey_engagement.csv    its coupon redemptions
"""

import csv
import gzip
import os
import sys
from datetime import datetime, timezone
from decimal import Decimal

REPOSITORY = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SKIPPED = 77  # what ctest takes as "skipped"
ORDER_COLUMNS = ("customer_id", "order_id", "occurred_at", "amount", "items", "discount")


def shared():
    """The folder of the data; ends the program with a message where it is missing."""
    folder = os.environ.get("QUINTIL_SHARED") or os.path.join(os.path.dirname(REPOSITORY), "shared")
    if not os.path.isdir(os.path.join(folder, "data")):
        print(f"skipped: no data in {folder} (set QUINTIL_SHARED)")
        sys.exit(SKIPPED)
    return folder


def seconds(text, form):
    return int(datetime.strptime(text, form).replace(tzinfo=timezone.utc).timestamp())


def write_csv(path, columns, rows):
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)
    return path


def cdnow_rows():
    """(customer, second, items, dollars) of each line."""
    with open(os.path.join(shared(), "data", "CDNOW_sample.txt"), encoding="ascii") as file:
        for line in file:
            _master, customer, day, items, dollars = line.split()
            yield customer, seconds(day, "%Y%m%d"), items, dollars


def cdnow(folder):
    rows = [
        (customer, f"cdnow-{number}", second, dollars, items, "")
        for number, (customer, second, items, dollars) in enumerate(cdnow_rows(), 1)
    ]
    return write_csv(os.path.join(folder, "cdnow_orders.csv"), ORDER_COLUMNS, rows)


def journey_lines():
    """(household, basket, second, sales, quantity, discount) of each line, in the file's order."""
    path = os.path.join(shared(), "data", "complete_journey_transactions_sample.csv.gz")
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            discount = sum(Decimal(row[name]) for name in ("retail_disc", "coupon_disc", "coupon_match_disc"))
            second = seconds(row["transaction_timestamp"], "%Y-%m-%d %H:%M:%S")
            sums = Decimal(row["sales_value"]), Decimal(row["quantity"]), discount
            yield row["household_id"], row["basket_id"], second, *sums


def journey(folder):
    """The paths of (orders by basket, orders by line, engagement)."""
    lines, baskets = [], {}
    for number, (household, basket, second, *sums) in enumerate(journey_lines(), 1):
        lines.append((household, f"{basket}-{number}", second, *sums))
        seen = baskets.setdefault((household, basket), [second, Decimal(0), Decimal(0), Decimal(0)])
        seen[0] = min(seen[0], second)
        seen[1:] = [total + one for total, one in zip(seen[1:], sums)]
    orders = [(household, basket, *rest) for (household, basket), rest in baskets.items()]
    return (
        write_csv(os.path.join(folder, "journey_orders.csv"), ORDER_COLUMNS, orders),
        write_csv(os.path.join(folder, "journey_lines.csv"), ORDER_COLUMNS, lines),
        redemptions(folder),
    )


def redemptions(folder):
    with open(os.path.join(shared(), "data", "coupon_redemptions.csv"), encoding="utf-8", newline="") as file:
        found = [(row["household_id"], row["redemption_date"]) for row in csv.DictReader(file)]
    rows = [
        (household, "coupon_redeemed", seconds(day, "%Y-%m-%d"), f"coupon-{number}")
        for number, (household, day) in enumerate(found, 1)
    ]
    columns = ("customer_id", "kind", "occurred_at", "event_id")
    return write_csv(os.path.join(folder, "journey_engagement.csv"), columns, rows)


if __name__ == "__main__":
    for written in (cdnow(sys.argv[1]), *journey(sys.argv[1])):
        print(written)
