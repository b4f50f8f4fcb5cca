"""The main job between real servers: JSON and Avro topics in, transitions out to Kafka and to Redis.
What Kafka holds equals the replay, what Redis holds equals the fold of that, also after Redis was
emptied or put back to an older state."""

import json
import os
import shutil

import kit  # first: it knows where the model's modules are
import kafka_kit
import redis_kit

import avro
import inputs
import output
import prepare

SHOP_RULES = os.path.join(avro.SCHEMAS, "rules", "shop.yaml")
CDNOW_RULES = os.path.join(kit.MODEL, "rules", "cdnow_value.yaml")


def setUpModule():
    kafka_kit.start()


def write_json(row):
    return json.dumps(row, ensure_ascii=False)


class Between(kit.EngineTest):
    def setUp(self):
        super().setUp()
        self.redis = redis_kit.Server()
        self.addCleanup(lambda: self.redis.end())

    def log(self, name, rules, partitions, streams_of_avro=(), create=True):
        settings = [f"redis.address={self.redis.address}"]
        for stream in streams_of_avro:
            settings += [f"streams.{stream}.format=avro", f"streams.{stream}.framing=bare",
                         f"streams.{stream}.schema={os.path.join(avro.SCHEMAS, avro.FILES[stream])}.avsc"]
        return kafka_kit.Log(name, rules, partitions, settings, create)

    def feed(self, log, files, encode):
        """Every row, in the order of time, encoded by its stream's function."""
        for stream, paths in files.items():
            rows = sorted((row for path in paths for row in inputs.read_rows(path)), key=inputs.time_of)
            kafka_kit.write(log.record(stream, inputs.time_of(row) * 1000, row["customer_id"], encode[stream](row))
                            for row in rows)

    def want_equal(self, log, wanted, files, who):
        """After a run: Kafka has the replay's transitions, by its own consumer, and Redis their fold."""
        last = output.time_json(inputs.last_second(files)).strip('"')
        console = kit.sort_lines(kit.ONLY_LIVE.sub(b"", line) for line in log.console("transitions"))
        self.assert_lines(wanted, kit.up_to(console, last), who)
        self.assertEqual([], redis_kit.differences(log, self.redis), who)
        self.assertEqual([], log.read("quintil.dead-letters"), who)

    def test_cdnow(self):
        kit.needs_data()
        files = {"orders": [prepare.cdnow(self.folder)]}
        wanted = kit.replay(CDNOW_RULES, files)
        self.assertGreater(len(wanted), 0)
        for partitions, form in ((1, "avro"), (3, "json"), (8, "avro")):
            with self.subTest(partitions=partitions, form=form):
                self.redis.call("FLUSHALL")
                streams = ["orders"] if form == "avro" else []
                log = self.log(f"between-{partitions}", CDNOW_RULES, partitions, streams)
                self.feed(log, files, {"orders": avro.encode_order if form == "avro" else write_json})
                log.run()
                self.want_equal(log, wanted, files, f"CDNOW in {form}")

    def test_a_shop_and_a_redis_that_is_emptied_and_put_back(self):
        kit.call(kit.quintil, "generate", "--out", self.path("shop"), "--customers", 400, "--days", 150)
        files = {stream: [self.path("shop", f"{stream}.csv")] for stream in ("orders", "engagement")}
        wanted = kit.replay(SHOP_RULES, files)
        log = self.log("between-shop", SHOP_RULES, 3, ("orders", "engagement"))
        self.feed(log, files, {"orders": avro.encode_order, "engagement": avro.encode_engagement})
        log.run(epoch_records=2000)
        self.want_equal(log, wanted, files, "a shop in Avro")
        old = self.path("old.rdb")
        self.redis.call("SAVE")
        shutil.copy(self.redis.dump, old)
        late = inputs.last_second(files) + 3600
        row = {"customer_id": "new", "order_id": "late", "occurred_at": str(late), "amount": "5000", "kind": "placed"}
        kafka_kit.write([log.record("orders", late * 1000, "new", avro.encode_order(row))])
        log.run()
        self.assertEqual([], redis_kit.differences(log, self.redis), "one order more")
        for state in ("empty", "older"):
            self.redis.kill()
            os.remove(self.redis.dump) if state == "empty" else shutil.copy(old, self.redis.dump)
            self.redis.start()
            self.assertNotEqual([], redis_kit.differences(log, self.redis), state)
            log.run()
            self.assertEqual([], redis_kit.differences(log, self.redis), state)

    def test_events_of_our_own_commands(self):
        """`generate` and `append` make the topics and fill them; CSV goes in as JSON."""
        kit.call(kit.quintil, "generate", "--out", self.path("shop"), "--customers", 200, "--days", 100, "--seed", 7)
        files = {stream: [self.path("shop", f"{stream}.csv")] for stream in ("orders", "engagement")}
        wanted = kit.replay(SHOP_RULES, files)
        generated = self.log("between-generated", SHOP_RULES, 3, create=False)
        sets = [part for setting in generated.settings for part in ("--set", setting)]
        kit.call(kit.quintil, "generate", *sets, "--customers", 200, "--days", 100, "--seed", 7, "--partitions", 3)
        generated.run()
        self.want_equal(generated, wanted, files, "generated")
        appended = self.log("between-appended", SHOP_RULES, 5, create=False)
        sets = [part for setting in appended.settings for part in ("--set", setting)]
        self.redis.call("FLUSHALL")
        for stream, paths in files.items():
            kit.call(kit.quintil, "append", stream, *sets, "--partitions", 5, "--sort", *paths)
        appended.run()
        self.want_equal(appended, wanted, files, "appended")
        bad = kit.call(kit.quintil, "append", "orders", *sets, input=b'{"customer_id":"","order_id":1}\n{"a"\n')
        self.assertIn(b"2 records are durable in orders, 2 of them for the dead letters", bad.stdout)
        appended.run()
        reasons = [row[5]["reason"] for row in appended.read("quintil.dead-letters")]
        self.assertEqual(["missing_field", "malformed"], reasons)


if __name__ == "__main__":
    kit.main()
