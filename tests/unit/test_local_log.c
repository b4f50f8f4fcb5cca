/*
 * The local log as the engine and the commands see it: what goes in comes out, committed and in
 * order, and nothing else ever does. Crashes and damage are in test_local_log_damage.c.
 */
#define _GNU_SOURCE
#include "tests/unit/local_log_kit.h"

#include "schemas/event.h"
#include "schemas/local/crc32c.h"
#include "schemas/local/local_commits.h"
#include "schemas/local/local_frame.h"

#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <sys/stat.h>
#include <sys/wait.h>

static void test_crc32c(void **state)
{
    (void)state;
    uint8_t bytes[32] = {0};
    assert_int_equal(qtl_crc32c("", 0), 0);
    assert_int_equal(qtl_crc32c("123456789", 9), 0xE3069283u);
    assert_int_equal(qtl_crc32c(bytes, 32), 0x8A9136AAu); /* RFC 3720, B.4 */
    memset(bytes, 0xFF, 32);
    assert_int_equal(qtl_crc32c(bytes, 32), 0x62A8AB43u);
    for (uint8_t i = 0; i < 32; i++) {
        bytes[i] = i;
    }
    assert_int_equal(qtl_crc32c(bytes, 32), 0x46DD794Eu);
    uint8_t many[1000];
    for (size_t i = 0; i < sizeof(many); i++) {
        many[i] = (uint8_t)(i * 151 + 7);
    }
    for (size_t length = 0; length < 300; length++) {
        assert_int_equal(qtl_crc32c(many + length, length),
                         qtl_crc32c_table(many + length, length));
    }
}

static void test_round_trip(void **state)
{
    (void)state;
    struct kit kit;
    kit_init(&kit, 2);
    struct qtl_log_writer *const writer = kit_writer(&kit, QTL_LOCAL_ENGINE, NULL);
    const struct qtl_log_header headers[2] = {{kit_text("cause"), kit_text("order")},
                                              {kit_text(""), kit_text("")}};
    const struct qtl_log_append records[] = {
        {.topic = QTL_TOPIC_TRANSITIONS, .partition = 1, .timestamp_ms = INT64_MIN},
        {.topic = QTL_TOPIC_TRANSITIONS, .partition = 1, .timestamp_ms = -1, .has_key = true},
        {.topic = QTL_TOPIC_TRANSITIONS,
         .partition = 1,
         .timestamp_ms = INT64_MAX,
         .has_value = true,
         .value = kit_text("v"),
         .headers = headers,
         .header_count = 2},
        {.topic = QTL_TOPIC_TRANSITIONS,
         .partition = 1,
         .timestamp_ms = 0,
         .has_key = true,
         .key = kit_text("k"),
         .has_value = true},
    };
    const struct qtl_log_position positions[] = {
        {.topic = QTL_TOPIC_ORDERS, .partition = 1, .next_offset = 7}};
    assert_int_equal(writer->ops->begin(writer, NULL, positions, 1, &kit.error), QTL_OK);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(writer->ops->append(writer, &records[i], &kit.error), QTL_OK);
    }
    struct qtl_log_reader *const reader = kit_reader(&kit, true);
    struct qtl_log_record got[8];
    size_t count;
    assert_int_equal(
        reader->ops->read(reader, QTL_TOPIC_TRANSITIONS, 1, 8, got, &count, &kit.error), QTL_EMPTY);
    int64_t position = 0;
    assert_int_equal(reader->ops->committed(reader, QTL_TOPIC_ORDERS, 1, &position, &kit.error),
                     QTL_OK);
    assert_int_equal(position, -1);

    assert_int_equal(writer->ops->commit(writer, &kit.error), QTL_OK);
    assert_int_equal(
        reader->ops->read(reader, QTL_TOPIC_TRANSITIONS, 1, 8, got, &count, &kit.error), QTL_OK);
    assert_int_equal(count, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(got[i].offset, i);
        assert_true(got[i].timestamp_ms == records[i].timestamp_ms);
        assert_int_equal(got[i].has_key, records[i].has_key);
        assert_int_equal(got[i].has_value, records[i].has_value);
        assert_int_equal(got[i].key.length, records[i].key.length);
        assert_int_equal(got[i].value.length, records[i].value.length);
        assert_int_equal(got[i].header_count, records[i].header_count);
    }
    assert_true(kit_equal(got[2].value, "v"));
    assert_true(kit_equal(got[2].headers[0].name, "cause"));
    assert_true(kit_equal(got[2].headers[0].value, "order"));
    assert_int_equal(got[2].headers[1].name.length, 0);
    assert_true(kit_equal(got[3].key, "k"));
    assert_true(reader->ops->ended(reader, QTL_TOPIC_TRANSITIONS, 1));
    assert_int_equal(reader->ops->committed(reader, QTL_TOPIC_ORDERS, 1, &position, &kit.error),
                     QTL_OK);
    assert_int_equal(position, 7);
    assert_int_equal(reader->ops->committed(reader, QTL_TOPIC_ORDERS, 0, &position, &kit.error),
                     QTL_OK);
    assert_int_equal(position, -1);
    reader->ops->free(reader);
    writer->ops->free(writer);
    kit_fini(&kit);
}

static void test_abort_leaves_nothing(void **state)
{
    (void)state;
    struct kit kit;
    kit_init(&kit, 1);
    const struct qtl_local_writer_options small = {.segment_bytes = 100};
    struct qtl_log_writer *const writer = kit_writer(&kit, QTL_LOCAL_INTAKE, &small);
    struct qtl_log_reader *const reader = kit_reader(&kit, false);
    int64_t next = 0;
    kit_commit(&kit, writer, 0, 0, 5);
    for (int round = 0; round < 3; round++) {
        assert_int_equal(writer->ops->begin(writer, NULL, NULL, 0, &kit.error), QTL_OK);
        for (int64_t n = 100; n < 120; n++) {
            kit_append(&kit, writer, QTL_TOPIC_ORDERS, 0, n);
        }
        writer->ops->abort(writer);
        assert_int_equal(kit_read_on(&kit, reader, QTL_TOPIC_ORDERS, 0, &next), QTL_EMPTY);
        assert_int_equal(next, 5 + round * 3);
        kit_commit(&kit, writer, 0, next, next + 3);
    }
    assert_int_equal(writer->ops->begin(writer, NULL, NULL, 0, &kit.error), QTL_OK);
    assert_int_equal(writer->ops->commit(writer, &kit.error), QTL_OK); /* of nothing */
    writer->ops->free(writer);
    assert_int_equal(kit_read_on(&kit, reader, QTL_TOPIC_ORDERS, 0, &next), QTL_EMPTY);
    assert_int_equal(next, 14);
    reader->ops->free(reader);
    kit_fini(&kit);
}

/* Segments and commit files roll; two readers, one from before and one from after, see the same;
 * seeking to any offset gives that record. */
static void test_rolls(void **state)
{
    (void)state;
    struct kit kit;
    kit_init(&kit, 1);
    const struct qtl_local_writer_options small = {.segment_bytes = 300, .commit_bytes = 200};
    struct qtl_log_reader *const before = kit_reader(&kit, false);
    struct qtl_log_writer *writer = kit_writer(&kit, QTL_LOCAL_INTAKE, &small);
    int64_t next = 0;
    for (int64_t n = 0; n < 400; n += 20) {
        kit_commit(&kit, writer, 0, n, n + 20);
        if (n % 100 == 0) {
            assert_int_equal(kit_read_on(&kit, before, QTL_TOPIC_ORDERS, 0, &next), QTL_EMPTY);
            assert_int_equal(next, n + 20);
            writer->ops->free(writer);
            writer = kit_writer(&kit, QTL_LOCAL_INTAKE, &small);
        }
    }
    assert_int_equal(kit_read_on(&kit, before, QTL_TOPIC_ORDERS, 0, &next), QTL_EMPTY);
    assert_int_equal(next, 400);
    struct qtl_log_reader *const after = kit_reader(&kit, false);
    for (int64_t offset = 400; offset >= 0; offset--) {
        next = offset;
        assert_int_equal(after->ops->seek(after, QTL_TOPIC_ORDERS, 0, offset, &kit.error), QTL_OK);
        assert_int_equal(kit_read_on(&kit, after, QTL_TOPIC_ORDERS, 0, &next), QTL_EMPTY);
        assert_int_equal(next, 400);
        assert_true(after->ops->ended(after, QTL_TOPIC_ORDERS, 0));
    }
    assert_int_equal(after->ops->seek(after, QTL_TOPIC_ORDERS, 0, 401, &kit.error), QTL_IO);
    assert_non_null(strstr(kit.error.text, "offset 401 is not there"));
    int64_t first;
    int64_t end;
    assert_int_equal(after->ops->range(after, QTL_TOPIC_ORDERS, 0, &first, &end, &kit.error),
                     QTL_OK);
    assert_int_equal(first, 0);
    assert_int_equal(end, 400);
    before->ops->free(before);
    after->ops->free(after);
    writer->ops->free(writer);
    kit_fini(&kit);
}

/* Records handed out stay what they were until release(), whatever is read meanwhile. */
static void test_records_stay_until_release(void **state)
{
    (void)state;
    struct kit kit;
    kit_init(&kit, 1);
    struct qtl_log_writer *const writer = kit_writer(&kit, QTL_LOCAL_INTAKE, NULL);
    struct qtl_log_reader *const reader = kit_reader(&kit, false);
    enum { RECORDS = 30000 };
    struct qtl_log_record *const records = calloc(RECORDS, sizeof(*records));
    assert_non_null(records);
    for (int round = 0; round < 2; round++) {
        size_t total = 0;
        for (int64_t n = 0; n < RECORDS; n += 10000) {
            kit_commit(&kit, writer, 0, n, n + 10000);
            size_t count = 1;
            while (count > 0) {
                const enum qtl_status status = reader->ops->read(
                    reader, QTL_TOPIC_ORDERS, 0, 999, records + total, &count, &kit.error);
                assert_true(status == QTL_OK || status == QTL_EMPTY);
                total += count;
            }
        }
        assert_int_equal(total, RECORDS);
        for (int64_t n = 0; n < RECORDS; n++) {
            char text[64];
            kit_value(text, n);
            assert_true(kit_equal(records[n].value, text));
        }
        reader->ops->release(reader);
    }
    free(records);
    reader->ops->free(reader);
    writer->ops->free(writer);
    kit_fini(&kit);
}

static void test_large_records(void **state)
{
    (void)state;
    struct kit kit;
    kit_init(&kit, 1);
    struct qtl_log_writer *const writer = kit_writer(&kit, QTL_LOCAL_INTAKE, NULL);
    struct qtl_log_reader *const reader = kit_reader(&kit, false);
    char *const bytes = malloc(QTL_LOCAL_RECORD_BYTES_MAX + 1);
    assert_non_null(bytes);
    memset(bytes, 'x', QTL_LOCAL_RECORD_BYTES_MAX + 1);
    struct qtl_log_append record = {
        .topic = QTL_TOPIC_ORDERS,
        .has_value = true,
        .value = {.bytes = bytes, .length = QTL_LOCAL_RECORD_BYTES_MAX + 1}};
    assert_int_equal(writer->ops->begin(writer, NULL, NULL, 0, &kit.error), QTL_OK);
    assert_int_equal(writer->ops->append(writer, &record, &kit.error), QTL_MALFORMED);
    const uint32_t lengths[] = {QTL_LOCAL_RECORD_BYTES_MAX, 0, 300000, 1};
    for (size_t i = 0; i < 4; i++) {
        record.value.length = lengths[i];
        assert_int_equal(writer->ops->append(writer, &record, &kit.error), QTL_OK);
    }
    assert_int_equal(writer->ops->commit(writer, &kit.error), QTL_OK);
    struct qtl_log_record records[5];
    size_t count;
    assert_int_equal(reader->ops->read(reader, QTL_TOPIC_ORDERS, 0, 5, records, &count, &kit.error),
                     QTL_OK);
    assert_int_equal(count, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(records[i].value.length, lengths[i]);
        assert_memory_equal(records[i].value.bytes, bytes, lengths[i]);
    }
    free(bytes);
    reader->ops->free(reader);
    writer->ops->free(writer);
    kit_fini(&kit);
}

static void test_one_engine(void **state)
{
    (void)state;
    struct kit kit;
    kit_init(&kit, 1);
    struct qtl_log_writer *const writer = kit_writer(&kit, QTL_LOCAL_ENGINE, NULL);
    struct qtl_log_writer *second = NULL;
    assert_int_equal(qtl_local_writer_open(kit.path, QTL_LOCAL_ENGINE, NULL, &second, &kit.error),
                     QTL_LOST);
    assert_null(second);
    char process[32];
    snprintf(process, sizeof(process), "process %ld ", (long)getpid());
    assert_non_null(strstr(kit.error.text, process));

    /* The token of an assignment before the lock changed hands is refused. */
    struct qtl_log_reader *const reader = kit_reader(&kit, false);
    struct qtl_log_change change;
    assert_int_equal(reader->ops->change(reader, &change), QTL_OK);
    assert_int_equal(change.type, QTL_LOG_ASSIGNED);
    assert_int_equal(change.partition, 0);
    assert_int_equal(reader->ops->change(reader, &change), QTL_EMPTY);
    const struct qtl_log_token *const token = reader->ops->token(reader);
    assert_int_equal(writer->ops->begin(writer, token, NULL, 0, &kit.error), QTL_OK);
    writer->ops->free(writer);
    second = kit_writer(&kit, QTL_LOCAL_ENGINE, NULL);
    assert_int_equal(second->ops->begin(second, token, NULL, 0, &kit.error), QTL_LOST);
    second->ops->free(second);
    reader->ops->free(reader);
    kit_fini(&kit);
}

static void test_partitions_are_fixed(void **state)
{
    (void)state;
    struct kit kit;
    kit_init(&kit, 3);
    int32_t partitions = 0;
    assert_int_equal(qtl_local_log_partitions(kit.path, &partitions, &kit.error), QTL_OK);
    assert_int_equal(partitions, 3);
    assert_int_equal(qtl_local_log_create(kit.path, 3, &kit.error), QTL_OK);
    assert_int_equal(qtl_local_log_create(kit.path, 0, &kit.error), QTL_OK);
    assert_int_equal(qtl_local_log_create(kit.path, 4, &kit.error), QTL_BAD_CONF);
    assert_non_null(strstr(kit.error.text, "has 3 partitions, not 4"));
    assert_int_equal(qtl_local_log_create(kit.path, QTL_PARTITIONS_MAX + 1, &kit.error),
                     QTL_BAD_CONF);
    const struct qtl_local_reader_options options = {.partitions = 1};
    struct qtl_log_reader *reader = NULL;
    assert_int_equal(qtl_local_reader_open(kit.path, &options, &reader, &kit.error), QTL_BAD_CONF);
    assert_int_equal(qtl_local_reader_open("/nonexistent", NULL, &reader, &kit.error),
                     QTL_BAD_CONF);
    reader = kit_reader(&kit, false);
    assert_int_equal(reader->ops->partitions(reader, QTL_TOPIC_STATE), 3);
    reader->ops->free(reader);
    kit_fini(&kit);
}

/* Commits a segment as a compaction (to come) would leave it: offsets 0, 3 and 7, the next is 10.
 */
static void commit_with_gaps(struct kit *kit)
{
    static const uint64_t places[] = {0, 3, 7};
    struct qtl_local_layout layout;
    struct qtl_local_table table;
    struct qtl_local_commits commits;
    struct qtl_bytes bytes = {0};
    assert_int_equal(qtl_local_layout_open(&layout, kit->path, 1, &kit->error), QTL_OK);
    qtl_local_table_init(&table, 1);
    assert_int_equal(
        qtl_local_commits_open(&commits, &layout, &table, QTL_LOCAL_INTAKE, true, &kit->error),
        QTL_OK);
    assert_int_equal(qtl_local_commits_recover(&commits, &kit->error), QTL_OK);
    for (size_t i = 0; i < 3; i++) {
        char text[64];
        kit_value(text, (int64_t)places[i]);
        const struct qtl_log_append record = {.value = kit_text(text), .has_value = true};
        qtl_local_frame_put_record(&bytes, &record, places[i]);
    }
    assert_int_equal(mkdirat(layout.folder_fd, "topics/orders/0", 0755), 0);
    const int fd = openat(layout.folder_fd, "topics/orders/0/00000000000000000000.log",
                          O_WRONLY | O_CREAT, 0644);
    assert_int_equal(write(fd, bytes.bytes, bytes.length), bytes.length);
    close(fd);
    const struct qtl_local_length length = {
        .topic = QTL_TOPIC_ORDERS, .bytes = bytes.length, .next_offset = 10};
    const struct qtl_local_commit commit = {.sequence = 1, .lengths = &length, .length_count = 1};
    assert_int_equal(qtl_local_commits_append(&commits, &commit, &kit->error), QTL_OK);
    qtl_bytes_fini(&bytes);
    qtl_local_commits_close(&commits);
    qtl_local_table_fini(&table);
    qtl_local_layout_close(&layout);
}

static void test_gaps(void **state)
{
    (void)state;
    static const int64_t found[11] = {0, 3, 3, 3, 7, 7, 7, 7, 10, 10, 10};
    struct kit kit;
    kit_init(&kit, 1);
    commit_with_gaps(&kit);
    struct qtl_log_writer *const writer = kit_writer(&kit, QTL_LOCAL_INTAKE, NULL);
    struct qtl_log_reader *const reader = kit_reader(&kit, false);
    struct qtl_log_record records[8];
    size_t count;
    assert_int_equal(reader->ops->read(reader, QTL_TOPIC_ORDERS, 0, 8, records, &count, &kit.error),
                     QTL_OK);
    assert_int_equal(count, 3);
    assert_int_equal(records[2].offset, 7);
    assert_true(reader->ops->ended(reader, QTL_TOPIC_ORDERS, 0));
    kit_commit(&kit, writer, 0, 10, 11);
    for (int64_t offset = 0; offset <= 10; offset++) {
        assert_int_equal(reader->ops->seek(reader, QTL_TOPIC_ORDERS, 0, offset, &kit.error),
                         QTL_OK);
        assert_int_equal(
            reader->ops->read(reader, QTL_TOPIC_ORDERS, 0, 1, records, &count, &kit.error), QTL_OK);
        char text[64];
        kit_value(text, found[offset]);
        assert_int_equal(records[0].offset, found[offset]);
        assert_true(kit_equal(records[0].value, text));
    }
    reader->ops->free(reader);
    writer->ops->free(writer);
    kit_fini(&kit);
}

/* A log with more partitions than a process may have files open. */
static void test_many_partitions(void **state)
{
    (void)state;
    struct kit kit;
    enum { PARTITIONS = 600 };
    kit_init(&kit, PARTITIONS);
    struct qtl_log_writer *const writer = kit_writer(&kit, QTL_LOCAL_INTAKE, NULL);
    struct qtl_log_reader *const reader = kit_reader(&kit, false);
    for (int64_t round = 0; round < 2; round++) {
        assert_int_equal(writer->ops->begin(writer, NULL, NULL, 0, &kit.error), QTL_OK);
        for (int32_t i = 0; i < PARTITIONS; i += 2) {
            kit_append(&kit, writer, QTL_TOPIC_ORDERS, i, round);
        }
        assert_int_equal(writer->ops->commit(writer, &kit.error), QTL_OK);
        for (int32_t i = 0; i < PARTITIONS; i++) {
            int64_t next = round;
            assert_int_equal(kit_read_on(&kit, reader, QTL_TOPIC_ORDERS, i, &next), QTL_EMPTY);
            assert_int_equal(next, i % 2 == 0 ? round + 1 : round);
        }
    }
    reader->ops->free(reader);
    writer->ops->free(writer);
    kit_fini(&kit);
}

struct reading {
    struct kit *kit;
    struct qtl_log_reader *reader;
    int64_t until;
    sem_t all_read;
};

static void *read_along(void *context)
{
    struct reading *const reading = context;
    int64_t next = 0;
    while (next < reading->until) {
        assert_int_equal(reading->reader->ops->wait(reading->reader, -1), QTL_OK);
        assert_int_equal(kit_read_on(reading->kit, reading->reader, QTL_TOPIC_ORDERS, 0, &next),
                         QTL_EMPTY);
    }
    /* Ended by wake(), which comes only now: nothing more is committed. */
    assert_int_equal(sem_post(&reading->all_read), 0);
    while (reading->reader->ops->wait(reading->reader, -1) != QTL_OK) {
    }
    return NULL;
}

/* Writer and reader in two threads: every commit ends a wait, and so does wake(). */
static void test_wait(void **state)
{
    (void)state;
    struct kit kit;
    kit_init(&kit, 1);
    struct qtl_log_reader *const reader = kit_reader(&kit, false);
    struct qtl_log_change change;
    assert_int_equal(reader->ops->wait(reader, -1), QTL_OK); /* the assignment */
    assert_int_equal(reader->ops->change(reader, &change), QTL_OK);
    assert_int_equal(reader->ops->wait(reader, 0), QTL_EMPTY);
    assert_int_equal(reader->ops->wait(reader, 1), QTL_EMPTY);
    reader->ops->wake(reader);
    assert_int_equal(reader->ops->wait(reader, -1), QTL_OK);
    assert_int_equal(reader->ops->wait(reader, 0), QTL_EMPTY);

    struct kit other = kit;
    struct reading reading = {.kit = &other, .reader = reader, .until = 60};
    assert_int_equal(sem_init(&reading.all_read, 0, 0), 0);
    pthread_t thread;
    const struct qtl_local_writer_options small = {.segment_bytes = 500, .commit_bytes = 300};
    struct qtl_log_writer *const writer = kit_writer(&kit, QTL_LOCAL_INTAKE, &small);
    assert_int_equal(pthread_create(&thread, NULL, read_along, &reading), 0);
    for (int64_t n = 0; n < 60; n += 2) {
        kit_commit(&kit, writer, 0, n, n + 2);
    }
    assert_int_equal(sem_wait(&reading.all_read), 0);
    reader->ops->wake(reader);
    assert_int_equal(pthread_join(thread, NULL), 0);

    /* Said once for each commit, read or not. */
    kit_commit(&kit, writer, 0, 60, 61);
    assert_int_equal(reader->ops->wait(reader, -1), QTL_OK);
    assert_int_equal(reader->ops->wait(reader, 0), QTL_EMPTY);
    assert_false(reader->ops->ended(reader, QTL_TOPIC_ORDERS, 0));
    writer->ops->free(writer);
    reader->ops->free(reader);
    kit_fini(&kit);
}

static int append_from_child(const char *path, int64_t child)
{
    struct qtl_error error;
    struct qtl_log_writer *writer;
    const struct qtl_local_writer_options small = {.segment_bytes = 2000, .commit_bytes = 400};
    if (qtl_local_writer_open(path, QTL_LOCAL_INTAKE, &small, &writer, &error) != QTL_OK) {
        return 1;
    }
    for (int64_t n = 0; n < 20; n++) {
        char text[32];
        const int length = snprintf(text, sizeof(text), "%" PRId64 " %" PRId64, child, n);
        const struct qtl_log_append record = {.topic = QTL_TOPIC_ORDERS,
                                              .has_value = true,
                                              .value = {.bytes = text, .length = (uint32_t)length}};
        if (writer->ops->begin(writer, NULL, NULL, 0, &error) != QTL_OK ||
            writer->ops->append(writer, &record, &error) != QTL_OK ||
            writer->ops->append(writer, &record, &error) != QTL_OK ||
            writer->ops->commit(writer, &error) != QTL_OK) {
            return 1;
        }
    }
    writer->ops->free(writer);
    return 0;
}

/* Several processes append at once: each one's transactions are whole and in its order. */
static void test_processes_take_turns(void **state)
{
    (void)state;
    struct kit kit;
    kit_init(&kit, 1);
    enum { CHILDREN = 4 };
    pid_t children[CHILDREN];
    for (int64_t child = 0; child < CHILDREN; child++) {
        children[child] = fork();
        assert_true(children[child] >= 0);
        if (children[child] == 0) {
            _exit(append_from_child(kit.path, child));
        }
    }
    for (int child = 0; child < CHILDREN; child++) {
        int result;
        assert_int_equal(waitpid(children[child], &result, 0), children[child]);
        assert_int_equal(result, 0);
    }
    struct qtl_log_reader *const reader = kit_reader(&kit, false);
    struct qtl_log_record records[CHILDREN * 40 + 1];
    size_t count;
    assert_int_equal(reader->ops->read(reader, QTL_TOPIC_ORDERS, 0, CHILDREN * 40 + 1, records,
                                       &count, &kit.error),
                     QTL_OK);
    assert_int_equal(count, CHILDREN * 40);
    int next[CHILDREN] = {0};
    for (size_t i = 0; i < count; i += 2) {
        char text[32];
        const int child = records[i].value.bytes[0] - '0';
        assert_in_range(child, 0, CHILDREN - 1);
        snprintf(text, sizeof(text), "%d %d", child, next[child]++);
        assert_true(kit_equal(records[i].value, text));
        assert_true(kit_equal(records[i + 1].value, text));
        assert_int_equal(records[i + 1].offset, i + 1);
    }
    reader->ops->free(reader);
    kit_fini(&kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_crc32c),
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_abort_leaves_nothing),
        cmocka_unit_test(test_rolls),
        cmocka_unit_test(test_records_stay_until_release),
        cmocka_unit_test(test_large_records),
        cmocka_unit_test(test_one_engine),
        cmocka_unit_test(test_partitions_are_fixed),
        cmocka_unit_test(test_gaps),
        cmocka_unit_test(test_many_partitions),
        cmocka_unit_test(test_wait),
        cmocka_unit_test(test_processes_take_turns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
