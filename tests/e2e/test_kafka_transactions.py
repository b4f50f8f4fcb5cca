"""Records that come in other people's transactions: committed, aborted, left open; and what the clock
does at the end of a partition."""

import json
import os
import subprocess
import threading
import time

import kafka_kit
import kit

T = 1_700_000_000
DAY = 86_400
RULES = """
segments:
  buyer:
    when: orders() >= 1
  idle:
    when: since(order) >= 1d
  busy:
    when: count(page_view, 1h) >= 2
"""


def iso(second):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(second))


def clock_back(seconds):
    """The environment of a program that lives so long ago."""
    shift = {"LD_PRELOAD": os.path.join(kit.tools, "clock_shift.so"), "QUINTIL_CLOCK_SHIFT": str(-seconds)}
    return {**os.environ, "ASAN_OPTIONS": "verify_asan_link_order=0:detect_leaks=0", **shift}


def setUpModule():
    kafka_kit.start()


def order(n, second, customer=None):
    return {"customer_id": customer or f"c{n % 20}", "order_id": n, "occurred_at": second, "amount": 5}


def view(n, second, customer=None):
    return {"customer_id": customer or f"c{n % 20}", "event_id": f"v{n}", "occurred_at": second, "kind": "page_view"}


class Transactions(kit.EngineTest):
    def log(self, name, partitions=3, settings=()):
        return kafka_kit.Log(name, self.write("rules.yaml", RULES), partitions, settings)

    def replayed(self, **rows):
        files = {}
        for stream, some in rows.items():
            files[stream] = [self.write(f"{stream}.ndjson", "".join(json.dumps(row) + "\n" for row in some))]
        return kit.replay(self.path("rules.yaml"), files)

    def test_committed_and_aborted(self):
        """Only what is committed counts, whatever lies between; twice, so that a restart reads it too."""
        log = self.log("mixed")
        orders = [order(n, T + n * 600) for n in range(400)]
        views = [view(n, T + n * 500) for n in range(480)]
        for stream, rows in (("engagement", views), ("orders", orders)):
            lines, wrong = log.rows(stream, rows), log.rows(stream, [{**row, "customer_id": "nobody"} for row in rows])
            parts = []
            for at in range(0, len(lines), 40):
                parts += ["begin\n", *wrong[at:at + 40], "abort\n", "begin\n", *lines[at:at + 40], "commit\n"]
            kafka_kit.write([*parts, "begin\n", *wrong[:5], "abort\n"], f"{log.name}-{stream}")
        last = max(orders[-1]["occurred_at"], views[-1]["occurred_at"])
        wanted = self.replayed(orders=orders, engagement=views)
        for _ in range(2):
            log.run(epoch_records=100)
            found = log.transitions()
            self.assert_lines(wanted, kit.up_to(found, iso(last)), "mixed")
        self.assert_recorded(log)

    def test_the_clock_behind_control_records(self):
        """A partition that ends in the marks of transactions has been read to its end all the same: what
        falls due after its last record comes, with its own second."""
        log = self.log("marks", partitions=1)
        kafka_kit.write(["begin\n", *log.rows("orders", [order(1, T)]), "commit\n",
                         "begin\n", *log.rows("orders", [order(2, T + 9 * DAY, "nobody")]), "abort\n"], "marks-producer")
        log.run()
        idle = [json.loads(line) for line in log.transitions() if b'"idle"' in line]
        self.assertEqual([(row["customer_id"], row["to"], row["at"]) for row in idle],
                         [("c1", "in", iso(T + DAY))])

    def test_catching_up_after_three_days(self):
        """Stopped for three days with records coming in; what fell due meanwhile carries its own second."""
        log = self.log("outage")
        now = int(time.time())
        before = [order(n, now - 5 * DAY + n * 60) for n in range(40)]
        kafka_kit.write(log.rows("orders", before))
        log.run(env=clock_back(3 * DAY))
        after = [order(100 + n, now - 3 * DAY + n * 3600) for n in range(60)]
        kafka_kit.write(log.rows("orders", after))
        log.run(epoch_records=7)
        self.assert_recorded(log)

    def test_one_topic_long_before_the_other(self):
        """A year of one stream stands there when the first record of the other comes."""
        log = self.log("ahead", partitions=3)
        orders = [order(n, T + n * 3600) for n in range(3000)]
        views = [view(n, T + n * 1800) for n in range(6000)]
        kafka_kit.write(log.rows("engagement", views))
        kafka_kit.write(log.rows("orders", orders))
        log.run(epoch_records=1000)
        last = max(orders[-1]["occurred_at"], views[-1]["occurred_at"])
        wanted = self.replayed(orders=orders, engagement=views)
        self.assert_lines(wanted, kit.up_to(log.transitions(), iso(last)), "ahead")

    def follow(self, run, said, word):
        """Reads what it says until a word comes."""
        for line in run.stderr:
            said.append(line)
            if word in line:
                return line
        self.fail("".join(said))

    def test_one_left_open(self):
        """Somebody died within a transaction: the clock waits for as long as the setting says, the merge
        does not, and the log says when the waiting is over."""
        log = self.log("open", partitions=1, settings=("open_transaction_wait=3s",))
        now = int(time.time())
        kafka_kit.write(log.rows("orders", [order(1, now - 100)]))
        kafka_kit.write(["begin\n", *log.rows("engagement", [view(1, now)]), "flush\n"], "open-producer")
        said = []
        with subprocess.Popen(log.run_command(), stderr=subprocess.PIPE, text=True) as run:
            self.follow(run, said, "running on")
            line = self.follow(run, said, "somebody left a transaction open")
            self.assertIn("topic open.in.engagement, partition 0", line)
            rest = threading.Thread(target=lambda: said.extend(run.stderr))
            rest.start()
            run.terminate()
            self.assertEqual(run.wait(kit.PATIENCE_S), 0, "".join(said))
            rest.join()
        found = [json.loads(line)["segment"] for line in log.transitions()]
        self.assertEqual(found, ["buyer"])
        # Whoever takes the producer's name ends it.
        kafka_kit.write(["begin\n", *log.rows("engagement", [view(2, now), view(3, now)]), "commit\n"], "open-producer")
        log.run()
        self.assert_recorded(log)


if __name__ == "__main__":
    kit.main()
