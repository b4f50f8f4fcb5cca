"""On a real broker, under load: kill -9 of the engine, and the broker killed, stopped and started
again, at random instants. Afterwards what is committed is what the naive model makes of the recorded
order, each change once, and no record of the input was passed over.

The seed is printed; QUINTIL_SEED gives it back (the instants stay a matter of the machine).
QUINTIL_KILLS: how many, by default the twenty of CI.
"""

import json
import os
import random
import signal
import subprocess
import threading
import time

import kafka_kit
import kit

KILLS = int(os.environ.get("QUINTIL_KILLS", "20"))
SEED = int(os.environ.get("QUINTIL_SEED", random.randrange(10**6)))
CUSTOMERS = 60
# Windows of seconds, so that the clock moves people while the engine runs and is killed.
RULES = """
segments:
  busy:
    when: count(page_view, 2s) >= 2
  buyer:
    when: orders(5s) >= 1 and not in(busy)
  gone_quiet:
    when: since(any) >= 1s
    leave_when: count(page_view, 1s) >= 1 or orders(1s) >= 1
    hold: 1s
  big:
    when: spend(1d) >= 500
    leave_when: spend(1d) < 300
"""


def setUpModule():
    print(f"seed {SEED}", flush=True)
    kafka_kit.start()


class Feeder(threading.Thread):
    """Writes small pieces in transactions, one in five of them aborted, by one producer."""

    def __init__(self, log, chaos):
        super().__init__()
        self.log, self.chaos = log, chaos
        self.stopping = threading.Event()
        self.news = threading.Condition()
        self.made = self.failed = 0
        self.committed, self.unknown = set(), set()  # (stream, event_id) of what must be there, and may be

    def line(self):
        self.made += 1
        chaos, now = self.chaos, int(time.time())
        second = now - chaos.choice([0, 0, 0, 1, 2, 10, 3600, 100_000])
        row = {"customer_id": f"c{chaos.randrange(CUSTOMERS)}", "occurred_at": second, "event_id": f"e{self.made}"}
        if chaos.random() < 0.5:
            row["kind"] = "page_view"
            return "engagement", row, self.log.record("engagement", now * 1000, row["customer_id"], json.dumps(row))
        row["kind"] = chaos.choice(["placed", "placed", "placed", "cancelled", "returned"])
        row["order_id"] = f"o{chaos.randrange(self.made) + 1}"
        if row["kind"] != "cancelled":
            row["amount"] = chaos.randrange(200)
        return "orders", row, self.log.record("orders", now * 1000, row["customer_id"], json.dumps(row))

    def wait_for_load(self):
        """Until some more has got through: whatever is ended next is ended under load."""
        with self.news:
            wanted = len(self.committed) + 30
            assert self.news.wait_for(lambda: len(self.committed) >= wanted, kit.PATIENCE_S)

    def run(self):
        while not self.stopping.is_set():
            self.write_until_it_fails()

    def write_until_it_fails(self):
        """A producer that cannot go on, because the broker was away for too long, has a successor of the
        same name. What its last transaction came to, only the log knows."""
        command = [os.path.join(kit.tools, "kafka_tool"), kafka_kit.brokers, "write", "feeder-" + self.log.name,
                   self.chaos.choice(["5000", "60000"])]
        pipe = subprocess.PIPE
        with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True) as writer:
            while not self.stopping.is_set():
                count = self.chaos.randrange(1, 25) if self.made < 4000 else 1
                rows = [self.line() for _ in range(count)]
                end = "abort" if self.chaos.random() < 0.2 else "commit"
                ids = {(stream, row["event_id"]) for stream, row, _ in rows}
                try:
                    writer.stdin.write("".join(["begin\n", *(line for _, _, line in rows), end + "\n"]))
                    writer.stdin.flush()
                    told = writer.stdout.readline()
                except BrokenPipeError:
                    told = ""
                if told != "flushed\n":
                    self.unknown |= ids
                    self.failed += 1
                    writer.kill()
                    return
                if end == "commit":
                    with self.news:
                        self.committed |= ids
                        self.news.notify_all()
                self.stopping.wait(0.02)  # the pace of the load
            writer.stdin.close()


class Kill(kit.EngineTest):
    def begin(self, name):
        log = kafka_kit.Log(name, self.write("rules.yaml", RULES), 3, ["publish_customers=true"])
        feeder = Feeder(log, random.Random(SEED + 1))
        feeder.start()
        self.addCleanup(feeder.join)
        self.addCleanup(feeder.stopping.set)
        return log, feeder

    def finish(self, log, feeder, who):
        feeder.stopping.set()
        feeder.join()
        log.run()
        lines = self.assert_recorded(log, f"{who}, seed {SEED}")
        read = set()
        for stream in ("orders", "engagement"):
            read.update((stream, json.loads(row[4])["event_id"]) for row in log.read(stream))
        self.assertEqual(read - feeder.unknown, feeder.committed, "the input itself")
        seen = sum(line.startswith(b'{"merge_second"') for line in log.recorded())
        self.assertGreaterEqual(seen, len(feeder.committed))
        log.run()
        self.assert_recorded(log, "after one start more")
        print(f"{who}: {feeder.made} records, {feeder.failed} failed producers, {len(lines)} transitions")

    def test_engine(self):
        chaos = random.Random(SEED)
        log, feeder = self.begin("engine-killed")
        for _ in range(KILLS):
            command = log.run_command("--quiet", epoch_records=chaos.choice([5, 65536]), shards=chaos.choice([1, 2, 3]))
            with subprocess.Popen(command, stderr=subprocess.PIPE) as run:
                time.sleep(chaos.choice([0.5, 2.0, 3.0]) * chaos.random())  # the instant is the test
                run.kill()
                said = run.communicate()[1].decode()
                self.assertEqual(run.returncode, -signal.SIGKILL, said)
        self.finish(log, feeder, f"after {KILLS} kills of the engine")

    def test_broker(self):
        """The engine itself is never restarted: it has to come through."""
        chaos = random.Random(SEED + 2)
        log, feeder = self.begin("broker-killed")
        said = []
        with subprocess.Popen(log.run_command(epoch_records=500), stderr=subprocess.PIPE, text=True) as run:
            while not said or "running on" not in said[-1]:
                said.append(run.stderr.readline())
            listener = threading.Thread(target=lambda: said.extend(run.stderr))
            listener.start()
            for number in range(KILLS):
                feeder.wait_for_load()
                time.sleep(0.5 * chaos.random())  # the instant is the test
                kafka_kit.servers("kill" if number % 2 else "stop", "kafka")
                time.sleep(chaos.choice([0, 0, 0.5, 3.0]) * chaos.random())
                kafka_kit.servers("start", "kafka")
                self.assertIsNone(run.poll(), "".join(said))
            run.terminate()
            # 1: what it gathered last could not be committed any more, and it says why.
            self.assertIn(run.wait(kit.PATIENCE_S), (0, 1), "".join(said))
            listener.join()
        self.finish(log, feeder, f"after {KILLS} ends of the broker")


if __name__ == "__main__":
    kit.main()
