"""kill -9 of the engine and of those who append, at random instants, under load: afterwards what is
committed is what the naive model makes of the recorded order, each change once.

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


class Feeder(threading.Thread):
    """Appends small pieces with `quintil append`, one process each, and kills some of those."""

    def __init__(self, log, chaos):
        super().__init__()
        self.log, self.chaos = log, chaos
        self.stopping = threading.Event()
        self.made = self.killed = 0

    def row(self, stream):
        self.made += 1
        chaos, now = self.chaos, int(time.time())
        second = now - chaos.choice([0, 0, 0, 1, 2, 10, 3600, 100_000])
        row = {"customer_id": f"c{chaos.randrange(CUSTOMERS)}", "occurred_at": second, "event_id": f"e{self.made}"}
        if stream == "engagement":
            return {**row, "kind": "page_view"}
        kind = chaos.choice(["placed", "placed", "placed", "cancelled", "returned"])
        row = {**row, "kind": kind, "order_id": f"o{chaos.randrange(self.made) + 1}"}
        return row if kind == "cancelled" else {**row, "amount": chaos.randrange(200)}

    def run(self):
        while not self.stopping.is_set():
            stream = self.chaos.choice(["orders", "engagement"])
            count = self.chaos.randrange(1, 25) if self.made < 3000 else 1
            text = "".join(json.dumps(self.row(stream)) + "\n" for _ in range(count))
            pipe = subprocess.PIPE
            with subprocess.Popen(self.log.append_command(stream), stdin=pipe, stdout=pipe, stderr=pipe) as append:
                if self.chaos.random() < 0.25:
                    threading.Timer(self.chaos.random() * 0.02, append.kill).start()
                append.communicate(text.encode())
                self.killed += append.returncode == -signal.SIGKILL


class Kill(kit.EngineTest):
    def setUp(self):
        super().setUp()
        print(f"seed {SEED}", flush=True)

    def check_customers(self, log):
        """quintil.customers says of each customer where the transitions have got to."""
        wanted, found = {}, {}
        for row in log.read("quintil.transitions"):
            change = json.loads(row[4])
            state = wanted.setdefault(row[3], {"sequence": 0, "segments": {}})
            state["sequence"] = change["sequence"]
            state["segments"][change["segment"]] = change["to"]
        for row in log.read("quintil.customers"):
            found[row[3]] = json.loads(row[4])
        self.assertEqual(wanted.keys(), found.keys())
        for customer, state in wanted.items():
            known = found[customer]
            self.assertEqual(known["sequence"], state["sequence"])
            self.assertEqual({name: known["segments"][name] for name in state["segments"]}, state["segments"])
        return wanted

    def kill_engine(self, log, chaos):
        """One life of the engine, from a moment to a third of a second."""
        command = log.run_command("--quiet", epoch_records=chaos.choice([5, 65536]), shards=chaos.choice([1, 2, 3]))
        with subprocess.Popen(command, stderr=subprocess.PIPE) as run:
            time.sleep(chaos.choice([0.02, 0.06, 0.3]) * chaos.random())  # the instant is the test
            run.kill()
            said = run.communicate()[1].decode()
            self.assertEqual((run.returncode, said), (-signal.SIGKILL, ""))

    def test_engine_and_feeder(self):
        chaos = random.Random(SEED)
        log = kit.Log(self.path("log"), self.write("rules.yaml", RULES), 3, ["publish_customers=true"])
        log.append("orders", input=b"")
        feeder = Feeder(log, random.Random(SEED + 1))
        feeder.start()
        seen = self.path("seen")
        try:
            with open(seen, "wb") as file:
                follow = [kit.quintil, "read", "transitions", "--data", log.folder, "--follow", "--offsets"]
                with subprocess.Popen(follow, stdout=file) as reader:
                    for _ in range(KILLS):
                        self.kill_engine(log, chaos)
                    reader.terminate()
        finally:
            feeder.stopping.set()
            feeder.join()
        log.run()
        lines = self.assert_recorded(log, f"after {KILLS} kills, seed {SEED}")
        self.check_reader(log, seen)
        self.check_customers(log)
        log.run()
        self.assert_recorded(log, "after one start more")
        print(f"{feeder.made} records, {feeder.killed} appends killed, {len(lines)} transitions")

    def test_other_rules_in_between(self):
        """Each life has other rules. At the end everybody is where the last ones, asked of the whole
        history, put them: these have no memory of their own."""
        chaos = random.Random(SEED + 3)
        text = "segments:\n  big:\n    when: spend(1d) >= {}\n  many:\n    when: orders() >= {} or in(big)\n"
        log = kit.Log(self.path("log"), self.write("rules.yaml", text.format(0, 1)), 3, ["publish_customers=true"])
        # Everybody is in both to begin with, so that other rules have somebody to move however early
        # the lives end.
        rows = ({"customer_id": f"c{n}", "order_id": f"first{n}", "occurred_at": int(time.time()), "amount": 1} for n in range(9))
        log.append("orders", input="".join(json.dumps(row) + "\n" for row in rows).encode())
        log.run()
        feeder = Feeder(log, random.Random(SEED + 4))
        feeder.start()
        try:
            for number in range(KILLS // 2):
                changed = text.format(chaos.randrange(50, 500), chaos.randrange(1, 8))
                log.rules = self.write(f"rules-{number}.yaml", changed)
                self.kill_engine(log, chaos)
        finally:
            feeder.stopping.set()
            feeder.join()
        log.run()
        log.transitions()
        file, states = self.write("recorded", b"\n".join(log.recorded())), self.path("states")
        kit.call(*kit.model("--rules", log.rules, "--recorded", file, "--state", states))
        found = self.check_customers(log)
        with open(states, "rb") as lines:
            for state in map(json.loads, lines):
                known = found.get(state["customer_id"].encode(), {"segments": {}})
                here = {name: known["segments"].get(name, "out") for name in state["segments"]}
                self.assertEqual(here, state["segments"], f"seed {SEED}: {state}")
        causes = {json.loads(row[4])["cause"] for row in log.read("quintil.transitions")}
        self.assertIn("rules", causes)

    def check_reader(self, log, path):
        """What a reader was shown stays."""
        committed = {(row[0], row[1]): row[4] for row in log.read("quintil.transitions")}
        with open(path, "rb") as file:
            shown = file.read().split(b"\n")[:-1]
        for line in shown:
            partition, offset, value = line.split(b"\t")
            self.assertEqual(committed[int(partition), int(offset)], value)
        print(f"{len(shown)} transitions read while it was being killed")

    def test_append(self):
        """A killed append leaves a beginning of its input, and nothing twice once it is resumed."""
        chaos = random.Random(SEED + 2)
        rows = [{"customer_id": "c", "order_id": f"o{n}", "occurred_at": 1_700_000_000 + n, "amount": n} for n in range(60_000)]
        lines = [json.dumps(row).encode() for row in rows]
        log = kit.Log(self.path("log"), self.write("rules.yaml", RULES), 1)
        log.append("orders", input=b"")
        there, kills = 0, 0
        while there < len(lines):
            rest = b"\n".join(lines[there:]) + b"\n"
            with subprocess.Popen(
                log.append_command("orders"), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
            ) as append:
                if kills < KILLS // 2:
                    threading.Timer(chaos.random() * 0.1, append.kill).start()
                append.communicate(rest)
                kills += append.returncode != 0
            found = [row[4] for row in log.read("orders")]
            self.assertGreaterEqual(len(found), there)
            self.assertTrue(found == lines[: len(found)], "not a beginning of the input")
            there = len(found)
        print(f"{kills} kills")


if __name__ == "__main__":
    kit.main()
