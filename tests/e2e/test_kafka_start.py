"""What stops a start on Kafka, and the sentence that says what to do; and what a start makes."""

import json
import re
import subprocess
import sys
import unittest

import kafka_kit
import kit

T = 1_700_000_000
RULES = "segments:\n  buyer:\n    when: orders() >= 1\n"


def setUpModule():
    # Whoever has no rule of his own may do anything, until a test forbids it.
    kafka_kit.start(("authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer",
                     "allow.everyone.if.no.acl.found=true"))


def orders(first, end):
    return [{"customer_id": f"c{n % 7}", "order_id": n, "occurred_at": T + n * 60, "amount": 1} for n in range(first, end)]


class Start(kit.EngineTest):
    def log(self, name, partitions=2, **more):
        return kafka_kit.Log(name, self.write("rules.yaml", RULES), partitions, **more)

    def says(self, log, sentence, code=2, **more):
        """Exit code and the exact last line."""
        said = kit.call(*log.run_command("--drain", **more), code=code).stderr.decode()
        self.assertEqual(said.splitlines()[-1], "quintil run: " + sentence)
        return said

    def test_no_broker(self):
        log = self.log("nobody", create=False)
        log.settings[0] = "kafka.brokers=127.0.0.1:1"
        said = kit.call(*log.run_command("--drain"), code=1).stderr.decode()
        self.assertRegex(said, r"quintil run: no broker of kafka.brokers=127.0.0.1:1 answers \(.*\): see whether Kafka runs "
                               r"there and may be reached")

    def test_missing_input(self):
        log = self.log("missing", create=False)
        self.says(log, "topic missing.in.orders, for the stream orders, is missing: create it with as many partitions as you "
                       "want slices, or set streams.orders.topic to the one you have")
        log.create(log.topic("orders"), 3)
        self.says(log, "topic missing.in.engagement, for the stream engagement, is missing: create it with 3 partitions, as "
                       "the others, or set streams.engagement.topic to the one you have")

    def test_other_counts(self):
        log = self.log("counts", create=False)
        for stream, partitions in zip(kit.STREAMS, (3, 3, 2)):
            log.create(log.topic(stream), partitions)
        self.says(log, "topic counts.in.orders has 3 partitions and topic counts.in.customers has 2: a customer's records must "
                       "stand in the same partition of each; give them one number of partitions")

    def test_other_counts_of_ours(self):
        log = self.log("ours")
        log.create("ours.state", 5)
        self.says(log, "topic ours.state has 5 partitions and the input has 2: slice p is kept in partition p; begin anew with "
                       "another kafka.prefix and kafka.group")

    def test_ours_missing_and_not_to_be_made(self):
        log = self.log("strict", settings=("kafka.create_topics=false",))
        self.says(log, "topic strict.transitions is missing: create it with 2 partitions (docs/OPERATIONS.md has the settings), "
                       "or set kafka.create_topics to true")

    def test_settings_of_ours(self):
        log = self.log("short")
        kafka_kit.tool("create", "short.state", 2, "retention.ms=604800000")
        self.says(log, "topic short.state has retention.ms=604800000: a restart needs every epoch record; set it to -1")
        log = self.log("compacted")
        kafka_kit.tool("create", "compacted.state", 2, "retention.ms=-1", "cleanup.policy=compact")
        self.says(log, "topic compacted.state has cleanup.policy=compact: compaction would take epoch records away that a "
                       "restart needs; set it to delete")
        log = self.log("uncompacted", settings=("publish_customers=true",))
        kafka_kit.tool("create", "uncompacted.customers", 2)
        self.says(log, "topic uncompacted.customers has cleanup.policy=delete: it holds one record a customer, the last one; "
                       "set it to compact")

    def test_what_is_made(self):
        log = self.log("made", partitions=3, settings=("publish_customers=true",))
        kafka_kit.write(log.rows("orders", orders(0, 50)))
        log.run()
        said = kafka_kit.servers("kafka", "topics", "--describe").stdout.decode()
        found = dict(re.findall(r"Topic: made\.(\S+)\s.*PartitionCount: 3\s.*Configs: (\S*)", said))
        self.assertIn("retention.ms=-1", found["state"])
        self.assertIn("retention.bytes=-1", found["state"])
        self.assertIn("cleanup.policy=delete", found["state"])
        self.assertIn("cleanup.policy=compact", found["customers"])
        self.assertEqual(set(found) - {"in.orders", "in.engagement", "in.customers"},
                         {"transitions", "dead-letters", "state", "customers"})

    def test_a_warning_about_retention(self):
        log = self.log("kept", create=False)
        for stream in kit.STREAMS:
            kafka_kit.tool("create", log.topic(stream), 1, "retention.ms=86400000")
        said = kit.call(*log.run_command("--drain")).stderr.decode()
        self.assertIn("quintil: warning: topic kept.in.orders has retention.ms=86400000: a restart reads all of the input again "
                      "until there are snapshots; set it to -1", said)

    def test_input_that_is_gone(self):
        log = self.log("gone", partitions=1)
        kafka_kit.write(log.rows("orders", orders(0, 50)))
        log.run()
        kafka_kit.tool("delete", log.topic("orders"))
        log.create(log.topic("orders"), 1)
        said = kit.call(*log.run_command("--drain"), code=1).stderr.decode()
        self.assertIn("orders, partition 0: no offset is committed, yet quintil.state has records", said)  # it took them along
        said = kit.call(*log.run_command("--drain", "--offsets-from-state"), code=1).stderr.decode()
        self.assertIn("orders, partition 0: the records from offset 0 on were read before and are gone", said)

    def test_state_that_is_gone(self):
        log = self.log("stateless", partitions=1)
        kafka_kit.write(log.rows("orders", orders(0, 50)))
        log.run()
        kafka_kit.tool("delete", "stateless.state")
        said = kit.call(*log.run_command("--drain"), code=1).stderr.decode()
        self.assertIn("quintil.state, partition 0: its records do not come (0 of ", said)

    def test_offsets_from_state(self):
        log = self.log("expired", partitions=2)
        kafka_kit.write(log.rows("orders", orders(0, 50)))
        log.run()
        other = [setting.replace("kafka.group=expired", "kafka.group=later") for setting in log.settings]
        log.settings = other
        said = kit.call(*log.run_command("--drain"), code=1).stderr.decode()
        self.assertIn("no offset is committed, yet quintil.state has records", said)
        self.assertIn("--offsets-from-state", said)
        kafka_kit.write(log.rows("orders", orders(50, 80)))
        log.run("--offsets-from-state")
        log.run()
        self.assert_recorded(log)

    def deny(self, operation, *resource):
        """One rule makes all else forbidden that has none, so that is allowed."""
        everything = ("--allow-principal", "User:*", *resource)
        nothing = ("--deny-principal", "User:ANONYMOUS", *resource, "--operation", operation)
        for rule in (everything, nothing):
            kafka_kit.servers("kafka", "acls", "--add", *rule, "--force")
        return everything, nothing

    def test_missing_permissions(self):
        log = self.log("closed")
        self.deny("Describe", "--topic", "closed.in.engagement")
        self.says(log, "topic closed.in.engagement may not be looked at: allow Read and Describe on it to this user")
        log = self.log("unread", partitions=1)
        self.deny("Read", "--topic", "unread.in.orders")
        said = kit.call(*log.run_command("--drain"), code=None)
        self.assertNotEqual(said.returncode, 0)
        self.assertIn("unread.in.orders", said.stderr.decode())
        log = self.log("nameless")
        self.deny("Write", "--transactional-id", "one-nameless")
        said = kit.call(*log.run_command("--drain"), code=2).stderr.decode()
        self.assertIn("allow Write and Describe on the transactional id to this user", said)
        log = self.log("ungrouped")
        self.deny("Read", "--group", "ungrouped")
        said = kit.call(*log.run_command("--drain"), code=2).stderr.decode()
        self.assertIn("the group may not be used: allow Read on it (kafka.group) to this user", said)

    def test_topics_that_may_not_be_made(self):
        log = self.log("unmade")
        rules = self.deny("Create", "--cluster")
        try:
            self.deny("Create", "--topic", "unmade.state")
            said = kit.call(*log.run_command("--drain"), code=2).stderr.decode()
            self.assertRegex(said, r"topic unmade\.\S+ is missing and may not be created: allow Create on it to this user, or "
                                   r"create it yourself \(docs/OPERATIONS.md\)")
        finally:
            for rule in reversed(rules):  # while we still may
                kafka_kit.servers("kafka", "acls", "--remove", *rule, "--force")

    def test_wrong_settings(self):
        """Settings of Kafka's that no broker is asked about; the exact words."""
        topics = [f"kafka.brokers={kafka_kit.brokers}"]
        cases = {
            ("log=kafka",): "log is `kafka`, and kafka.brokers is not set; expected where Kafka is, e.g. `localhost:9092`",
            ("kafka.properties.linger.ms=5",): "kafka.properties are set, and kafka.brokers is not; expected where Kafka is, "
                                               "e.g. `localhost:9092`",
        }
        refused = {
            "enable.auto.commit": "offsets are committed with the transitions, in one transaction",
            "isolation.level": "only committed records are read, or aborted ones would count",
            "auto.offset.reset": "an offset that is gone stops the start; a silent reset would lose records",
            "group.id": "set `kafka.group`",
            "bootstrap.servers": "set `kafka.brokers`",
            "acks": "a transaction is acknowledged by all replicas in sync",
            "enable.idempotence": "a transaction needs it",
            "enable.partition.eof": "the clock of a slice needs to know where its partitions end",
        }
        for name, reason in refused.items():
            row = f"kafka.properties.{name}=x"
            cases[(*topics, row)] = f"--set {row}: kafka.properties: `{name}` cannot be set: {reason}"
        row = "kafka.properties.lingr.ms=5"
        cases[(*topics, row)] = (f"--set {row}: kafka.properties: librdkafka does not take `lingr.ms`: No such configuration "
                                 "property: \"lingr.ms\"")
        row = "kafka.properties.linger.ms=soon"
        cases[(*topics, row)] = (f"--set {row}: kafka.properties: librdkafka does not take `linger.ms`: Invalid value "
                                 "for configuration property \"queue.buffering.max.ms\"")
        for settings, sentence in cases.items():
            with self.subTest(settings=settings[-1]):
                sets = [part for setting in settings for part in ("--set", setting)]
                said = kit.call(kit.quintil, "run", *sets, code=2).stderr.decode()
                self.assertEqual(said.strip(), "quintil run: " + sentence)


if __name__ == "__main__":
    kit.main()
