/*
 * The local log under crashes and damage (RECOVERY, Local log): a torn tail is cut, whatever its
 * length; committed bytes that are bad stop it with a sentence; a disk that is full or fails leaves
 * what was committed; a writer killed at any instant leaves a prefix of whole transactions.
 */
#define _GNU_SOURCE
#include "tests/unit/local_log_kit.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define ORDERS "topics/orders/0/00000000000000000000.log"
#define COMMITS "commits/intake-1.log"
#define MARK "commits/intake.mark"

/* The writer's syncs go through here: the number of those that succeed before one fails; -1: all.
 */
static int syncs_left = -1;

int fdatasync(int fd) /* NOLINT(readability-inconsistent-declaration-parameter-name) */
{
    if (syncs_left == 0) {
        errno = EIO;
        return -1;
    }
    syncs_left -= syncs_left > 0 ? 1 : 0;
    return fsync(fd);
}

/* So do the kernel's asynchronous ones. */
static enum { SYNCS_WORK, SYNCS_ABSENT, SYNCS_FAIL } async_syncs;

static int argument_count(long number)
{
    switch (number) {
    case SYS_io_setup:
        return 2;
    case SYS_io_destroy:
        return 1;
    case SYS_io_submit:
        return 3;
    case SYS_io_getevents:
        return 5;
    default:
        fail_msg("an unexpected system call");
        return 0;
    }
}

long syscall(long number, ...) /* NOLINT(readability-inconsistent-declaration-parameter-name) */
{
    union {
        void *symbol;
        long (*call)(long, ...);
    } real = {.symbol = dlsym(RTLD_NEXT, "syscall")};
    va_list list;
    va_start(list, number);
    long arguments[5] = {0};
    const int count = argument_count(number);
    for (int i = 0; i < count; i++) {
        arguments[i] = va_arg(list, long);
    }
    va_end(list);
    if (number == SYS_io_setup && async_syncs == SYNCS_ABSENT) {
        errno = ENOSYS;
        return -1;
    }
    const long result =
        real.call(number, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4]);
    if (number == SYS_io_getevents && async_syncs == SYNCS_FAIL && result > 0) {
        union {
            long argument;
            struct io_event *event;
        } events = {.argument = arguments[3]};
        events.event->res = -EIO;
    }
    return result;
}

struct file {
    char *bytes;
    size_t length;
};

static int open_file(const struct kit *kit, const char *name, int flags)
{
    char path[256];
    snprintf(path, sizeof(path), "%s/%s", kit->path, name);
    const int fd = open(path, flags | O_CLOEXEC, 0644);
    assert_true(fd >= 0);
    return fd;
}

static struct file load(const struct kit *kit, const char *name)
{
    const int fd = open_file(kit, name, O_RDONLY);
    struct file file = {.length = (size_t)lseek(fd, 0, SEEK_END)};
    file.bytes = malloc(file.length + 1);
    assert_non_null(file.bytes);
    assert_int_equal(pread(fd, file.bytes, file.length, 0), file.length);
    close(fd);
    return file;
}

static void store(const struct kit *kit, const char *name, const char *bytes, size_t length)
{
    const int fd = open_file(kit, name, O_WRONLY | O_CREAT | O_TRUNC);
    assert_int_equal(pwrite(fd, bytes, length, 0), length);
    close(fd);
}

static void flip(const struct kit *kit, const char *name, size_t place)
{
    struct file file = load(kit, name);
    assert_true(place < file.length);
    file.bytes[place] = (char)(file.bytes[place] ^ 0x10);
    store(kit, name, file.bytes, file.length);
    free(file.bytes);
}

static void expect_records(struct kit *kit, int64_t expected)
{
    struct qtl_log_reader *const reader = kit_reader(kit, false);
    int64_t next = 0;
    assert_int_equal(kit_read_on(kit, reader, QTL_TOPIC_ORDERS, 0, &next), QTL_EMPTY);
    assert_int_equal(next, expected);
    assert_true(reader->ops->ended(reader, QTL_TOPIC_ORDERS, 0));
    reader->ops->free(reader);
}

/* A log with transactions of 3, 3 and 2 records, and its files after the second and the third. */
struct history {
    struct kit kit;
    struct file orders[2];
    struct file commits[2];
    struct file mark[2];
};

static void history_init(struct history *history)
{
    struct kit *const kit = &history->kit;
    kit_init(kit, 1);
    struct qtl_log_writer *const writer = kit_writer(kit, QTL_LOCAL_INTAKE, NULL);
    kit_commit(kit, writer, 0, 0, 3);
    kit_commit(kit, writer, 0, 3, 6);
    for (int i = 0; i < 2; i++) {
        history->orders[i] = load(kit, ORDERS);
        history->commits[i] = load(kit, COMMITS);
        history->mark[i] = load(kit, MARK);
        if (i == 0) {
            kit_commit(kit, writer, 0, 6, 8);
        }
    }
    writer->ops->free(writer);
}

static void history_fini(struct history *history)
{
    for (int i = 0; i < 2; i++) {
        free(history->orders[i].bytes);
        free(history->commits[i].bytes);
        free(history->mark[i].bytes);
    }
    kit_fini(&history->kit);
}

/* The folder as a crash during the third transaction leaves it. */
static void crash_at(struct history *history, size_t order_bytes, size_t commit_bytes)
{
    store(&history->kit, ORDERS, history->orders[1].bytes, order_bytes);
    store(&history->kit, COMMITS, history->commits[1].bytes, commit_bytes);
    store(&history->kit, MARK, history->mark[0].bytes, history->mark[0].length);
}

/* Before and after recovery there are 6 records, and the next transaction fits on. */
static void expect_cut(struct history *history)
{
    struct kit *const kit = &history->kit;
    expect_records(kit, 6);
    struct qtl_log_writer *const writer = kit_writer(kit, QTL_LOCAL_INTAKE, NULL);
    expect_records(kit, 6);
    struct file orders = load(kit, ORDERS);
    assert_int_equal(orders.length, history->orders[0].length);
    free(orders.bytes);
    kit_commit(kit, writer, 0, 6, 10);
    writer->ops->free(writer);
    expect_records(kit, 10);
}

static void test_torn_tails(void **state)
{
    (void)state;
    struct history history;
    history_init(&history);
    for (size_t length = history.orders[0].length; length <= history.orders[1].length; length++) {
        crash_at(&history, length, history.commits[0].length);
        expect_cut(&history);
    }
    for (size_t length = history.commits[0].length; length < history.commits[1].length; length++) {
        crash_at(&history, history.orders[1].length, length);
        expect_cut(&history);
        /* What a power cut can leave: the length is there, the bytes are not. */
        crash_at(&history, history.orders[1].length, history.commits[1].length);
        const int fd = open_file(&history.kit, COMMITS, O_WRONLY);
        const char zeroes[64] = {0};
        const size_t count = history.commits[1].length - length;
        assert_true(count <= sizeof(zeroes));
        assert_int_equal(pwrite(fd, zeroes, count, (off_t)length), count);
        close(fd);
        if (memcmp(history.commits[1].bytes + length, zeroes, count) == 0) {
            expect_records(&history.kit, 8); /* its last byte is 0: nothing is lost */
        } else {
            expect_cut(&history);
        }
    }
    history_fini(&history);
}

/* The commit record is whole, only the mark is behind: committed, for readers too. */
static void test_mark_behind(void **state)
{
    (void)state;
    struct history history;
    history_init(&history);
    crash_at(&history, history.orders[1].length, history.commits[1].length);
    /* While somebody writes it may be under way: then the mark alone counts. */
    const int lock = open_file(&history.kit, "intake.lock", O_RDWR);
    assert_int_equal(flock(lock, LOCK_EX), 0);
    expect_records(&history.kit, 6);
    close(lock);
    expect_records(&history.kit, 8);
    struct qtl_log_writer *const writer = kit_writer(&history.kit, QTL_LOCAL_INTAKE, NULL);
    struct file mark = load(&history.kit, MARK);
    assert_memory_equal(mark.bytes, history.mark[1].bytes, mark.length);
    free(mark.bytes);
    kit_commit(&history.kit, writer, 0, 8, 9);
    writer->ops->free(writer);
    expect_records(&history.kit, 9);
    history_fini(&history);
}

static void test_mark_torn(void **state)
{
    (void)state;
    struct history history;
    history_init(&history);
    flip(&history.kit, MARK, 3);
    expect_records(&history.kit, 8);
    struct qtl_log_writer *const writer = kit_writer(&history.kit, QTL_LOCAL_INTAKE, NULL);
    struct file mark = load(&history.kit, MARK);
    assert_memory_equal(mark.bytes, history.mark[1].bytes, mark.length);
    free(mark.bytes);
    writer->ops->free(writer);
    history_fini(&history);
}

static void expect_refusal(struct kit *kit, const char *file)
{
    struct qtl_log_writer *writer = NULL;
    struct qtl_log_reader *reader = NULL;
    assert_int_equal(qtl_local_writer_open(kit->path, QTL_LOCAL_INTAKE, NULL, &writer, &kit->error),
                     QTL_CORRUPT);
    assert_non_null(strstr(kit->error.text, file));
    assert_non_null(strstr(kit->error.text, "restore"));
    assert_int_equal(qtl_local_reader_open(kit->path, NULL, &reader, &kit->error), QTL_CORRUPT);
    assert_non_null(strstr(kit->error.text, file));
}

/* Any byte of the commit file is bad: it stops, also in the last record, which the mark vouches
 * for; without the mark's word the last one is taken for torn. */
static void test_bad_commit_record(void **state)
{
    (void)state;
    struct history history;
    history_init(&history);
    struct kit *const kit = &history.kit;
    for (size_t place = 0; place < history.commits[1].length; place++) {
        crash_at(&history, history.orders[1].length, history.commits[1].length);
        flip(kit, COMMITS, place);
        if (place < history.commits[0].length) {
            expect_refusal(kit, COMMITS);
        } else {
            expect_cut(&history);
        }
        crash_at(&history, history.orders[1].length, history.commits[1].length);
        store(kit, MARK, history.mark[1].bytes, history.mark[1].length);
        flip(kit, COMMITS, place);
        expect_refusal(kit, COMMITS);
    }
    for (size_t length = 0; length < history.commits[1].length; length++) {
        crash_at(&history, history.orders[1].length, length);
        store(kit, MARK, history.mark[1].bytes, history.mark[1].length);
        expect_refusal(kit, COMMITS);
    }
    history_fini(&history);
}

/* Any committed byte of a segment is bad: what stands before it is read, then it stops, again and
 * again. A bad byte behind what is committed is nobody's concern. */
static void test_bad_segment(void **state)
{
    (void)state;
    struct history history;
    history_init(&history);
    struct kit *const kit = &history.kit;
    for (size_t place = 0; place < history.orders[1].length; place++) {
        store(kit, ORDERS, history.orders[1].bytes, history.orders[1].length);
        flip(kit, ORDERS, place);
        struct qtl_log_reader *const reader = kit_reader(kit, false);
        int64_t next = 0;
        assert_int_equal(kit_read_on(kit, reader, QTL_TOPIC_ORDERS, 0, &next), QTL_CORRUPT);
        assert_non_null(strstr(kit->error.text, ORDERS));
        assert_in_range(next, 0, 7);
        assert_int_equal(kit_read_on(kit, reader, QTL_TOPIC_ORDERS, 0, &next), QTL_CORRUPT);
        assert_false(reader->ops->ended(reader, QTL_TOPIC_ORDERS, 0));
        reader->ops->free(reader);
    }
    for (size_t length = 0; length < history.orders[1].length; length++) {
        store(kit, ORDERS, history.orders[1].bytes, length);
        struct qtl_log_writer *writer = NULL;
        assert_int_equal(
            qtl_local_writer_open(kit->path, QTL_LOCAL_INTAKE, NULL, &writer, &kit->error),
            QTL_CORRUPT);
        struct qtl_log_reader *const reader = kit_reader(kit, false);
        int64_t next = 0;
        assert_int_equal(kit_read_on(kit, reader, QTL_TOPIC_ORDERS, 0, &next), QTL_CORRUPT);
        reader->ops->free(reader);
    }
    for (size_t place = history.orders[0].length; place < history.orders[1].length; place++) {
        crash_at(&history, history.orders[1].length, history.commits[0].length);
        flip(kit, ORDERS, place);
        expect_records(kit, 6);
    }
    history_fini(&history);
}

/* An engine's start reads its newest segments. */
static void test_bad_output_stops_the_start(void **state)
{
    (void)state;
    struct kit kit;
    kit_init(&kit, 1);
    struct qtl_log_writer *writer = kit_writer(&kit, QTL_LOCAL_ENGINE, NULL);
    assert_int_equal(writer->ops->begin(writer, NULL, NULL, 0, &kit.error), QTL_OK);
    for (int64_t n = 0; n < 100; n++) {
        kit_append(&kit, writer, QTL_TOPIC_STATE, 0, n);
    }
    assert_int_equal(writer->ops->commit(writer, &kit.error), QTL_OK);
    writer->ops->free(writer);
    writer = kit_writer(&kit, QTL_LOCAL_ENGINE, NULL);
    writer->ops->free(writer);
    flip(&kit, "topics/quintil.state/0/00000000000000000000.log", 1000);
    assert_int_equal(qtl_local_writer_open(kit.path, QTL_LOCAL_ENGINE, NULL, &writer, &kit.error),
                     QTL_CORRUPT);
    assert_non_null(strstr(kit.error.text, "topics/quintil.state/0/"));
    kit_fini(&kit);
}

static enum qtl_status try_commit(struct kit *kit, struct qtl_log_writer *writer, int64_t first,
                                  int64_t end)
{
    enum qtl_status status = writer->ops->begin(writer, NULL, NULL, 0, &kit->error);
    for (int64_t n = first; status == QTL_OK && n < end; n++) {
        char text[64];
        kit_value(text, n);
        const struct qtl_log_append record = {
            .topic = QTL_TOPIC_ORDERS, .value = kit_text(text), .has_value = true};
        status = writer->ops->append(writer, &record, &kit->error);
    }
    return status != QTL_OK ? status : writer->ops->commit(writer, &kit->error);
}

/* No file may grow beyond `bytes`, as on a full disk: writes come back short, then fail. */
static void limit_files(rlim_t bytes)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void test_full_disk(void **state)
{
    (void)state;
    signal(SIGXFSZ, SIG_IGN);
    for (rlim_t room = 300; room < 800; room += 37) {
        struct kit kit;
        kit_init(&kit, 1);
        struct qtl_log_writer *writer = kit_writer(&kit, QTL_LOCAL_INTAKE, NULL);
        int64_t next = 0;
        limit_files(room);
        enum qtl_status status = QTL_OK;
        while (status == QTL_OK) {
            status = try_commit(&kit, writer, next, next + 2);
            next += status == QTL_OK ? 2 : 0;
        }
        assert_int_equal(status, QTL_IO);
        assert_non_null(strstr(kit.error.text, "make room"));
        assert_memory_equal(kit.error.text, kit.path, strlen(kit.path));
        assert_int_equal(try_commit(&kit, writer, next, next + 1), QTL_IO); /* it is dead */
        limit_files(RLIM_INFINITY);
        assert_int_equal(try_commit(&kit, writer, next, next + 1), QTL_IO);
        expect_records(&kit, next);
        writer->ops->free(writer);
        expect_records(&kit, next);
        writer = kit_writer(&kit, QTL_LOCAL_INTAKE, NULL);
        kit_commit(&kit, writer, 0, next, next + 5);
        writer->ops->free(writer);
        expect_records(&kit, next + 5);
        kit_fini(&kit);
    }
    signal(SIGXFSZ, SIG_DFL);
}

/* Each sync of a transaction fails once: nothing of it is seen, then or later, and the writer does
 * not try again. */
static void test_failed_sync(void **state)
{
    (void)state;
    const struct qtl_local_writer_options small = {.segment_bytes = 60, .commit_bytes = 40};
    for (int syncs = 0; syncs < 8; syncs++) {
        struct kit kit;
        kit_init(&kit, 1);
        struct qtl_log_writer *writer = kit_writer(&kit, QTL_LOCAL_INTAKE, &small);
        kit_commit(&kit, writer, 0, 0, 3);
        struct qtl_log_reader *const reader = kit_reader(&kit, false);
        syncs_left = syncs;
        const enum qtl_status status = try_commit(&kit, writer, 3, 7);
        syncs_left = -1;
        const int64_t expected = status == QTL_OK ? 7 : 3;
        if (status != QTL_OK) {
            assert_int_equal(status, QTL_IO);
            assert_non_null(strstr(kit.error.text, "syncing"));
            assert_int_equal(try_commit(&kit, writer, 3, 4), QTL_IO);
        }
        int64_t next = 0;
        assert_int_equal(kit_read_on(&kit, reader, QTL_TOPIC_ORDERS, 0, &next), QTL_EMPTY);
        assert_int_equal(next, expected);
        writer->ops->free(writer);
        expect_records(&kit, expected);
        writer = kit_writer(&kit, QTL_LOCAL_INTAKE, &small);
        kit_commit(&kit, writer, 0, expected, expected + 4);
        writer->ops->free(writer);
        assert_int_equal(kit_read_on(&kit, reader, QTL_TOPIC_ORDERS, 0, &next), QTL_EMPTY);
        assert_int_equal(next, expected + 4);
        reader->ops->free(reader);
        kit_fini(&kit);
    }
}

static enum qtl_status commit_to_many(struct kit *kit, struct qtl_log_writer *writer, int64_t n)
{
    enum qtl_status status = writer->ops->begin(writer, NULL, NULL, 0, &kit->error);
    for (int32_t partition = 0; status == QTL_OK && partition < 100; partition++) {
        kit_append(kit, writer, QTL_TOPIC_ORDERS, partition, n);
    }
    return status != QTL_OK ? status : writer->ops->commit(writer, &kit->error);
}

/* A transaction over many files: synced at once, one after the other where the kernel cannot, and
 * not committed where one of them fails. */
static void test_many_syncs(void **state)
{
    (void)state;
    struct kit kit;
    kit_init(&kit, 100);
    for (int64_t round = 0; round < 2; round++) {
        async_syncs = round == 0 ? SYNCS_WORK : SYNCS_ABSENT;
        struct qtl_log_writer *writer = kit_writer(&kit, QTL_LOCAL_INTAKE, NULL);
        assert_int_equal(commit_to_many(&kit, writer, round * 2), QTL_OK);
        assert_int_equal(commit_to_many(&kit, writer, round * 2 + 1), QTL_OK);
        writer->ops->free(writer);
    }
    async_syncs = SYNCS_FAIL;
    struct qtl_log_writer *const writer = kit_writer(&kit, QTL_LOCAL_INTAKE, NULL);
    assert_int_equal(commit_to_many(&kit, writer, 4), QTL_IO);
    assert_non_null(strstr(kit.error.text, "topics/orders/"));
    assert_non_null(strstr(kit.error.text, strerror(EIO)));
    async_syncs = SYNCS_WORK;
    assert_int_equal(commit_to_many(&kit, writer, 4), QTL_IO);
    writer->ops->free(writer);
    struct qtl_log_reader *const reader = kit_reader(&kit, false);
    for (int32_t partition = 0; partition < 100; partition++) {
        int64_t next = 0;
        assert_int_equal(kit_read_on(&kit, reader, QTL_TOPIC_ORDERS, partition, &next), QTL_EMPTY);
        assert_int_equal(next, 4);
    }
    reader->ops->free(reader);
    kit_fini(&kit);
}

/* Commits transactions for ever: the one that begins at offset n has n % 5 + 1 records. `durable`,
 * shared with the parent, is where the next begins. */
static int write_until_killed(struct kit *kit, atomic_long *durable)
{
    const struct qtl_local_writer_options small = {.segment_bytes = 700, .commit_bytes = 500};
    struct qtl_log_writer *writer = NULL;
    if (qtl_local_writer_open(kit->path, QTL_LOCAL_INTAKE, &small, &writer, &kit->error) !=
        QTL_OK) {
        return 1;
    }
    struct qtl_log_reader *reader = NULL;
    if (qtl_local_reader_open(kit->path, NULL, &reader, &kit->error) != QTL_OK) {
        return 2;
    }
    int64_t first;
    int64_t next;
    if (reader->ops->range(reader, QTL_TOPIC_ORDERS, 0, &first, &next, &kit->error) != QTL_OK) {
        return 3;
    }
    for (;;) {
        const int64_t end = next + next % 5 + 1;
        if (try_commit(kit, writer, next, end) != QTL_OK) {
            return 4;
        }
        next = end;
        atomic_store_explicit(durable, next, memory_order_release); /* pairs with the parent */
    }
}

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* A writer is killed again and again. What is there then is what it had committed, perhaps with the
 * transaction that was under way, whole. */
static void test_kills(void **state)
{
    (void)state;
    const char *const given = getenv("QUINTIL_SEED");
    const uint64_t seed = given != NULL ? strtoull(given, NULL, 10) : 20261122;
    printf("QUINTIL_SEED=%" PRIu64 "\n", seed);
    uint64_t random = seed;
    struct kit kit;
    kit_init(&kit, 1);
    atomic_long *const durable =
        mmap(NULL, sizeof(*durable), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(durable != MAP_FAILED);
    struct qtl_log_reader *const follower = kit_reader(&kit, false);
    int64_t followed = 0;
    for (int kill_number = 0; kill_number < 60; kill_number++) {
        const pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            _exit(write_until_killed(&kit, durable));
        }
        /* At a random instant after a random number of its transactions, or while it recovers. */
        const long wanted = atomic_load(durable) + (long)(next_random(&random) % 40);
        while (atomic_load_explicit(durable, memory_order_acquire) < wanted) {
            sched_yield();
        }
        for (uint64_t spins = next_random(&random) % 200000; spins > 0; spins--) {
            atomic_signal_fence(memory_order_seq_cst);
        }
        assert_int_equal(kill(child, SIGKILL), 0);
        int result;
        assert_int_equal(waitpid(child, &result, 0), child);
        assert_true(WIFSIGNALED(result));
        const int64_t committed = atomic_load(durable);

        struct qtl_log_reader *const reader = kit_reader(&kit, false);
        int64_t next = 0;
        assert_int_equal(kit_read_on(&kit, reader, QTL_TOPIC_ORDERS, 0, &next), QTL_EMPTY);
        assert_true(next == committed || next == committed + committed % 5 + 1);
        reader->ops->free(reader);
        assert_int_equal(kit_read_on(&kit, follower, QTL_TOPIC_ORDERS, 0, &followed), QTL_EMPTY);
        assert_true(followed <= next && followed >= committed);
        atomic_store(durable, next);
    }
    assert_true(followed > 0);
    munmap(durable, sizeof(*durable));
    follower->ops->free(follower);
    kit_fini(&kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_torn_tails),  cmocka_unit_test(test_mark_behind),
        cmocka_unit_test(test_mark_torn),   cmocka_unit_test(test_bad_commit_record),
        cmocka_unit_test(test_bad_segment), cmocka_unit_test(test_bad_output_stops_the_start),
        cmocka_unit_test(test_full_disk),   cmocka_unit_test(test_failed_sync),
        cmocka_unit_test(test_many_syncs),  cmocka_unit_test(test_kills),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
