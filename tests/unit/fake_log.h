/*
 * A log in memory for the tests of ingest and publish: a reader that shows what the test lets it
 * show, and a writer that remembers what was committed and fails when the test wants it to. What is
 * read lives in memory of its own until release(), so that the address sanitizer sees who keeps it.
 *
 * Threads: reader and writer as schemas/log.h says; the test may look once the threads ended.
 */
#ifndef QTL_TESTS_UNIT_FAKE_LOG_H
#define QTL_TESTS_UNIT_FAKE_LOG_H

#include "tests/unit/test.h"

#include "schemas/event.h"
#include "schemas/log.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FAKE_PARTITIONS_MAX = 4 };

struct fake_record {
    char *value; /* owned; NULL: a tombstone */
    int64_t timestamp_ms;
};

/* One partition of the input. */
struct fake_partition {
    struct fake_record *records; /* owned; the offset is the place */
    size_t count;
    size_t visible; /* the rest has not come yet */
    size_t next;
    size_t reads; /* calls of read() */
    bool open;    /* its end is not known: it lags where nothing is waiting */
};

struct fake_reader {
    struct qtl_log_reader base; /* first: the two are converted into each other */
    struct fake_partition partitions[QTL_STREAMS][FAKE_PARTITIONS_MAX];
    int32_t count;
    char **handed; /* owned: values until release() */
    size_t handed_count;
    /* Called by wait(), on the reader's thread: what happens meanwhile. May be NULL. */
    void (*meanwhile)(struct fake_reader *reader);
    void *context;
};

static inline struct fake_partition *fake_partition(struct fake_reader *reader, int stream,
                                                    int32_t partition)
{
    assert_true(stream < QTL_STREAMS && partition < reader->count);
    return &reader->partitions[stream][partition];
}

static inline struct fake_reader *fake_reader_of(struct qtl_log_reader *reader)
{
    return (struct fake_reader *)reader;
}

static inline enum qtl_status fake_wait(struct qtl_log_reader *base, int timeout_ms)
{
    struct fake_reader *const reader = fake_reader_of(base);
    (void)timeout_ms; /* time is not what is tested */
    sched_yield();
    if (reader->meanwhile != NULL) {
        reader->meanwhile(reader);
    }
    return QTL_OK;
}

static inline void fake_wake(struct qtl_log_reader *base)
{
    (void)base; /* wait() never sleeps */
}

static inline enum qtl_status fake_seek(struct qtl_log_reader *base, enum qtl_topic topic,
                                        int32_t partition, int64_t offset, struct qtl_error *error)
{
    (void)error;
    struct fake_partition *const input =
        fake_partition(fake_reader_of(base), (int)topic, partition);
    assert_true(offset >= 0 && (size_t)offset <= input->count);
    input->next = (size_t)offset;
    return QTL_OK;
}

static inline void fake_release(struct qtl_log_reader *base)
{
    struct fake_reader *const reader = fake_reader_of(base);
    for (size_t i = 0; i < reader->handed_count; i++) {
        free(reader->handed[i]);
    }
    reader->handed_count = 0;
}

static inline void fake_hand_out(struct fake_reader *reader, const struct fake_record *record,
                                 struct qtl_log_record *out)
{
    if (record->value != NULL) {
        char *const copy = strdup(record->value);
        reader->handed =
            realloc(reader->handed, (reader->handed_count + 1) * sizeof(*reader->handed));
        assert_true(copy != NULL && reader->handed != NULL);
        reader->handed[reader->handed_count++] = copy;
        out->value = (struct qtl_text){copy, (uint32_t)strlen(copy)};
        out->has_value = true;
    }
    out->timestamp_ms = record->timestamp_ms;
}

static inline enum qtl_status fake_read(struct qtl_log_reader *base, enum qtl_topic topic,
                                        int32_t partition, size_t max,
                                        struct qtl_log_record *records, size_t *count,
                                        struct qtl_error *error)
{
    (void)error;
    struct fake_reader *const reader = fake_reader_of(base);
    struct fake_partition *const input = fake_partition(reader, (int)topic, partition);
    input->reads++;
    *count = 0;
    while (*count < max && input->next < input->visible) {
        records[*count] = (struct qtl_log_record){.offset = (int64_t)input->next};
        fake_hand_out(reader, &input->records[input->next++], &records[(*count)++]);
    }
    return *count > 0 ? QTL_OK : QTL_EMPTY;
}

static inline bool fake_ended(struct qtl_log_reader *base, enum qtl_topic topic, int32_t partition)
{
    const struct fake_partition *const input =
        fake_partition(fake_reader_of(base), (int)topic, partition);
    return !input->open && input->next >= input->visible;
}

static inline enum qtl_status fake_change(struct qtl_log_reader *base,
                                          struct qtl_log_change *change)
{
    (void)base;
    (void)change;
    return QTL_EMPTY;
}

static inline bool fake_holds_clock(struct qtl_log_reader *base, enum qtl_topic topic,
                                    int32_t partition)
{
    (void)base;
    (void)topic;
    (void)partition;
    return false;
}

static const struct qtl_log_reader_ops fake_reader_ops = {
    .wait = fake_wait,
    .wake = fake_wake,
    .seek = fake_seek,
    .read = fake_read,
    .release = fake_release,
    .ended = fake_ended,
    .change = fake_change,
    .holds_clock = fake_holds_clock,
};

static inline void fake_reader_init(struct fake_reader *reader, int32_t partitions)
{
    *reader = (struct fake_reader){.base = {.ops = &fake_reader_ops}, .count = partitions};
}

static inline void fake_reader_fini(struct fake_reader *reader)
{
    for (int stream = 0; stream < QTL_STREAMS; stream++) {
        for (int32_t i = 0; i < reader->count; i++) {
            struct fake_partition *const input = &reader->partitions[stream][i];
            for (size_t n = 0; n < input->count; n++) {
                free(input->records[n].value);
            }
            free(input->records);
        }
    }
    fake_release(&reader->base);
    free(reader->handed);
}

/* A record at the end; visible at once. A NULL value is a tombstone. */
static inline void fake_add(struct fake_partition *input, int64_t second, const char *value)
{
    input->records = realloc(input->records, (input->count + 1) * sizeof(*input->records));
    assert_non_null(input->records);
    input->records[input->count++] = (struct fake_record){
        .timestamp_ms = second * 1000, .value = value != NULL ? strdup(value) : NULL};
    input->visible = input->count;
}

/* ---- the writer --------------------------------------------------------------------------------
 */

/* What a transaction committed to one topic, value by value. */
struct fake_topic {
    char **values; /* owned */
    size_t count;
    size_t committed;
};

struct fake_writer {
    struct qtl_log_writer base; /* first */
    struct fake_topic topics[QTL_TOPICS];
    int64_t positions[QTL_STREAMS][FAKE_PARTITIONS_MAX]; /* committed */
    int64_t pending[QTL_STREAMS][FAKE_PARTITIONS_MAX];
    size_t begins;
    size_t commits; /* tried */
    size_t aborts;
    size_t fail_commit; /* the commit, from 1, that fails; 0: none */
    size_t fail_append; /* the append, from 1, that fails; 0: none */
    size_t appends;
    bool is_open;
};

static inline struct fake_writer *fake_writer_of(struct qtl_log_writer *writer)
{
    return (struct fake_writer *)writer;
}

static inline enum qtl_status fake_begin(struct qtl_log_writer *base,
                                         const struct qtl_log_token *token,
                                         const struct qtl_log_position *positions, size_t count,
                                         struct qtl_error *error)
{
    (void)token;
    (void)error;
    struct fake_writer *const writer = fake_writer_of(base);
    assert_false(writer->is_open);
    memcpy(writer->pending, writer->positions, sizeof(writer->pending));
    for (size_t i = 0; i < count; i++) {
        writer->pending[positions[i].topic][positions[i].partition] = positions[i].next_offset;
    }
    writer->is_open = true;
    writer->begins++;
    return QTL_OK;
}

static inline enum qtl_status fake_add_positions(struct qtl_log_writer *base,
                                                 const struct qtl_log_token *token,
                                                 const struct qtl_log_position *positions,
                                                 size_t count, struct qtl_error *error)
{
    (void)token;
    (void)error;
    struct fake_writer *const writer = fake_writer_of(base);
    assert_true(writer->is_open);
    assert_true(count > 0);
    for (size_t i = 0; i < count; i++) {
        writer->pending[positions[i].topic][positions[i].partition] = positions[i].next_offset;
    }
    return QTL_OK;
}

static inline enum qtl_status fake_append(struct qtl_log_writer *base,
                                          const struct qtl_log_append *record,
                                          struct qtl_error *error)
{
    struct fake_writer *const writer = fake_writer_of(base);
    assert_true(writer->is_open);
    if (++writer->appends == writer->fail_append) {
        return qtl_error_set(error, QTL_IO, "append %zu fails", writer->appends);
    }
    struct fake_topic *const topic = &writer->topics[record->topic];
    topic->values = realloc(topic->values, (topic->count + 1) * sizeof(*topic->values));
    char *const copy = strndup(record->value.bytes, record->value.length);
    assert_true(topic->values != NULL && copy != NULL);
    topic->values[topic->count++] = copy;
    return QTL_OK;
}

static inline void fake_abort(struct qtl_log_writer *base)
{
    struct fake_writer *const writer = fake_writer_of(base);
    for (int i = 0; i < QTL_TOPICS; i++) {
        struct fake_topic *const topic = &writer->topics[i];
        while (topic->count > topic->committed) {
            free(topic->values[--topic->count]);
        }
    }
    writer->is_open = false;
    writer->aborts++;
}

static inline enum qtl_status fake_commit(struct qtl_log_writer *base, struct qtl_error *error)
{
    struct fake_writer *const writer = fake_writer_of(base);
    assert_true(writer->is_open);
    if (++writer->commits == writer->fail_commit) {
        return qtl_error_set(error, QTL_IO, "commit %zu fails", writer->commits);
    }
    for (int i = 0; i < QTL_TOPICS; i++) {
        writer->topics[i].committed = writer->topics[i].count;
    }
    memcpy(writer->positions, writer->pending, sizeof(writer->positions));
    writer->is_open = false;
    return QTL_OK;
}

static const struct qtl_log_writer_ops fake_writer_ops = {
    .begin = fake_begin,
    .add_positions = fake_add_positions,
    .append = fake_append,
    .commit = fake_commit,
    .abort = fake_abort,
};

static inline void fake_writer_init(struct fake_writer *writer)
{
    *writer = (struct fake_writer){.base = {.ops = &fake_writer_ops}};
}

static inline void fake_writer_fini(struct fake_writer *writer)
{
    for (int i = 0; i < QTL_TOPICS; i++) {
        for (size_t n = 0; n < writer->topics[i].count; n++) {
            free(writer->topics[i].values[n]);
        }
        free(writer->topics[i].values);
    }
}

#endif
