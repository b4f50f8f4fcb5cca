/*
 * What the tests of the local log share: a folder of their own, records made from a number, and
 * reading everything back.
 */
#ifndef QTL_TESTS_UNIT_LOCAL_LOG_KIT_H
#define QTL_TESTS_UNIT_LOCAL_LOG_KIT_H

#include "tests/unit/test.h"

#include "consumer/local_reader.h"
#include "sinks/local_writer.h"

#include <ftw.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct kit {
    char path[128]; /* of the log's folder */
    struct qtl_error error;
};

/* A fresh folder with a log of that many partitions. In memory where there is a place for it: these
 * tests sync thousands of times, and kill processes, not machines. */
static inline void kit_init(struct kit *kit, int32_t partitions)
{
    const char *const base = getenv("TMPDIR");
    const char *const usual = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    snprintf(kit->path, sizeof(kit->path), "%s/quintil-log-XXXXXX", base != NULL ? base : usual);
    assert_non_null(mkdtemp(kit->path));
    assert_int_equal(qtl_local_log_create(kit->path, partitions, &kit->error), QTL_OK);
}

static inline int kit_remove_one(const char *path, const struct stat *facts, int type,
                                 struct FTW *walk)
{
    (void)facts;
    (void)type;
    (void)walk;
    return remove(path);
}

static inline void kit_fini(struct kit *kit)
{
    assert_int_equal(nftw(kit->path, kit_remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

static inline struct qtl_log_writer *kit_writer(struct kit *kit, enum qtl_local_kind kind,
                                                const struct qtl_local_writer_options *options)
{
    struct qtl_log_writer *writer = NULL;
    const enum qtl_status status =
        qtl_local_writer_open(kit->path, kind, options, &writer, &kit->error);
    if (status != QTL_OK) {
        print_error("%s\n", kit->error.text);
    }
    assert_int_equal(status, QTL_OK);
    return writer;
}

static inline struct qtl_log_reader *kit_reader(struct kit *kit, bool wait_outputs)
{
    struct qtl_log_reader *reader = NULL;
    const struct qtl_local_reader_options options = {.wait_outputs = wait_outputs};
    const enum qtl_status status = qtl_local_reader_open(kit->path, &options, &reader, &kit->error);
    if (status != QTL_OK) {
        print_error("%s\n", kit->error.text);
    }
    assert_int_equal(status, QTL_OK);
    return reader;
}

static inline struct qtl_text kit_text(const char *text)
{
    return (struct qtl_text){.bytes = text, .length = (uint32_t)strlen(text)};
}

static inline bool kit_equal(struct qtl_text text, const char *expected)
{
    return text.length == strlen(expected) && memcmp(text.bytes, expected, text.length) == 0;
}

/* The text of record number n. */
static inline void kit_value(char text[64], int64_t n)
{
    snprintf(text, 64, "value %" PRId64 "%.*s", n, (int)(n % 17), "-----------------");
}

static inline void kit_append(struct kit *kit, struct qtl_log_writer *writer, enum qtl_topic topic,
                              int32_t partition, int64_t n)
{
    char text[64];
    kit_value(text, n);
    const struct qtl_log_append record = {
        .topic = topic,
        .partition = partition,
        .timestamp_ms = n * 1000,
        .key = kit_text("key"),
        .has_key = true,
        .value = kit_text(text),
        .has_value = true,
    };
    assert_int_equal(writer->ops->append(writer, &record, &kit->error), QTL_OK);
}

/* One transaction of the intake: records first..end-1 to one partition of orders. */
static inline void kit_commit(struct kit *kit, struct qtl_log_writer *writer, int32_t partition,
                              int64_t first, int64_t end)
{
    assert_int_equal(writer->ops->begin(writer, NULL, NULL, 0, &kit->error), QTL_OK);
    for (int64_t n = first; n < end; n++) {
        kit_append(kit, writer, QTL_TOPIC_ORDERS, partition, n);
    }
    assert_int_equal(writer->ops->commit(writer, &kit->error), QTL_OK);
}

/* Reads on to the end and expects records *next, *next + 1, ...; returns the last status. */
static inline enum qtl_status kit_read_on(struct kit *kit, struct qtl_log_reader *reader,
                                          enum qtl_topic topic, int32_t partition, int64_t *next)
{
    for (;;) {
        struct qtl_log_record records[7];
        size_t count;
        const enum qtl_status status =
            reader->ops->read(reader, topic, partition, 7, records, &count, &kit->error);
        if (status != QTL_OK) {
            assert_int_equal(count, 0);
            return status;
        }
        for (size_t i = 0; i < count; i++, *next += 1) {
            char text[64];
            kit_value(text, *next);
            assert_int_equal(records[i].offset, *next);
            assert_true(kit_equal(records[i].value, text));
        }
        reader->ops->release(reader);
    }
}

#endif
