"""What is wrong with a configuration, word for word: the place, what was expected, how to mend it."""
import unittest

import kit

UNUSABLE = "quintil run: the configuration is not usable as it is"

# A file and its first problem, with line and column.
FILES = (
    ("shard: 1\n", "1:1: unknown key `shard` in a configuration file; expected one of "
     "docs/CONFIGURATION.md; did you mean `shards`?"),
    ("shards: 8abc\n", "1:9: `shards` cannot be `8abc`; expected a whole number from 0 to 256 threads"),
    ("shards: 300\n", "1:9: `shards` cannot be `300`; expected a whole number from 0 to 256 threads"),
    ("shards: 1.5\n", "1:9: `shards` cannot be `1.5`; expected a whole number from 0 to 256 threads"),
    ("shards: [1]\n", "1:9: `shards` is a list; expected one value"),
    ("shards: 1\nshards: 2\n", "2:1: `shards` stands here twice, first in line 1; expected it once"),
    ("\tshards: 1\n", "1:1: a tab in the indentation; expected blanks"),
    ("- a\n", "1:1: the file is a list; expected settings, e.g. `data_folder: ./data`"),
    ("data_folder: ''\n", "1:14: `data_folder` has 0 bytes; expected 1 to 4096"),
    ("publish_customers: maybe\n",
     "1:20: `publish_customers` cannot be `maybe`; expected `true` or `false`"),
    ("duplicate_horizon: 2d\n", "1:20: `duplicate_horizon` cannot be `2d`; expected from 0s to 86400s"),
    ("open_transaction_wait: 2x\n",
     "1:24: unknown unit in `2x`; expected a duration in s, m, h, d or w (months and years in days)"),
    ("delivery: atleastonce\n",
     "1:11: `delivery` cannot be `atleastonce`; expected `exactly_once` or `at_least_once`; did you mean "
     "`at_least_once`?"),
    ("base_currency: EURO\n", "1:16: `base_currency` has 4 bytes; expected 3"),
    ("epoch: 5\n", "1:8: `epoch` is a text; expected keys below it"),
    ("epoch:\n  min: 5\n", "2:3: unknown key `min` in `epoch`; expected one of docs/CONFIGURATION.md"),
    ("log: redis\n", "1:6: `log` cannot be `redis`; expected `local` or `kafka`"),
    ("streams: [orders]\n", "1:10: `streams` is a list; expected keys below it"),
    ("streams:\n  order: {}\n",
     "2:3: unknown stream `order`; expected orders, engagement or customers; did you mean `orders`?"),
    ("streams:\n  orders:\n    timestamp: now\n",
     "3:16: `timestamp` cannot be `now`; expected `record` or `event`"),
    ("streams:\n  orders:\n    fields:\n      custmer_id: x\n",
     "4:7: unknown field `custmer_id` of the orders stream; expected one of docs/CONFIGURATION.md; did you "
     "mean `customer_id`?"),
    ("streams:\n  orders:\n    fields:\n      amount: {path: a..b}\n",
     "4:22: `a..b` is no path to `amount`: a name is missing; expected names with dots between, e.g. "
     "`customer.id` or `lines[0].price`, or `~` for none"),
    ("streams:\n  orders:\n    fields:\n      amount: {scale: 12}\n",
     "4:23: `12` is no scale; expected the number of decimals of the minor unit, from 0 to 9, e.g. `2` for "
     "cents"),
    ("kafka: localhost:9092\n", "1:8: `kafka` is a text; expected keys below it"),
    ("kafka:\n  broker: x\n", "2:3: unknown key `broker` in `kafka`; expected one of "
     "docs/CONFIGURATION.md; did you mean `brokers`?"),
    ("kafka:\n  group: ''\n", "2:10: `kafka.group` has 0 bytes; expected 1 to 249"),
    ("kafka:\n  replication: -1\n",
     "2:16: `kafka.replication` cannot be `-1`; expected a whole number from 0 to 1000 replicas"),
    ("kafka:\n  properties: [a]\n", "2:15: `properties` is a list; expected keys below it"),
    ("kafka:\n  properties:\n    enable.auto.commit: true\n",
     "3:5: kafka.properties: `enable.auto.commit` cannot be set: offsets are committed with the "
     "transitions, in one transaction"),
    ("kafka:\n  properties:\n    isolation.level: read_uncommitted\n",
     "3:5: kafka.properties: `isolation.level` cannot be set: only committed records are read, or aborted "
     "ones would count"),
    ("kafka:\n  properties:\n    transactional.id: a\n",
     "3:5: kafka.properties: `transactional.id` cannot be set: set `instance`, which is also the "
     "group.instance.id: only together do they shut out an instance that was taken for dead"),
    ("kafka:\n  properties:\n    partition.assignment.strategy: roundrobin\n",
     "3:5: kafka.properties: `partition.assignment.strategy` cannot be set: partition p of every stream must "
     "come to the same instance; `range` does that, and cooperative-sticky skips records in librdkafka 2.0.2"),
    ("kafka:\n  properties:\n    no.such.thing: 1\n",
     "3:5: kafka.properties: librdkafka does not take `no.such.thing`: No such configuration property: "
     "\"no.such.thing\""),
    ("redis: localhost:6379\n", "1:8: `redis` is a text; expected keys below it"),
    ("redis: {adress: 'localhost:6379'}\n",
     "1:9: unknown key `adress` in `redis`; expected one of docs/CONFIGURATION.md; did you mean `address`?"),
    ("redis: {database: -1}\n",
     "1:19: `redis.database` cannot be `-1`; expected a whole number from 0 to 65535"),
    ("redis: {batch: 0}\n", "1:16: `redis.batch` cannot be `0`; expected a whole number from 1 to 4096 "
     "transitions"),
)

# A file whose single settings are right, and what they are together.
TOGETHER = (
    ("delivery: at_least_once\n", "delivery: at_least_once comes with a later version; now it is exactly_once"),
    ("base_currency: E1R\n", "base_currency is `E1R`; expected a code of three letters, e.g. `EUR`"),
    ("epoch: {min_ms: 2000}\n", "epoch.min_ms is 2000; expected at most epoch.max_ms, which is 1000"),
    ("streams:\n  orders:\n    fields:\n      customer_id: ~\n",
     "streams.orders.fields.customer_id: the stream cannot be without it; expected a path"),
    ("log: kafka\n", "log is `kafka`, and kafka.brokers is not set; expected where Kafka is, e.g. "
     "`localhost:9092`"),
    ("streams: {orders: {topic: a}, engagement: {topic: a}}\nkafka: {brokers: '127.0.0.1:1'}\n",
     "the topic `a` stands for orders and for engagement; expected a topic for each"),
    ("streams:\n  orders:\n    topic: a\n",
     "streams.orders.topic: the local log's topics have their own names; leave the setting out"),
    ("redis: {address: 'localhost:99999'}\n",
     "redis.address is `localhost:99999`; expected host:port, [address]:port, or the path of a socket"),
    ("redis: {address: 'localhost:6379', password: a, password_file: b}\n",
     "redis.password and redis.password_file are both set; leave one of them out"),
    ("redis: {address: 'localhost:6379', password_file: /nonexistent}\n",
     "redis.password_file: /nonexistent: No such file or directory"),
    ("redis: {address: 'localhost:6379', username: u}\n",
     "redis.username is set and no password: set redis.password or redis.password_file"),
)

# `--set` and its sentence.
SETS = (
    ("shards", "--set shards: expected name=value"),
    ("shards=x", "--set shards=x: `shards` cannot be `x`; expected a whole number from 0 to 256 threads"),
    ("shardz=1", "--set shardz=1: unknown setting `shardz`; did you mean `shards`?"),
    ("streams.order.topic=a", "--set streams.order.topic=a: unknown stream `order`; did you mean `orders`?"),
    ("kafka.properties.acks=1", "--set kafka.properties.acks=1: kafka.properties: `acks` cannot be set: a "
     "transaction is acknowledged by all replicas in sync"),
)


class Configuration(kit.CommandTest):
    def run_with(self, *arguments):
        return self.quintil("run", "--drain", *arguments, code=2, cwd=self.folder).stderr.splitlines()

    def test_a_wrong_file_is_told_with_line_and_column(self):
        for text, problem in FILES:
            with self.subTest(text):
                (self.folder / "c.yaml").write_text(text)
                lines = self.run_with("-c", "c.yaml")
                self.assertEqual(lines[0], f"c.yaml:{problem}")
                self.assertEqual(lines[-1], UNUSABLE)

    def test_settings_that_do_not_go_together(self):
        for text, problem in TOGETHER:
            with self.subTest(text):
                (self.folder / "c.yaml").write_text(text)
                self.assertEqual(self.run_with("-c", "c.yaml"), [f"quintil run: {problem}"])

    def test_a_wrong_set_names_itself(self):
        for assignment, problem in SETS:
            with self.subTest(assignment):
                self.assertEqual(self.run_with("--set", assignment), [f"quintil run: {problem}"])

    def test_every_problem_of_a_file_is_told_in_one_run(self):
        (self.folder / "c.yaml").write_text("shards: x\nredis: {batch: 0}\nbase_currency: EURO\n")
        self.assertEqual(len(self.run_with("-c", "c.yaml")), 4)

    def test_files_that_are_missing(self):
        self.assertEqual(self.run_with("-c", "none.yaml")[0],
                         "none.yaml: cannot be opened (No such file or directory); expected a configuration file")
        self.assertEqual(self.run_with("--rules", "none.yaml")[0],
                         "none.yaml: cannot be opened (No such file or directory); expected a rule file")


if __name__ == "__main__":
    unittest.main()
