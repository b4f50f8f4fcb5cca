"""quintil generate: what it writes, that a seed says all, how it ends."""
import csv
import datetime
import json
import os
import signal
import subprocess
import unittest

import kit

FILES = ("orders", "engagement")


def instant(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


class Generate(kit.CommandTest):
    def shop(self, name, *options):
        self.quintil("generate", "--out", self.folder / name, "--customers", 300, "--days", 90,
                     *options)
        return self.folder / name

    def rows(self, name, stream):
        with open(self.folder / name / f"{stream}.csv", encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    def test_a_seed_makes_the_same_bytes(self):
        one, two, other = self.shop("one"), self.shop("two"), self.shop("other", "--seed", 2)
        for name in FILES:
            content = (one / f"{name}.csv").read_bytes()
            self.assertGreater(len(content), 10000)
            self.assertEqual(content, (two / f"{name}.csv").read_bytes())
            self.assertNotEqual(content, (other / f"{name}.csv").read_bytes())

    def test_rows_are_whole_and_in_the_order_of_time(self):
        self.shop("csv", "--start", "2024-02-01")
        for stream in FILES:
            rows = self.rows("csv", stream)
            times = [instant(row["occurred_at"]) for row in rows]
            self.assertEqual(times, sorted(times))
            first = instant("2024-02-01T00:00:00Z")
            self.assertTrue(first <= times[0] <= times[-1] < first + datetime.timedelta(days=90))
            self.assertEqual(len({row["event_id"] for row in rows}), len(rows))
            self.assertTrue(all(None not in row and None not in row.values() for row in rows))
        orders = self.rows("csv", "orders")
        placed = {row["order_id"]: row for row in orders if row["kind"] == "placed"}
        self.assertEqual({row["kind"] for row in orders},
                         {"placed", "amended", "cancelled", "returned"})
        for row in orders:
            if row["kind"] != "placed":
                self.assertEqual(row["placed_at"], placed[row["order_id"]]["occurred_at"])
        self.assertEqual(len({row["customer_id"] for row in orders}), 300)

    def test_ndjson_says_what_csv_says(self):
        self.shop("csv")
        ndjson = self.shop("ndjson", "--format", "ndjson")
        for stream in FILES:
            lines = (ndjson / f"{stream}.ndjson").read_text(encoding="utf-8").splitlines()
            rows = self.rows("csv", stream)
            self.assertEqual(len(lines), len(rows))
            for line, row in zip(lines, rows):
                record = {key: str(value) for key, value in json.loads(line).items()}
                standard = {"items": "1", "margin": "0", "discount": "0", "value": "0"}
                for key, cell in row.items():
                    if cell and not (key not in record and standard.get(key) == cell):
                        self.assertEqual(record.pop(key), cell, line)
                self.assertEqual(record, {}, line)

    def test_a_log_is_made_and_appended_to(self):
        def made(*options, code=0):
            self.quintil("generate", "--data", self.folder / "log", "--customers", 50, *options,
                         code=code)
            return sum(path.stat().st_size for path in (self.folder / "log").rglob("*.log"))

        first = made("--partitions", 3)
        self.assertGreater(first, 100000)
        self.assertEqual({path.name for path in (self.folder / "log/topics/orders").iterdir()},
                         {"0", "1", "2"})
        self.assertGreater(made("--seed", 2), 1.8 * first)
        made("--partitions", 2, code=2)

    def test_nobodys_file_is_overwritten(self):
        shop = self.shop("shop")
        os.rename(shop / "orders.csv", shop / "kept")
        before = (shop / "engagement.csv").read_bytes()
        self.refuses("engagement.csv is there already", "generate", "--out", shop)
        self.assertEqual((shop / "engagement.csv").read_bytes(), before)
        self.assertFalse((shop / "orders.csv").exists())

    def test_live_goes_on_until_it_is_told_to_stop(self):
        shop = self.folder / "live"
        begun = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
        process = subprocess.Popen(
            [kit.QUINTIL, "generate", "--out", shop, "--live", "--customers", "2000", "--days", "30",
             "--speed", "100000"], stderr=subprocess.PIPE, text=True)
        self.assertIn("of history written; going on live", process.stderr.readline())
        history = sum(len(self.rows("live", stream)) for stream in FILES)
        self.assertGreater(history, 5000)
        process.send_signal(signal.SIGINT)
        said = process.communicate()[1]
        self.assertEqual(process.returncode, 0, said)
        self.assertIn("written to", said)
        self.assertGreaterEqual(sum(len(self.rows("live", name)) for name in FILES), history)
        ended = datetime.datetime.now(datetime.timezone.utc)
        times = [instant(row["occurred_at"]) for row in self.rows("live", "engagement")]
        self.assertEqual(times, sorted(times))
        self.assertLess(times[0], begun - datetime.timedelta(days=29))
        self.assertLessEqual(times[-1], ended)
        for name in FILES:
            self.assertTrue((shop / f"{name}.csv").read_bytes().endswith(b"\n"))

    def test_at_a_speed_it_ends_with_its_days(self):
        fast, once = self.shop("fast", "--speed", 1e9), self.shop("once")
        for name in FILES:
            self.assertEqual((fast / f"{name}.csv").read_bytes(),
                             (once / f"{name}.csv").read_bytes())

    def test_a_wrong_command_line_is_refused_with_a_sentence(self):
        out = ("--out", self.folder / "x")
        self.refuses("--out FOLDER, --data FOLDER or -c FILE", "generate")
        self.refuses("--out FOLDER, --data FOLDER or -c FILE", "generate", *out, "--data", self.folder)
        self.refuses("from 1 to", "generate", *out, "--customers", 0)
        self.refuses("from 1 to", "generate", *out, "--days", "-1")
        self.refuses("from 0 to", "generate", *out, "--seed", "x")
        self.refuses("expected ISO 8601", "generate", *out, "--start", "yesterday")
        self.refuses("ends", "generate", *out, "--start", "2100-12-31")
        self.refuses("expected a number", "generate", *out, "--speed", "nan")
        self.refuses("above 0", "generate", *out, "--live", "--speed", 0)
        self.refuses("no --start", "generate", *out, "--live", "--start", "2025-01-01")
        self.refuses("csv or ndjson", "generate", *out, "--format", "xml")
        self.refuses("--partitions goes with", "generate", *out, "--partitions", 2)
        self.refuses("expected options only", "generate", *out, "x")
        self.assertFalse((self.folder / "x").exists())

    def test_a_place_that_cannot_be_written_is_the_worlds_fault(self):
        (self.folder / "file").write_text("")
        said = self.quintil("generate", "--out", self.folder / "file" / "x", code=1).stderr
        self.assertIn("cannot", said)


if __name__ == "__main__":
    unittest.main()
