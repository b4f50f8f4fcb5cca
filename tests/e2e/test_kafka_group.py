"""Several instances on one group: two with one name, of which one gives way; two with two names, which
share the slices, also when one of them dies or comes back."""

import json
import os
import select
import subprocess
import threading
import time

import kafka_kit
import kit

RULES = """
segments:
  buyer:
    when: orders() >= 1
  keen:
    when: orders(3s) >= 2
"""


def setUpModule():
    kafka_kit.start()


class Instance:
    """A running engine and what it says."""

    def __init__(self, log, name):
        command = log.run_command(settings=(f"instance={name}", "kafka.properties.topic.metadata.refresh.interval.ms=500"))
        self.run = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        self.said = []
        self.news = threading.Condition()
        self.seen = 0
        self.listener = threading.Thread(target=self.listen)
        self.listener.start()

    def listen(self):
        for line in self.run.stderr:
            with self.news:
                self.said.append(line)
                self.news.notify_all()
        with self.news:
            self.said.append("(end)")
            self.news.notify_all()

    def wait_for(self, word):
        """The next line with the word, behind those already waited for."""

        def found():
            for number in range(self.seen, len(self.said)):
                if word in self.said[number]:
                    self.seen = number + 1
                    return self.said[number]
            return "(end)" in self.said and "(end)"

        with self.news:
            line = self.news.wait_for(found, kit.PATIENCE_S)
        if not line or line == "(end)":
            raise AssertionError(f"no `{word}` in:\n{''.join(self.said)}")
        return line

    def end(self, how="terminate"):
        getattr(self.run, how)()
        code = self.run.wait(kit.PATIENCE_S)
        self.listener.join()
        self.run.stderr.close()
        return code


def first_to_end(*instances):
    """Waits for it; a process's descriptor is readable once it has ended."""
    descriptors = {os.pidfd_open(one.run.pid): one for one in instances}
    try:
        ready = select.select(list(descriptors), [], [], kit.PATIENCE_S)[0]
    finally:
        for descriptor in descriptors:
            os.close(descriptor)
    if not ready:
        raise AssertionError("none of them ended")
    return descriptors[ready[0]]


class Group(kit.EngineTest):
    def log(self, name, partitions):
        self.made = 0
        return kafka_kit.Log(name, self.write("rules.yaml", RULES), partitions)

    def feed(self, log, count=60):
        now = int(time.time())
        rows = [{"customer_id": f"c{(self.made + n) % 25}", "order_id": self.made + n, "occurred_at": now, "amount": 1}
                for n in range(count)]
        self.made += count
        kafka_kit.write(log.rows("orders", rows))

    def start(self, log, name):
        instance = Instance(log, name)
        self.addCleanup(lambda: instance.run.poll() is None and instance.end("kill"))
        return instance

    def check(self, log):
        log.run()
        self.assert_recorded(log)
        self.assertEqual(len(log.recorded()) - sum(line.startswith(b'{"clock"') for line in log.recorded()), self.made)

    def test_one_name_twice(self):
        """The newer one takes over; the older one tries to come back and gives up, saying why."""
        log = self.log("twins", 3)
        self.feed(log)
        first = self.start(log, "twin")
        first.wait_for("running on")
        second = self.start(log, "twin")
        second.wait_for("running on")
        self.feed(log)
        ended = first_to_end(first, second)
        ended.wait_for("another instance runs under the name twin: give each its own `instance`")
        self.assertEqual(ended.end(), 1)
        other = second if ended is first else first
        self.feed(log)
        self.assertIsNone(other.run.poll())
        self.assertEqual(other.end(), 0, "".join(other.said))
        self.check(log)

    def test_two_names_share(self):
        log = self.log("pair", 4)
        self.feed(log)
        first = self.start(log, "left")
        self.assertIn("4 of 4 partitions", first.wait_for("running on"))
        second = self.start(log, "right")
        self.assertIn("2 of 4 partitions", second.wait_for("running on"))
        self.assertIn("2 of 4 partitions", first.wait_for("running on"))
        self.feed(log)
        self.assertEqual(second.end("kill"), -9)
        self.feed(log)
        self.assertIn("4 of 4 partitions", first.wait_for("running on"))  # when its session is over
        self.feed(log)
        third = self.start(log, "right")
        self.assertIn("2 of 4 partitions", third.wait_for("running on"))
        self.feed(log)
        self.assertEqual(first.end(), 0, "".join(first.said))
        self.assertIn("4 of 4 partitions", third.wait_for("running on"))
        self.feed(log)
        self.assertEqual(third.end(), 0, "".join(third.said))
        self.check(log)

    def test_more_partitions_while_it_runs(self):
        """Customers have moved between partitions then: it ends, and says so."""
        log = self.log("grown", 2)
        self.feed(log)
        running = self.start(log, "one")
        running.wait_for("running on")
        kafka_kit.servers("kafka", "topics", "--alter", "--topic", log.topic("orders"), "--partitions", "3")
        running.wait_for("topic grown.in.orders has got more partitions than the 2 that it had")
        self.assertEqual(running.run.wait(kit.PATIENCE_S), 2)
        running.end()

    def test_it_ends_while_it_waits_for_a_broker(self):
        log = self.log("away", 2)
        self.feed(log)
        running = self.start(log, "one")
        running.wait_for("running on")
        kafka_kit.servers("kill", "kafka")
        try:
            running.run.terminate()
            # Either it was idle and ends cleanly, or it has something to commit, and a second signal ends it.
            try:
                running.run.wait(10)
            except subprocess.TimeoutExpired:
                running.run.terminate()
            self.assertIn(running.run.wait(kit.PATIENCE_S), (0, 1))
        finally:
            kafka_kit.servers("start", "kafka")
        running.end()
        self.check(log)

    def test_more_instances_than_partitions(self):
        """Who has nothing waits, and takes over."""
        log = self.log("queue", 1)
        self.feed(log)
        first = self.start(log, "a")
        first.wait_for("running on")
        second = self.start(log, "b")
        waiting = second if "0 of" not in first.said[-1] else first
        waiting.wait_for("waiting for partitions")
        running = first if waiting is second else second
        self.assertEqual(running.end("kill"), -9)
        self.assertIn("1 of 1 partitions", waiting.wait_for("running on"))
        self.feed(log)
        self.assertEqual(waiting.end(), 0, "".join(waiting.said))
        self.check(log)


if __name__ == "__main__":
    kit.main()
