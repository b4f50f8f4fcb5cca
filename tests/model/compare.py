#!/usr/bin/env python3
"""Holds the engine against the naive model, byte for byte: transitions and final states.

    compare.py ENGINE cdnow|journey [--matrix]
    compare.py ENGINE random --seeds A..B [--matrix]
    compare.py ENGINE files --rules R [--orders F..] [--engagement F..] [--customers F..] [--to T]

ENGINE is the path of `quintil`. --matrix also runs the engine with every number of shards, slices
and records an epoch of MATRIX and wants the same bytes. Exit: 0 equal, 1 different, 77 skipped as
the data is missing. On a difference the input stays where the message says (of random shops the last
one's; random_shop.py makes any seed's again).
"""

import argparse
import itertools
import json
import os
import shutil
import subprocess
import sys
import tempfile

import prepare
import random_shop

HERE = os.path.dirname(os.path.abspath(__file__))
STREAMS = ("orders", "engagement", "customers")
MATRIX = list(itertools.product((1, 2, 3, 8), (1, 3, 8), (1, 7, 1000)))


class Different(Exception):
    pass


def arguments_of(made):
    """made: {"rules": path, "orders": [paths], ..., "to": second or None}"""
    arguments = ["--rules", made["rules"]]
    for stream in STREAMS:
        for path in made.get(stream, ()):
            arguments += [f"--{stream}", path]
    return arguments + (["--to", str(made["to"])] if made.get("to") is not None else [])


def run(command, arguments, folder, name):
    """Returns (transitions, states) as bytes."""
    state = os.path.join(folder, f"{name}-state.ndjson")
    command = [*command, *arguments, "--state", state]
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode != 0:
        errors = done.stderr.decode(errors="replace")[-2000:]
        raise Different(f"exit {done.returncode} of {' '.join(command)}\n{errors}")
    with open(state, "rb") as file:
        return done.stdout, file.read()


def changed_keys(wanted, found):
    try:
        wanted, found = json.loads(wanted), json.loads(found)
    except ValueError:
        return "not JSON"
    return ", ".join(key for key in {**wanted, **found} if wanted.get(key) != found.get(key)) or "only bytes"


def first_difference(what, wanted, found):
    wanted, found = wanted.decode().split("\n"), found.decode(errors="replace").split("\n")
    for number, (one, other) in enumerate(itertools.zip_longest(wanted, found, fillvalue=""), 1):
        if one != other:
            before = f"before {wanted[number - 2]}\n" if number > 1 else ""
            return (
                f"{what} differ at line {number} (of {len(wanted) - 1} and {len(found) - 1}) "
                f"in {changed_keys(one, other)}:\n{before}wanted {one}\nfound  {other}"
            )
    return f"{what} are equal line by line"


def want_equal(wanted, found, who):
    for what, one, other in zip(("transitions", "states"), wanted, found):
        if one != other:
            raise Different(f"{who}: {first_difference(what, one, other)}")


def compare(engine, made, folder, matrix):
    """Returns the number of transitions."""
    arguments = arguments_of(made)
    wanted = run([sys.executable, "-B", os.path.join(HERE, "naive.py")], arguments, folder, "model")
    want_equal(wanted, run([engine, "replay"], arguments, folder, "engine"), "engine against model")
    for shards, slices, records in MATRIX if matrix else ():
        shape = ["--shards", str(shards), "--slices", str(slices), "--epoch-records", str(records)]
        want_equal(wanted, run([engine, "replay", *shape], arguments, folder, "engine"), " ".join(shape))
    return wanted[0].count(b"\n")


def rule_path(name):
    return os.path.join(HERE, "rules", f"{name}.yaml")


def cdnow_cases(folder):
    orders = [prepare.cdnow(folder)]
    for name in ("cdnow_value", "cdnow_recency", "weekly_counts"):
        for to in (None, prepare.seconds("1999-09-30", "%Y-%m-%d")):
            yield f"CDNOW, {name}, to {to}", {"rules": rule_path(name), "orders": orders, "to": to}


def journey_cases(folder):
    baskets, lines, redeemed = prepare.journey(folder)
    for name in ("journey_shopper", "cdnow_value", "weekly_counts", "journey_lines"):
        what, orders = ("lines", lines) if name == "journey_lines" else ("baskets", baskets)
        made = {"rules": rule_path(name), "orders": [orders], "engagement": [redeemed]}
        yield f"Complete Journey, {what}, {name}", made


def compare_cases(engine, cases, matrix, folder):
    for name, made in cases:
        count = compare(engine, made, folder, matrix)
        print(f"{name}: {count} transitions, equal", flush=True)


def compare_seeds(engine, seeds, matrix, folder):
    """Goes on after a difference, so that one run tells how many seeds differ."""
    total, different = 0, []
    for number, seed in enumerate(seeds, 1):
        for file in os.listdir(folder):
            os.remove(os.path.join(folder, file))
        try:
            total += compare(engine, random_shop.write(seed, folder), folder, matrix)
        except Different as difference:
            print(f"seed {seed}: {difference}", flush=True)
            different.append(seed)
        if number % 50 == 0 and number < len(seeds):
            print(f"{number} of {len(seeds)} shops, {total} transitions", flush=True)
    if different:
        raise Different(f"{len(different)} of {len(seeds)} random shops differ: {different}")
    print(f"{len(seeds)} random shops, {total} transitions, equal", flush=True)


def read_options():
    parser = argparse.ArgumentParser(description="Holds the engine against the naive model.")
    parser.add_argument("engine")
    parser.add_argument("mode", choices=("cdnow", "journey", "random", "files"))
    parser.add_argument("--seeds", default="1..100", help="A..B, both included")
    parser.add_argument("--matrix", action="store_true")
    parser.add_argument("--rules")
    parser.add_argument("--to")
    for stream in STREAMS:
        parser.add_argument(f"--{stream}", action="extend", nargs="+", default=[])
    return parser.parse_args()


def main():
    options = read_options()
    folder = tempfile.mkdtemp(prefix="quintil-compare-")
    try:
        if options.mode == "random":
            first, last = options.seeds.split("..")
            compare_seeds(options.engine, range(int(first), int(last) + 1), options.matrix, folder)
        elif options.mode == "files":
            compare_cases(options.engine, [("files", vars(options))], options.matrix, folder)
        else:
            cases = cdnow_cases if options.mode == "cdnow" else journey_cases
            compare_cases(options.engine, cases(folder), options.matrix, folder)
    except Different as difference:
        print(f"{difference}\ninput and states: {folder}")
        return 1
    except BaseException:
        shutil.rmtree(folder)
        raise
    shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
