"""What tidy demands of the sources, one function a demand; each yields (line, what is wrong).

The numbers and directions are those of CONTRIBUTING.md. A deviation is a row in the tables here
with the reason beside it.
"""
import re

FILE_LINES_MAX = 800
FUNCTION_LINES_MAX = 70
PARAMETERS_MAX = 6
NESTING_MAX = 4
# (file, function) -> the most parameters it may have: what a table of functions asks for.
PARAMETERS_ALLOWED = {
    ("consumer/local_reader.c", "read_records"): 7,  # read() of schemas/log.h
    ("consumer/kafka_reader.c", "read_records"): 7,  # the same
    ("tests/unit/fake_log.h", "fake_read"): 7,       # the same
    ("tests/unit/redis_kit.h", "kit_redis_read"): 7,  # the same
    ("tests/unit/recovery_kit.h", "kit_read"): 7,     # the same
}

PRODUCT = ("schemas", "scoring", "consumer", "sinks")

# Folder -> the folders it may include. Only the wiring sees both ends.
DIRECTIONS = {
    "schemas": {"schemas"},
    "scoring": {"schemas", "scoring"},
    "consumer": {"schemas", "scoring", "consumer"},
    "sinks": {"schemas", "scoring", "sinks"},
    "bench": {*PRODUCT, "bench"},
    "tests": {*PRODUCT, "tests", "bench"},
}
WIRING = re.compile(r"consumer/(main|command_[a-z_]+)\.c$")
GENERATED = {"qtl_commit.h"}

# Standard headers that scoring/ may use: nothing that reads a clock, a file or a socket.
SCORING_HEADERS = {"inttypes.h", "limits.h", "stdalign.h", "stdatomic.h", "stdbool.h", "stddef.h",
                   "stdint.h", "stdlib.h", "string.h"}
SCORING_EXTRA = {
    "scoring/base/assert.c": {"stdio.h"},    # the last words of a process with a bug
    "scoring/base/hash.c": {"xxhash.h"},     # the one wrapper of xxHash
    # Sentences about a rule file and canonical names, with snprintf; no file is touched.
    "scoring/problems.c": {"stdarg.h", "stdio.h"},
    "scoring/metric_call.c": {"stdio.h"},
    "scoring/rule_order.c": {"stdio.h"},
    "scoring/base/pool.c": {"sys/mman.h"},    # madvise: huge pages
    "scoring/customers.c": {"sys/mman.h"},     # the same
    "scoring/base/ring.c": {"errno.h", "semaphore.h"},  # where threads wait
    "scoring/shards.c": {"pthread.h", "sched.h"},  # the one file with threads
}
# Libraries, by header: seen by .c files only, and only where the table says so.
LIBRARIES = {
    re.compile(r"yaml\.h$"): ("consumer/", "tests/fuzz/"),
    re.compile(r"yajl/"): ("consumer/", "sinks/transition_read.c", "tests/fuzz/", "bench/"),
    re.compile(r"xxhash\.h$"): ("scoring/base/hash.c", "bench/"),
    re.compile(r"cmocka\.h$"): ("tests/unit/test.h",),
    re.compile(r"librdkafka/"): ("consumer/kafka_", "sinks/kafka_", "schemas/kafka/", "tests/tools/kafka_", "bench/"),
    re.compile(r"avro(\.h$|/)"): ("consumer/", "tests/fuzz/",
                                  "tests/unit/test_epoch_record_avro.c",
                                  "tests/unit/test_avro_",
                                  "tests/unit/test_transition_avro.c", "bench/"),
    re.compile(r"hiredis/"): ("sinks/redis_", "tests/unit/test_redis_sink.c", "bench/bench_redis.c"),
    re.compile(r"(zlib|zstd|snappy-c)\.h$"): ("consumer/avro_codec.c", "tests/unit/test_avro_file.c"),
}

FORBIDDEN_CALLS = {
    "strcpy": "bound it", "strcat": "bound it", "sprintf": "snprintf", "vsprintf": "vsnprintf",
    "gets": "bound it", "strtok": "keeps hidden state", "atoi": "cannot fail: parse with checks",
    "atol": "cannot fail: parse with checks", "atof": "cannot fail: parse with checks",
    "alloca": "unbounded stack", "setjmp": "no jumps", "longjmp": "no jumps",
    "system": "no shells", "popen": "no shells",
}
FORBIDDEN_IN_SCORING = {
    **dict.fromkeys(("time", "clock", "clock_gettime", "gettimeofday", "localtime", "gmtime",
                     "mktime", "nanosleep", "usleep", "sleep"), "scoring has no clock"),
    **dict.fromkeys(("fopen", "open", "read", "write", "pread", "pwrite", "printf", "puts",
                     "fprintf", "socket", "connect", "send", "recv", "mmap", "getenv"),
                    "scoring does no I/O"),
    **dict.fromkeys(("rand", "random", "srand", "rand_r", "getrandom"), "scoring is deterministic"),
}
CALLS_ALLOWED = {("scoring/base/assert.c", "fprintf")}
# The generator and the benchmarks draw from distributions; the engine counts in integers.
FLOATS_FORBIDDEN = ("scoring/", "schemas/")

# Exported names follow the file: wheel.c exports qtl_wheel_*. A contract that several files fulfil
# (a header without a .c of its own, such as scoring/rules.h) lends them its name when they include
# it. Rows here: file -> other prefixes.
PREFIXES = {
    "scoring/base/hash.c": ("qtl_event_seal_",),   # the seal is the hashes of an event
    "consumer/decode.c": ("qtl_decoder_",),        # the thing that decodes
    "schemas/status.c": ("qtl_error_",),           # the sentence that goes with a status
    "sinks/json_write.c": ("qtl_json_",),          # shorter at hundreds of call sites
}

PLACES = re.compile(r"/(?:work|farm|home|root|Users)/[A-Za-z]|/tmp/[A-Za-z]+/")
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")


def folder_of(path):
    return path.split("/", 1)[0]


def stem_of(path):
    return path.rsplit("/", 1)[-1].rsplit(".", 1)[0]


def sizes(source):
    if source.lines > FILE_LINES_MAX:
        yield source.lines, f"the file has {source.lines} lines, at most {FILE_LINES_MAX}"
    for function in source.functions():
        lines = function.last_line - function.line + 1
        parameters_max = PARAMETERS_ALLOWED.get((source.path, function.name), PARAMETERS_MAX)
        for value, most, what in ((lines, FUNCTION_LINES_MAX, "lines"),
                                  (function.parameters, parameters_max, "parameters"),
                                  (function.nesting, NESTING_MAX, "levels of nesting")):
            if value > most:
                yield function.line, f"{function.name} has {value} {what}, at most {most}"


def directions(source):
    folder = folder_of(source.path)
    allowed = DIRECTIONS.get(folder, set())
    if WIRING.search(source.path):
        allowed = {*PRODUCT}
    for line, angled, name in source.includes():
        if not angled and name not in GENERATED and folder_of(name) not in allowed:
            yield line, f"{folder}/ must not include {name}"
        if angled and folder == "scoring" and name not in SCORING_HEADERS:
            if name not in SCORING_EXTRA.get(source.path, ()):
                yield line, f"scoring/ must not include <{name}>"


def libraries(source):
    for line, _, name in source.includes():
        for pattern, places in LIBRARIES.items():
            if not pattern.match(name):
                continue
            if source.path.endswith(".h") and source.path != "tests/unit/test.h":
                yield line, f"a header must not include a library's header ({name})"
            elif not source.path.startswith(places):
                yield line, f"{name} is for {', '.join(places)} only"


def own_header_first(source):
    if not source.path.endswith(".c"):
        return
    own = source.path[:-2] + ".h"
    names = [(line, name) for line, _, name in source.includes()]
    place = next((i for i, (_, name) in enumerate(names) if name == own), 0)
    before = [name for _, name in names[:place] if not name.endswith(".def")]
    if before:
        yield names[place][0], f"{own} must be the first include"


def header_guards(source):
    if not source.path.endswith(".h"):
        return
    guard = "QTL_" + re.sub(r"[^A-Za-z0-9]", "_", source.path[:-2]).upper() + "_H"
    first = source.directives[0].text.split() if source.directives else []
    if first != ["#ifndef", guard]:
        yield 1, f"the guard must be {guard}"


def opening_comment(source):
    if not source.text.startswith("/*"):
        yield 1, "the file must open with a comment that says what it is for"


def names(source):
    if folder_of(source.path) not in PRODUCT or not source.path.endswith(".c"):
        return
    stem = stem_of(source.path)
    contracts = [stem_of(name) for _, angled, name in source.includes()
                 if not angled and name.endswith(".h") and name[:-2] + ".c" not in source.tree]
    own = (stem, *contracts)
    prefixes = tuple(f"qtl_{stem}_" for stem in own) + PREFIXES.get(source.path, ())
    for function in source.functions():
        if function.static or function.name == "main":
            continue
        if not f"{function.name}_".startswith(prefixes):
            yield function.line, f"{function.name} should be static, or named qtl_{stem}_..."


def forbidden(source):
    scoring = source.path.startswith("scoring/")
    product = folder_of(source.path) in PRODUCT
    tokens = source.tokens
    for i, token in enumerate(tokens):
        if token.kind != "name":
            continue
        if token.text == "volatile":
            yield token.line, "no volatile: atomics say what is meant"
        if token.text in ("float", "double") and source.path.startswith(FLOATS_FORBIDDEN):
            yield token.line, f"no {token.text} here: integers only"
        if scoring and token.text.startswith("pthread_") and source.path != "scoring/shards.c":
            yield token.line, "threads of scoring/ live in scoring/shards.c"
        if i + 1 == len(tokens) or tokens[i + 1].text != "(":
            continue
        if i > 0 and tokens[i - 1].text in (".", "->", "*"):
            continue  # a member that happens to have the name
        if (source.path, token.text) in CALLS_ALLOWED:
            continue
        why = FORBIDDEN_CALLS.get(token.text) if product else None
        why = why or (FORBIDDEN_IN_SCORING.get(token.text) if scoring else None)
        if why is not None:
            yield token.line, f"{token.text}(): {why}"


def conditionals(source):
    bodies = [(function.line, function.last_line) for function in source.functions()]
    for token in source.directives:
        if re.match(r"#\s*if", token.text.lstrip()):
            if any(first < token.line < last for first, last in bodies):
                yield token.line, "no #if inside a function"


def words(source):
    """Also for files that are no C: places of somebody's machine, unfinished work."""
    for number, line in enumerate(source.text.split("\n"), 1):
        if PLACES.search(line):
            yield number, "names a place on somebody's machine"
        if UNFINISHED.search(line):
            yield number, "marks unfinished work"


C_CHECKS = (sizes, directions, libraries, own_header_first, header_guards, opening_comment, names,
            forbidden, conditionals, words)
TEXT_CHECKS = (words,)
