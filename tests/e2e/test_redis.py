"""Redis equals the fold of the committed transitions, whatever happens to either of them. The server
is a real one."""

import json
import os
import random
import shutil
import signal
import subprocess
import time

import kit  # first: it knows where the model's modules are
import redis_kit

import inputs
import prepare

T = 1_700_000_000
RULES = """
segments:
  buyer:
    when: orders() >= 1
  often:
    when: orders(30d) >= 3
  spender:
    when: spend() >= 40
    leave_when: spend() < 20
  idle:
    when: since(order) >= 1d
"""
ODD_IDS = ["a b", "a:b:{c}", "{tag}", 'quote"back\\slash', "line\nend\r\t", "\x01", "客户 🛒", "820982911946154508", "0", "-1", "*?[x]", "x" * 255]


class RedisTest(kit.EngineTest):
    def setUp(self):
        super().setUp()
        self.log = kit.Log(self.path("log"), self.write("rules.yaml", RULES), 3)
        self.redis = redis_kit.Server()
        self.addCleanup(lambda: self.redis.end())
        self.use()

    def use(self, *settings):
        self.log.settings = [f"redis.address={self.redis.address}", *settings]

    def other_server(self, *options):
        self.redis.end()
        self.redis = redis_kit.Server(*options)
        self.use()

    def orders(self, first, end, customers=50, step=600):
        rows = ({"customer_id": f"c{n % customers}", "order_id": n, "occurred_at": T + n * step, "amount": n % 30} for n in range(first, end))
        return "".join(json.dumps(row) + "\n" for row in rows).encode()

    def feed(self, first, end, **options):
        self.log.append("orders", input=self.orders(first, end, **options))

    def start(self, *arguments):
        """A running engine, once it says that it runs."""
        run = subprocess.Popen(self.log.run_command(*arguments), stderr=subprocess.PIPE, text=True)
        self.addCleanup(run.stderr.close)
        self.addCleanup(run.wait, kit.PATIENCE_S)
        self.addCleanup(run.kill)
        self.wait_for(run, "running on")
        return run

    def wait_for(self, run, words):
        """Reads what the engine says until it says this; the line."""
        for line in run.stderr:
            if words in line:
                return line
        self.fail(f"it ended without saying {words!r}")
        return None

    def end(self, run):
        run.terminate()
        said = run.communicate(timeout=kit.PATIENCE_S)[1]
        self.assertEqual(run.returncode, 0, said)
        return said

    def mark(self, name):
        """An order of a customer of that name: where Redis has it, it has what was before."""
        row = {"customer_id": name, "order_id": name, "occurred_at": int(time.time()), "amount": 1}
        self.log.append("orders", input=json.dumps(row).encode())
        self.redis.wait_until(lambda: self.redis.call("HEXISTS", f"quintil:customer:{name}", "sequence"))

    def is_equal(self):
        return not redis_kit.differences(self.log, self.redis)

    def assert_equal(self, **options):
        self.assertEqual(redis_kit.differences(self.log, self.redis, **options), [])

    def wait_until_equal(self):
        self.redis.wait_until(self.is_equal, "quintil:offsets")


class Equal(RedisTest):
    def test_a_generated_shop(self):
        folder = self.path("shop")
        kit.call(kit.quintil, "generate", "--customers", "1500", "--days", "300", "--out", folder)
        for partitions in (1, 8):
            self.redis.call("FLUSHALL")
            self.log = kit.Log(self.path(f"log{partitions}"), self.log.rules, partitions)
            self.use("redis.batch=100")
            for stream in ("orders", "engagement"):
                self.log.append(stream, "--sort", os.path.join(folder, stream + ".csv"))
            said = self.log.run()
            self.assert_equal(metrics=True)
            self.assertIn("redis_lag=0", said)
            self.assertEqual(said.count("redis: connected to"), 1, said)
            count = len(self.log.read("quintil.transitions"))
            self.assertIn(f"redis_applied={count} ", said)
            self.assertEqual(self.redis.call("XLEN", "quintil:transitions"), count)
            self.check_stream()
            self.log.run()
            self.assert_equal(metrics=True)
            self.assertEqual(self.redis.call("XLEN", "quintil:transitions"), count)

    def check_stream(self):
        """Every transition, those of a partition in their order."""
        wanted, found = {}, {}
        for partition, _, _, _, value, _ in self.log.read("quintil.transitions"):
            wanted.setdefault(partition, []).append(value)
        places = {value: partition for partition, values in wanted.items() for value in values}
        for _, fields in self.redis.call("XRANGE", "quintil:transitions", "-", "+"):
            self.assertEqual(fields[0], b"transition")
            found.setdefault(places[fields[1]], []).append(fields[1])
        self.assertEqual(found, wanted)

    def test_cdnow(self):
        kit.needs_data()
        files = inputs.sort_files({"orders": [prepare.cdnow(self.folder)]}, self.folder)
        self.log.append("orders", *files["orders"])
        self.log.run()
        self.assert_equal(metrics=True)
        self.redis.call("FLUSHALL")
        self.log.run()
        self.assert_equal()

    def test_odd_ids(self):
        rows = [{"customer_id": name, "order_id": n, "occurred_at": T + n, "amount": 50} for n in range(4) for name in ODD_IDS]
        text = "".join(json.dumps(row) + "\n" for row in rows).encode()
        for prefix in (b"quintil:", b"odd [*?]\\^ {p}:"):
            self.use(f"redis.prefix={prefix.decode()}")
            self.log.append("orders", input=text)
            self.log.run()
            self.assert_equal(metrics=prefix == b"quintil:", prefix=prefix)
            self.assertEqual(self.redis.call("SCARD", prefix + b"segment:buyer"), len(ODD_IDS))
        self.redis.call("SET", "odd xyz", "not ours")
        self.redis.call("DEL", prefix + b"offsets")
        self.redis.call("HSET", prefix + b"customer:gone", "partition", 0, "segment:buyer", "in")
        self.redis.call("SADD", prefix + b"segment:buyer", "gone", "never there")
        self.log.run()
        self.assert_equal(prefix=prefix)
        self.assertEqual(self.redis.call("GET", "odd xyz"), b"not ours")

    def test_a_log_that_was_there_before(self):
        """Redis comes later: states were not kept so far, and everybody is there all the same."""
        self.log.settings = []
        self.feed(0, 400)
        self.log.run()
        self.assertEqual(self.log.read("quintil.customers"), [])
        self.use()
        self.feed(400, 420)
        self.log.run()
        self.assert_equal()
        self.assertGreater(len(self.log.read("quintil.customers")), 0)

    def test_the_stream_is_bounded(self):
        self.use("redis.stream_max=100", "redis.batch=50")
        self.feed(0, 3000, customers=800)
        self.log.run()
        self.assertLess(self.redis.call("XLEN", "quintil:transitions"), 400)
        self.assert_equal()
        self.redis.call("FLUSHALL")
        self.use("redis.stream_max=0")
        self.feed(3000, 3100)
        self.log.run()
        self.assertEqual(self.redis.call("EXISTS", "quintil:transitions"), 0)
        self.assert_equal()

    def test_a_channel(self):
        """Subscribers see every transition, in the order of its partition."""
        self.use("redis.publish=true", "redis.stream_max=0")
        self.feed(0, 60)
        with redis_kit.Client(self.redis.port) as subscriber:
            subscriber.call("SUBSCRIBE", "quintil:transitions")
            self.log.run()
            wanted = [row[4] for row in self.log.read("quintil.transitions")]
            found = [subscriber.receive()[2] for _ in wanted]
        self.assertEqual(sorted(found), sorted(wanted))

    def test_a_socket_and_a_database(self):
        self.redis.end()
        path = self.path("redis.sock")
        self.redis = redis_kit.Server("--unixsocket", path)
        self.log.settings = [f"redis.address={path}", "redis.database=3"]
        self.feed(0, 100)
        self.log.run()
        self.assertEqual(self.redis.client.keys(), set())
        self.redis.call("SELECT", 3)
        self.assert_equal(metrics=True)


class Wrong(RedisTest):
    """Every way in which what Redis has can be wrong, mended by the next run."""

    def setUp(self):
        super().setUp()
        self.feed(0, 600)
        self.log.run()
        self.assert_equal()

    def spoil(self, *words, says="rebuilt from"):
        self.redis.call(*words)
        said = self.log.run()
        self.assertIn(says, said)
        self.assert_equal()

    def test_offsets(self):
        self.spoil("HSET", "quintil:offsets", "1", "999999", says="is not in the log")
        self.spoil("HSET", "quintil:offsets", "1", "-7", says="it had no offset of partition 1")
        self.spoil("HSET", "quintil:offsets", "1", "x", says="it had no offset of partition 1")
        self.spoil("HDEL", "quintil:offsets", "2", says="it had no offset of partition 2")
        self.spoil("HSET", "quintil:offsets", "1:last", "3 00ff", says="is not in this log")
        self.spoil("HSET", "quintil:offsets", "0:rebuild", "x", says="cut off")
        self.spoil("DEL", "quintil:offsets")
        self.redis.call("HSET", "quintil:offsets", "1", "2")  # a repeat, known by the sequences
        self.log.run()
        self.assert_equal()

    def test_keys(self):
        """With the offsets gone, what is left of the rest is not believed."""
        self.redis.call("HSET", "quintil:customer:nobody", "partition", 1, "segment:buyer", "in", "sequence", 9)
        self.redis.call("HSET", "quintil:customer:elsewhere", "partition", 17, "segment:old", "in", "sequence", 9)
        self.redis.call("HSET", "quintil:customer:c1", "segment:idle", "out", "segment:old", "in", "sequence", 9999)
        self.redis.call("SADD", "quintil:segment:old", "c1", "elsewhere", "nobody")
        self.redis.call("SREM", "quintil:segment:buyer", "c3", "c4")
        self.redis.call("SADD", "quintil:segment:buyer", "nobody", "nothing")
        self.redis.call("SADD", "quintil:segment:buyer:rung", "c1")
        self.redis.call("HSET", "quintil:counts", "old", 77)
        self.redis.call("SET", "other:customer:c1", "not ours")
        self.spoil("DEL", "quintil:offsets")
        self.assertEqual(self.redis.call("GET", "other:customer:c1"), b"not ours")
        self.redis.call("DEL", "quintil:segment:buyer", "quintil:counts")
        self.spoil("DEL", "quintil:offsets")
        self.spoil("FLUSHALL")

    def test_an_older_dump(self):
        self.redis.call("SAVE")
        shutil.copy(self.redis.dump, self.path("old.rdb"))
        self.feed(600, 900, customers=70)
        self.log.run()
        self.redis.kill()
        shutil.copy(self.path("old.rdb"), self.redis.dump)
        self.redis.start()
        self.assertFalse(self.is_equal())
        said = self.log.run()
        self.assertNotIn("rebuilt", said)
        self.assert_equal(metrics=True)
        self.check_no_repeat_in_stream()

    def check_no_repeat_in_stream(self):
        ids = [json.loads(fields[1])["id"] for _, fields in self.redis.call("XRANGE", "quintil:transitions", "-", "+")]
        self.assertEqual(len(ids), len(set(ids)))
        self.assertEqual(len(ids), len(self.log.read("quintil.transitions")))

    def test_another_log(self):
        """Also one that is longer than the offsets, and one with fewer partitions."""
        for partitions, first, end in ((3, 5000, 7000), (2, 100, 200), (5, 0, 3000)):
            self.log = kit.Log(self.path(f"other{first}"), self.log.rules, partitions, self.log.settings)
            self.feed(first, end, customers=90)
            self.assertIn("rebuilt from", self.log.run())
            self.assert_equal()
            self.assertNotIn("rebuilt from", self.log.run())

    def test_a_log_restored_from_a_copy(self):
        """Shorter than Redis thinks; then as long again, with other customers."""
        copy = self.log.copy(self.path("copy"))
        self.feed(600, 900)
        self.log.run()
        self.log = copy
        self.assertIn("is not in the log", self.log.run())
        self.assert_equal()
        again = self.log.copy(self.path("again"))
        self.feed(600, 900, customers=70)
        self.log.run()
        self.assert_equal()
        self.log = again
        self.feed(3000, 5000, customers=200)
        self.log.settings, settings = [], self.log.settings
        self.log.run()
        self.log.settings = settings
        self.assertIn("is not in this log", self.log.run())
        self.assert_equal()


class Live(RedisTest):
    """The same while the engine runs: it mends by itself."""

    def test_emptied(self):
        self.feed(0, 600)
        run = self.start()
        self.mark("m1")
        self.redis.call("FLUSHALL")  # nobody changes segment: it is seen all the same
        self.wait_until_equal()
        self.feed(600, 800)
        self.redis.call("FLUSHALL")
        self.mark("m2")
        self.wait_until_equal()
        self.assertIn("redis_lag=0", self.end(run))

    def test_a_script_that_is_forgotten(self):
        self.feed(0, 10)
        run = self.start()
        self.mark("m1")
        self.redis.call("SCRIPT", "FLUSH")
        self.mark("m2")
        said = self.end(run)
        self.assertNotIn("lost", said)
        self.assert_equal()

    def test_killed_and_started_empty(self):
        chaos = random.Random(5)
        self.feed(0, 300)
        run = self.start()
        for n in range(6):
            self.feed(300 + n * 200, 500 + n * 200, customers=100)
            time.sleep(chaos.random() * 0.05)  # the instant is the test
            self.redis.kill()
            self.redis.start()
        self.mark("end")
        self.wait_until_equal()
        said = self.end(run)
        self.assertIn("redis: lost", said)
        self.assert_equal()

    def test_killed_in_a_rebuild(self):
        """What was written of it is kept on disk: the marker says that it is not whole."""
        self.other_server("--appendonly", "yes", "--appendfsync", "always")
        self.feed(0, 6000, customers=3000)
        self.log.run()
        self.redis.call("DEL", "quintil:offsets")
        self.redis.call("HSET", "quintil:customer:c9", "segment:old", "in", "sequence", 99999)
        run = self.start()
        self.redis.wait_until(lambda: self.redis.call("HGET", "quintil:customer:c9", "rebuild"), "quintil:customer:c9")
        self.redis.kill()
        self.redis.start()
        self.wait_until_equal()
        said = self.end(run)
        self.assertIn("cut off", said)

    def test_engine_killed_in_a_rebuild(self):
        self.feed(0, 6000, customers=3000)
        self.log.run()
        for _ in range(3):
            self.redis.call("DEL", "quintil:offsets")
            run = self.start()
            self.redis.wait_until(lambda: self.redis.call("HGET", "quintil:offsets", "0:rebuild"), "quintil:offsets")
            run.kill()
            run.wait(kit.PATIENCE_S)
        self.log.run()
        self.assert_equal()

    def test_stopped(self):
        """A Redis that does not answer: what comes is committed, and the engine ends at once."""
        self.feed(0, 100)
        run = self.start()
        self.mark("m1")
        self.redis.process.send_signal(signal.SIGSTOP)
        follow = [kit.quintil, "read", "transitions", "--data", self.log.folder, "--follow"]
        with subprocess.Popen(follow, stdout=subprocess.PIPE) as reader:
            row = {"customer_id": "late", "order_id": "late", "occurred_at": int(time.time()), "amount": 1}
            self.log.append("orders", input=json.dumps(row).encode())
            for line in reader.stdout:
                if json.loads(line)["customer_id"] == "late":
                    break
            reader.terminate()
        self.end(run)
        self.feed(100, 5000)
        self.use("redis.drain=0s")
        said = self.log.run(code=1)
        self.assertIn("everything is committed, but Redis", said)
        self.use()
        self.log.settings, settings = [], self.log.settings
        self.assertIn("records=0", self.log.run())
        self.redis.process.send_signal(signal.SIGCONT)
        self.log.settings = settings
        self.log.run()
        self.assert_equal()

    def test_no_answer_within_the_time(self):
        """A connection that hangs is given up, said once, and made anew."""
        self.use("redis.timeout_ms=150")
        self.feed(0, 10)
        run = self.start()
        self.mark("m1")
        self.redis.process.send_signal(signal.SIGSTOP)
        self.wait_for(run, "no answer within redis.timeout_ms")
        self.redis.process.send_signal(signal.SIGCONT)
        self.wait_for(run, "connected to")
        self.mark("m2")
        self.end(run)
        self.assert_equal()

    def refused(self, words, spoil, mend):
        """Redis refuses for a while; said once, with Redis's words; then it goes on."""
        self.feed(0, 50)
        run = self.start()
        self.mark("m1")
        for command in spoil:
            self.redis.call(*command)
        row = {"customer_id": "m2", "order_id": "m2", "occurred_at": int(time.time()), "amount": 1}
        self.log.append("orders", input=json.dumps(row).encode())
        self.assertIn("redis: lost", self.wait_for(run, words))
        for command in mend:
            self.redis.call(*command)
        self.wait_for(run, "connected to")
        self.mark("m3")
        self.assertNotIn("lost", self.end(run))
        self.assert_equal()

    def test_out_of_memory(self):
        self.refused("OOM", [("CONFIG", "SET", "maxmemory", "1")], [("CONFIG", "SET", "maxmemory", "0")])

    def test_a_replica(self):
        self.refused("READONLY", [("CONFIG", "SET", "replica-read-only", "yes"), ("REPLICAOF", "127.0.0.1", "1")], [("REPLICAOF", "NO", "ONE")])

    def test_a_key_of_another_type(self):
        spoil = [("RENAME", "quintil:counts", "kept"), ("SET", "quintil:counts", "x")]
        self.refused("(at key quintil:counts): somebody else's key", spoil, [("RENAME", "kept", "quintil:counts")])

    def test_a_customer_key_of_another_type(self):
        self.refused("quintil:customer:m2", [("SET", "quintil:customer:m2", "x")], [("DEL", "quintil:customer:m2")])

    def test_the_engine_killed(self):
        """Twenty times under load, at any instant."""
        kills = int(os.environ.get("QUINTIL_KILLS", "20"))
        seed = int(os.environ.get("QUINTIL_SEED", random.randrange(10**6)))
        print(f"seed {seed}", flush=True)
        chaos = random.Random(seed)
        self.use("redis.batch=7")
        for n in range(kills):
            self.feed(n * 150, (n + 1) * 150, customers=200)
            command = self.log.run_command("--quiet", epoch_records=chaos.choice([5, 65536]))
            with subprocess.Popen(command, stderr=subprocess.PIPE) as run:
                time.sleep(chaos.choice([0.02, 0.06, 0.3]) * chaos.random())  # the instant is the test
                run.kill()
                self.assertEqual(run.communicate()[1], b"")
        self.log.run()
        self.assert_equal(metrics=True)
        found = [fields[1] for _, fields in self.redis.call("XRANGE", "quintil:transitions", "-", "+")]
        self.assertEqual(sorted(found), sorted(row[4] for row in self.log.read("quintil.transitions")))


class Login(RedisTest):
    def test_passwords(self):
        self.other_server("--requirepass", "right pass")
        self.redis.call("AUTH", "right pass")
        self.redis.call("ACL", "SETUSER", "quintil", "on", ">own pass", "~quintil:*", "&quintil:*", "+@all", "-@dangerous")
        self.feed(0, 50)
        self.use("redis.drain=0s")
        run = self.start()
        self.wait_for(run, "NOAUTH")
        self.end(run)
        self.use("redis.password=wrong")
        run = self.start()
        self.assertIn("check redis.username and redis.password", self.wait_for(run, "WRONGPASS"))
        self.assertNotIn("wrong\n", self.end(run))
        self.use("redis.password=right pass")
        self.log.run()
        self.assert_equal()
        self.redis.call("FLUSHALL")
        self.use("redis.username=quintil", f"redis.password_file={self.write('secret', 'own pass' + chr(10))}")
        self.log.run()
        self.assert_equal()

    def test_wrong_settings(self):
        self.feed(0, 10)
        for settings, words in (
            (["redis.address=here:there"], "redis.address is `here:there`; expected host:port"),
            (["redis.address=[::1"], "expected host:port"),
            (["redis.address=a:0"], "expected host:port"),
            (["redis.address=a:65536"], "expected host:port"),
            (["redis.address=/" + "x" * 200], "the path of a socket"),
            (["redis.password=a", "redis.password_file=b"], "both set"),
            (["redis.password_file=/nowhere"], "/nowhere: No such file"),
            (["redis.password_file=/dev/null"], "its first line is no password"),
            (["redis.username=a"], "no password"),
            (["redis.tls_ca_file=a"], "redis.tls is not"),
            (["redis.prefix="], "redis.prefix"),
            (["redis.batch=0"], "redis.batch"),
            (["redis.adress=x"], "redis.address"),
        ):
            with self.subTest(settings=settings):
                self.use(*settings)
                said = self.log.run(code=2)
                self.assertIn(words, said)
                self.assertNotIn("running on", said)

    def test_tls(self):
        if b"with TLS" not in kit.call(kit.quintil, "--version").stdout:
            self.feed(0, 10)
            self.use("redis.tls=true")
            self.assertIn("built without it", self.log.run(code=2))
            self.skipTest("this build has no TLS")
        self.certify("127.0.0.1", "server")
        self.certify("10.1.1.1", "other")
        for name, words in (("server", None), ("other", "IP address mismatch")):
            files = [self.path(name + ".key"), self.path(name + ".crt"), self.path("ca.crt")]
            self.redis.end()
            self.redis = redis_kit.Server()
            for setting, file in zip(("tls-key-file", "tls-cert-file", "tls-ca-cert-file"), files):
                self.redis.call("CONFIG", "SET", setting, file)
            self.redis.call("CONFIG", "SET", "tls-auth-clients", "no")
            self.redis.call("CONFIG", "SET", "tls-port", self.redis.port + 1)
            address = f"redis.address=127.0.0.1:{self.redis.port + 1}"
            self.feed(0, 3000, customers=500)
            self.log.settings = [address, "redis.tls=true", f"redis.tls_ca_file={files[2]}", "redis.batch=1000", "redis.drain=3s"]
            if words is None:
                self.log.run()
                self.assert_equal()
                self.log.settings = [address, "redis.tls=true", "redis.drain=1s"]
                self.assertIn("TLS: the server's certificate", self.log.run(code=1))
                self.log.settings = [address, "redis.drain=1s"]
                self.assertIn("redis: lost", self.log.run(code=1))
            else:
                self.assertIn(words, self.log.run(code=1))

    def certify(self, address, name):
        """ca.crt, and a key with a certificate for that address."""

        def openssl(*words):
            kit.call("openssl", *words, cwd=self.folder)

        if not os.path.exists(self.path("ca.crt")):
            openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=ca", "-keyout", "ca.key", "-out", "ca.crt")
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=x", "-keyout", name + ".key", "-out", "request")
        extension = self.write("extension", f"subjectAltName=IP:{address}\n")
        openssl("x509", "-req", "-in", "request", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", extension, "-out", name + ".crt")

    def test_nobody_there(self):
        self.redis.kill()
        self.feed(0, 10)
        self.use("redis.drain=0s")
        self.assertIn("has not caught up", self.log.run(code=1))
        self.log.settings = ["redis.address=no-such-host.invalid", "redis.drain=0s"]
        self.assertIn("has not caught up", self.log.run(code=1))
        self.redis.start()


if __name__ == "__main__":
    kit.main()
