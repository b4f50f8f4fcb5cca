"""What the tests on Kafka share: a real broker a test program, topics of their own for each test, and
a log with the interface of kit.Log."""

import atexit
import json
import os
import re
import signal
import subprocess
import sys
import tempfile

import kit

SERVERS = os.path.join(os.path.dirname(os.path.dirname(kit.HERE)), "scripts", "servers")
# The tests' broker ends what a dead instance left sooner than one in earnest would.
BROKER = ("group.min.session.timeout.ms=1000", "transaction.abort.timed.out.transaction.cleanup.interval.ms=500")
SESSION = ("kafka.properties.session.timeout.ms=2000", "kafka.properties.heartbeat.interval.ms=300",
           "kafka.properties.transaction.timeout.ms=4000")

_folder = ""
brokers = ""


def servers(*words, options=(), code=0):
    return kit.call(sys.executable, "-B", SERVERS, "--folder", _folder, *options, *words, code=code)


def start(settings=()):
    """One broker for the whole test program; it goes away with it."""
    global _folder, brokers
    if _folder:
        return
    _folder = tempfile.mkdtemp(prefix="quintil-kafka-")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # as any end, so that nothing is left running
    atexit.register(lambda: subprocess.run([sys.executable, "-B", SERVERS, "--folder", _folder, "remove"], check=False))
    sets = [part for setting in (*BROKER, *settings) for part in ("--set", setting)]
    said = servers("start", "kafka", options=sets).stdout.decode()
    brokers = re.search(r"QUINTIL_KAFKA=(\S+)", said).group(1)


def tool(*arguments, **options):
    return kit.tool("kafka_tool", brokers, *arguments, **options)


def write(lines, transactional_id=None):
    """Lines of kafka_tool's, to the end."""
    more = () if transactional_id is None else (transactional_id,)
    tool("write", *more, input="".join(lines).encode())


class Log(kit.Log):
    """Topics NAME.in.orders and so on, NAME.transitions and so on, in the group NAME."""

    def __init__(self, name, rules, partitions=1, settings=(), create=True):
        self.name = name
        mine = [f"kafka.brokers={brokers}", f"kafka.group={name}", f"kafka.prefix={name}", "instance=one-" + name,
                *SESSION, *(f"streams.{stream}.topic={self.topic(stream)}" for stream in kit.STREAMS)]
        super().__init__("/nowhere", rules, partitions, [*mine, *settings])
        for stream in kit.STREAMS if create else ():
            self.create(self.topic(stream), partitions)

    def topic(self, name):
        return f"{self.name}.in.{name}" if name in kit.STREAMS else f"{self.name}.{name.removeprefix('quintil.')}"

    @staticmethod
    def create(topic, partitions, *settings):
        tool("create", topic, partitions, "retention.ms=-1", "retention.bytes=-1", *settings)

    def record(self, stream, stamp_ms, key, value, partition=None):
        """One line of kafka_tool's input."""

        def text(field):
            if field is None:
                return "-"
            return (field if isinstance(field, bytes) else field.encode()).hex()

        stamp, partition = ("-" if number is None else number for number in (stamp_ms, partition))
        return f"record\t{self.topic(stream)}\t{partition}\t{stamp}\t{text(key)}\t{text(value)}\n"

    def rows(self, stream, rows):
        """Rows (dictionaries) as lines, stamped with their occurred_at."""
        return [self.record(stream, int(row["occurred_at"]) * 1000, str(row["customer_id"]), json.dumps(row)) for row in rows]

    def raw(self, stream, records):
        write(self.record(stream, *record) for record in records)

    def run_command(self, *arguments, shards=2, epoch_records=65536, settings=()):
        every = [*self.settings, f"shards={shards}", f"epoch.max_records={epoch_records}", *settings]
        sets = [part for setting in every for part in ("--set", setting)]
        return [str(part) for part in (kit.quintil, "run", "--rules", self.rules, *sets, *arguments)]

    def read(self, topic):
        rows = []
        for line in tool("read", self.topic(topic)).stdout.decode().splitlines():
            partition, offset, stamp, key, value, *headers = line.split("\t")
            key, value = (None if text == "-" else bytes.fromhex(text) for text in (key, value))
            headers = dict(header.split("=", 1) for header in headers)
            rows.append((int(partition), int(offset), int(stamp), key, value, headers))
        return rows

    def console(self, topic):
        """The values, by Kafka's own console consumer, committed ones only."""
        said = servers("kafka", "console-consumer", "--topic", self.topic(topic), "--from-beginning", "--isolation-level",
                       "read_committed", "--timeout-ms", "3000", "--consumer-property", "auto.offset.reset=earliest")
        return said.stdout.splitlines()
