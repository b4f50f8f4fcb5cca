"""A Redis server for one test, a client of its own for it (the protocol is forty lines), and what its
keys must hold: the fold of the committed transitions."""

import json
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import unittest

import kit

PREFIX = b"quintil:"
SERVER = shutil.which("redis-server")


class RedisError(Exception):
    """What Redis answered with a minus."""


class Client:
    """Bytes in, bytes out. A reply is bytes, int, None, a list, or RedisError raised."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=kit.PATIENCE_S)
        self.file = self.socket.makefile("rb")

    def close(self):
        self.file.close()
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send(self, *words):
        words = [word if isinstance(word, bytes) else str(word).encode() for word in words]
        parts = b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)
        self.socket.sendall(b"*%d\r\n" % len(words) + parts)

    def receive(self):
        line = self.file.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError("Redis closed the connection")
        kind, rest = line[:1], line[1:-2]
        if kind == b"-":
            raise RedisError(rest.decode())
        if kind == b"$":
            return None if rest == b"-1" else self.file.read(int(rest) + 2)[:-2]
        if kind == b"*":
            return None if rest == b"-1" else [self.receive() for _ in range(int(rest))]
        return int(rest) if kind == b":" else rest

    def call(self, *words):
        self.send(*words)
        return self.receive()

    def hash(self, key):
        flat = self.call("HGETALL", key)
        return dict(zip(flat[::2], flat[1::2]))

    def keys(self, pattern="*"):
        cursor, found = b"0", set()
        while True:
            cursor, some = self.call("SCAN", cursor, "MATCH", pattern, "COUNT", 1000)
            found.update(some)
            if cursor == b"0":
                return found


class Server:
    """redis-server on a free port, in a folder of its own; start() and kill() as often as wanted."""

    def __init__(self, *options):
        if SERVER is None:
            raise unittest.SkipTest("no redis-server here")
        self.folder = tempfile.mkdtemp(prefix="quintil-redis-")
        self.options = list(options)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.process = None
        self.said = None
        self.client = None
        self.start()

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    @property
    def dump(self):
        return os.path.join(self.folder, "dump.rdb")

    def start(self, *options):
        command = [SERVER, "--bind", "127.0.0.1", "--port", self.port, "--dir", self.folder, "--save", "", "--daemonize", "no"]
        command = [str(part) for part in (*command, "--notify-keyspace-events", "KEA", *self.options, *options)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        lines = []
        for line in self.process.stdout:
            lines.append(line)
            if b"eady to accept connections" in line:
                break
        else:
            raise AssertionError(b"".join(lines).decode())
        self.said = threading.Thread(target=self.process.stdout.read)  # so that the pipe never fills
        self.said.start()
        self.client = Client(self.port)

    def kill(self, by=signal.SIGKILL):
        if self.process is not None:
            self.client.close()
            self.process.send_signal(by)
            self.process.wait(kit.PATIENCE_S)
            self.said.join()
            self.process.stdout.close()
            self.process = None

    def end(self):
        self.kill()
        shutil.rmtree(self.folder)

    def call(self, *words):
        return self.client.call(*words)

    def wait_until(self, is_true, keys="*"):
        """Looks at every event of the keys whether it is true by now."""
        with Client(self.port) as events:
            events.call("PSUBSCRIBE", f"__keyspace@0__:{keys}")
            while not is_true():
                events.receive()
                while select.select([events.socket], [], [], 0)[0]:  # many at once: look once
                    if not events.socket.recv(65536):
                        raise ConnectionError("Redis closed the connection")


def fold(log):
    """What must be in Redis: customers (id -> hash) and sets (name -> ids)."""
    customers, sets = {}, {}
    for partition, _, _, key, value, _ in log.read("quintil.transitions"):
        change = json.loads(value, parse_int=str, parse_float=str)
        customer = customers.setdefault(key, {b"partition": b"%d" % partition})
        segment = change["segment"]
        customer[b"sequence"] = change["sequence"].encode()
        customer[b"at"] = change["at"].encode()
        customer[b"segment:" + segment.encode()] = change["to"].encode()
        for name, metric in change["evidence"].items():
            text = {True: "true", False: "false"}.get(metric, metric) if isinstance(metric, bool) else metric
            customer[b"metric:" + name.encode()] = text.encode()
    for key, customer in customers.items():
        for field, state in customer.items():
            if field.startswith(b"segment:") and state not in (b"out", b""):
                name = field[8:] if state == b"in" else field[8:] + b":" + state
                sets.setdefault(name, set()).add(key)
    return customers, sets


def without_metrics(fields):
    """Metrics are those of the last transition seen, and segments that nobody was in may be absent."""
    skip = (b"metric:", b"rebuild")
    return {name: text for name, text in fields.items() if not name.startswith(skip) and text != b"out"}


def differences(log, server, prefix=PREFIX, metrics=False):
    """What is wrong with Redis, as sentences; none: it equals the fold."""
    client, found = server.client, []
    customers, sets = fold(log)
    plain = re.sub(rb"([*?\[\]\\^])", rb"\\\1", prefix)
    keys = client.keys(plain + b"*")
    known = {key[len(prefix) + 9 :] for key in keys if key.startswith(prefix + b"customer:")}
    if known != customers.keys():
        found.append(f"customers: {len(known)}, wanted {len(customers)}: {list(known ^ customers.keys())[:5]}")
    for key in known & customers.keys():
        here, wanted = client.hash(prefix + b"customer:" + key), customers[key]
        if not metrics:
            here, wanted = without_metrics(here), without_metrics(wanted)
        if here != wanted:
            found.append(f"customer {key}: {here}, wanted {wanted}")
    kept = {key[len(prefix) + 8 :]: set(client.call("SMEMBERS", key)) for key in keys if key.startswith(prefix + b"segment:")}
    for name in kept.keys() | sets.keys():
        if kept.get(name, set()) != sets.get(name, set()):
            found.append(f"segment {name}: {len(kept.get(name, ()))}, wanted {len(sets.get(name, ()))}")
    counts = {name: int(text) for name, text in client.hash(prefix + b"counts").items() if text != b"0"}
    if counts != {name: len(ids) for name, ids in sets.items()}:
        found.append(f"counts: {counts}, wanted {({name: len(ids) for name, ids in sets.items()})}")
    return found + offset_differences(log, client.hash(prefix + b"offsets"))


def offset_differences(log, offsets):
    ends = dict.fromkeys(range(log.partitions), 0)
    for partition, offset, *_ in log.read("quintil.transitions"):
        ends[partition] = offset + 1
    here = {name: text for name, text in offsets.items() if not name.endswith((b":last", b":until"))}
    wanted = {b"%d" % partition: b"%d" % end for partition, end in ends.items()}
    return [] if here == wanted else [f"offsets: {here}, wanted {wanted}"]
