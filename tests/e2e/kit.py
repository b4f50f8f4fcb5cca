"""What the tests of the whole engine share: a local log in a folder, feeding it, running on it, and
what must come out: the lines of `quintil replay`, or of the naive model over the recorded order."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
MODEL = os.path.join(os.path.dirname(HERE), "model")
sys.path.insert(0, MODEL)

import prepare  # the model's, as all that is imported after this module

STREAMS = ("orders", "engagement", "customers")
ONLY_LIVE = re.compile(rb',"detected_at":"[0-9T:Z-]*"|,"epoch":[0-9]+(?=}$)')
PATIENCE_S = 240  # after which a process that must end is taken for stuck; nothing waits for it

quintil = ""  # the program under test, and the folder of tests/tools; set by main()
tools = ""


def main():
    """test_x.py QUINTIL TOOLS [unittest's own arguments]"""
    global quintil, tools
    quintil, tools = (os.path.abspath(path) for path in sys.argv[1:3])
    unittest.main(module="__main__", argv=[sys.argv[0], *sys.argv[3:]], verbosity=2)


def call(*command, code=0, **options):
    """Runs to the end; the finished process, its output as bytes."""
    command = [str(part) for part in command]
    done = subprocess.run(command, capture_output=True, check=False, timeout=PATIENCE_S, **options)
    if code is not None and done.returncode != code:
        raise AssertionError(f"exit {done.returncode}, wanted {code}: {' '.join(command)}\n{done.stderr.decode()}")
    return done


def tool(name, *arguments, **options):
    return call(os.path.join(tools, name), *arguments, **options)


def sort_lines(lines):
    """As a replay orders them."""

    def key(line):
        row = json.loads(line)
        return row["at"], row["customer_id"].encode(), row["sequence"]

    return sorted(lines, key=key)


def up_to(lines, at):
    """The transitions until a second, as text in ISO 8601."""
    return [line for line in lines if json.loads(line)["at"] <= at]


class Log:
    """A local log with its rules. `settings`: of the configuration, for run and for what reads."""

    def __init__(self, folder, rules, partitions=1, settings=()):
        self.folder, self.rules, self.partitions = folder, rules, partitions
        self.settings = list(settings)

    def copy(self, folder):
        shutil.copytree(self.folder, folder)
        return Log(folder, self.rules, self.partitions, self.settings)

    def append_command(self, stream, *arguments):
        where = ["--data", self.folder, "--partitions", self.partitions, "--rules", self.rules]
        return [str(part) for part in (quintil, "append", stream, *where, *arguments)]

    def append(self, stream, *files, **options):
        return call(*self.append_command(stream, *files), **options)

    def raw_command(self, stream):
        return [os.path.join(tools, "raw_append"), self.folder, stream, str(self.partitions)]

    def raw(self, stream, records):
        """Records just as they are: raw_line()'s arguments, one each."""
        lines = "".join(raw_line(*record) for record in records)
        call(*self.raw_command(stream), input=lines.encode())

    def run_command(self, *arguments, shards=2, epoch_records=65536):
        settings = [*self.settings, f"shards={shards}", f"epoch.max_records={epoch_records}"]
        sets = [part for setting in settings for part in ("--set", setting)]
        where = ["--data", self.folder, "--rules", self.rules]
        return [str(part) for part in (quintil, "run", *where, *sets, *arguments)]

    def run(self, *arguments, code=0, shards=2, epoch_records=65536, **options):
        """Runs until all that is there is committed; what it said."""
        command = self.run_command("--drain", *arguments, shards=shards, epoch_records=epoch_records)
        return call(*command, code=code, **options).stderr.decode()

    def read(self, topic):
        """Every record: (partition, offset, timestamp_ms, key, value, headers)."""
        rows = []
        for line in tool("raw_read", self.folder, topic).stdout.decode().splitlines():
            partition, offset, stamp, key, value, *headers = line.split("\t")
            key, value = (None if text == "-" else bytes.fromhex(text) for text in (key, value))
            stamp = None if stamp == "-" else int(stamp)
            headers = dict(header.split("=", 1) for header in headers)
            rows.append((int(partition), int(offset), stamp, key, value, headers))
        return rows

    def transitions(self):
        """The committed ones as a replay writes them. Checks what must hold of any output."""
        rows = self.read("quintil.transitions")
        lines = [row[4] for row in rows]
        seen, sequences = set(), {}
        for *_, line, headers in rows:
            row = json.loads(line)
            if headers != {name: row[name] for name in ("segment", "from", "to", "cause")}:
                raise AssertionError(f"headers {headers}: {line}")
            if row["id"] in seen:
                raise AssertionError(f"published twice: {line}")
            seen.add(row["id"])
            last = sequences.get(row["customer_id"], 0)
            if row["sequence"] != last + 1:
                raise AssertionError(f"sequence {row['sequence']} after {last}: {line}")
            sequences[row["customer_id"]] = row["sequence"]
        return sort_lines(ONLY_LIVE.sub(b"", line) for line in lines)

    def recorded(self):
        """The applied order, for the model. Of the clocks of a slice only the last: a record's merge
        second is never below those before it, and applying it fires what is due up to there."""
        lines = tool("recorded_order", self.folder, self.rules, *self.settings).stdout.splitlines()
        clocks = {}
        for number, line in enumerate(lines):
            if line.startswith(b'{"clock"'):
                clocks[line.rsplit(b":", 1)[1]] = number
        keep = set(clocks.values())
        return [line for n, line in enumerate(lines) if n in keep or not line.startswith(b'{"clock"')]

    def expected(self):
        """What the naive model makes of the recorded order."""
        with tempfile.NamedTemporaryFile(suffix=".ndjson") as file:
            file.write(b"".join(line + b"\n" for line in self.recorded()))
            file.flush()
            return call(*model("--rules", self.rules, "--recorded", file.name)).stdout.splitlines()


def raw_line(stamp_ms, key, value, partition=None):
    """None: absent. Key and value are bytes or text."""

    def text(field):
        if field is None:
            return "-"
        return (field if isinstance(field, bytes) else field.encode()).hex()

    stamp = "-" if stamp_ms is None else stamp_ms
    return f"{stamp}\t{text(key)}\t{text(value)}\t{'-' if partition is None else partition}\n"


def model(*arguments):
    return [sys.executable, "-B", os.path.join(MODEL, "naive.py"), *map(str, arguments)]


def needs_data():
    """Skips the test, and no other, where the real shops' data is missing."""
    try:
        prepare.shared()
    except SystemExit:
        raise unittest.SkipTest("no data in $QUINTIL_SHARED") from None


def replay(rules, files):
    """files: stream -> paths. The lines of `quintil replay` up to the last event."""
    arguments = [part for stream in STREAMS for path in files.get(stream, ()) for part in (f"--{stream}", path)]
    return call(quintil, "replay", "--rules", rules, *arguments).stdout.splitlines()


class EngineTest(unittest.TestCase):
    """Keeps the folder when the test fails."""

    maxDiff = None

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="quintil-e2e-")

    def tearDown(self):
        if self._outcome.success:
            shutil.rmtree(self.folder)
        else:
            print(f"kept: {self.folder}", file=sys.stderr)

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def write(self, name, text):
        with open(self.path(name), "wb") as file:
            file.write(text if isinstance(text, bytes) else text.encode())
        return self.path(name)

    def assert_lines(self, wanted, found, who):
        """Byte for byte; says where the first difference is."""
        if wanted == found:
            return
        for number, (one, other) in enumerate(zip([*wanted, b"(end)"], [*found, b"(end)"])):
            if one != other:
                self.fail(
                    f"{who}: line {number} of {len(wanted)} and {len(found)}\n"
                    f"before {wanted[number - 1].decode() if number else ''}\n"
                    f"wanted {one.decode()}\nfound  {other.decode()}"
                )

    def assert_recorded(self, log, who="recorded order"):
        """What was published is what the naive model makes of the recorded order. The lines."""
        found = log.transitions()
        self.assert_lines(log.expected(), found, who)
        return found
