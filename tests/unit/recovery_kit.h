/*
 * What the tests of recovery share: a log in memory whose records can be tampered with, and a small
 * engine that applies epochs to it and writes their records as publish does.
 *
 * The log hands out copies that release() frees, so that a sanitizer sees whoever keeps one; it
 * gives fewer records than asked for now and then, and its offsets may have gaps.
 */
#ifndef QTL_TESTS_UNIT_RECOVERY_KIT_H
#define QTL_TESTS_UNIT_RECOVERY_KIT_H

#include "tests/unit/test.h"

#include "consumer/config.h"
#include "consumer/decode.h"
#include "consumer/random.h"
#include "consumer/recovery.h"
#include "consumer/rule_file.h"
#include "consumer/shape.h"
#include "schemas/state_reader.h"
#include "scoring/ledger.h"
#include "scoring/slice.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KIT_PARTITIONS = 2 };

struct kit_record {
    int64_t offset;
    int64_t timestamp_ms;
    char *value;
    uint32_t length;
};

struct kit_topic {
    struct kit_record *records;
    size_t count;
    size_t capacity;
    size_t next; /* what read() gives */
    int64_t first;
    int64_t end;
};

struct kit_log {
    struct qtl_log_reader base; /* first */
    struct kit_topic topics[QTL_TOPICS][KIT_PARTITIONS];
    int64_t committed[QTL_STREAMS][KIT_PARTITIONS];
    int32_t partitions[QTL_TOPICS];
    char **lent;
    size_t lent_count;
    size_t lent_capacity;
    struct qtl_random random;
};

static inline struct kit_log *kit_log_of(struct qtl_log_reader *reader)
{
    return (struct kit_log *)reader;
}

static inline enum qtl_status kit_wait(struct qtl_log_reader *reader, int timeout_ms)
{
    (void)reader;
    (void)timeout_ms;
    fail_msg("nothing is ever to be waited for in memory");
    return QTL_IO;
}

static inline enum qtl_status kit_committed(struct qtl_log_reader *reader, enum qtl_topic topic,
                                            int32_t partition, int64_t *next_offset,
                                            struct qtl_error *error)
{
    (void)error;
    *next_offset = kit_log_of(reader)->committed[topic][partition];
    return QTL_OK;
}

static inline uint64_t kit_committed_sequence(struct qtl_log_reader *reader)
{
    (void)reader;
    return 0;
}

static inline enum qtl_status kit_change(struct qtl_log_reader *reader,
                                         struct qtl_log_change *change)
{
    (void)reader;
    (void)change;
    return QTL_EMPTY;
}

static inline enum qtl_status kit_range(struct qtl_log_reader *reader, enum qtl_topic topic,
                                        int32_t partition, int64_t *first, int64_t *end,
                                        struct qtl_error *error)
{
    (void)error;
    *first = kit_log_of(reader)->topics[topic][partition].first;
    *end = kit_log_of(reader)->topics[topic][partition].end;
    return QTL_OK;
}

static inline enum qtl_status kit_seek(struct qtl_log_reader *reader, enum qtl_topic topic,
                                       int32_t partition, int64_t offset, struct qtl_error *error)
{
    struct kit_topic *const one = &kit_log_of(reader)->topics[topic][partition];
    if (offset < one->first || offset > one->end) {
        return qtl_error_set(error, QTL_IO, "offset gone");
    }
    for (one->next = 0; one->next < one->count; one->next++) {
        if (one->records[one->next].offset >= offset) {
            break;
        }
    }
    return QTL_OK;
}

static inline char *kit_copy(const void *bytes, size_t length)
{
    char *const copy = malloc(length + 1);
    assert_non_null(copy);
    memcpy(copy, bytes, length);
    copy[length] = 0;
    return copy;
}

static inline enum qtl_status kit_read(struct qtl_log_reader *reader, enum qtl_topic topic,
                                       int32_t partition, size_t max,
                                       struct qtl_log_record *records, size_t *count,
                                       struct qtl_error *error)
{
    (void)error;
    struct kit_log *const log = kit_log_of(reader);
    struct kit_topic *const one = &log->topics[topic][partition];
    const size_t most = 1 + qtl_random_below(&log->random, 40);
    *count = 0;
    while (*count < max && *count < most && one->next < one->count) {
        const struct kit_record *const record = &one->records[one->next++];
        if (log->lent_count == log->lent_capacity) {
            log->lent_capacity = 2 * log->lent_capacity + 64;
            char **const grown = realloc(log->lent, log->lent_capacity * sizeof(*grown));
            assert_non_null(grown);
            log->lent = grown;
        }
        char *const copy = kit_copy(record->value, record->length);
        log->lent[log->lent_count++] = copy;
        records[(*count)++] = (struct qtl_log_record){.offset = record->offset,
                                                      .timestamp_ms = record->timestamp_ms,
                                                      .value = {copy, record->length},
                                                      .has_value = true};
    }
    return *count > 0 ? QTL_OK : QTL_EMPTY;
}

static inline void kit_release(struct qtl_log_reader *reader)
{
    struct kit_log *const log = kit_log_of(reader);
    while (log->lent_count > 0) {
        free(log->lent[--log->lent_count]);
    }
}

static inline bool kit_ended(struct qtl_log_reader *reader, enum qtl_topic topic, int32_t partition)
{
    const struct kit_topic *const one = &kit_log_of(reader)->topics[topic][partition];
    return one->next == one->count;
}

static inline int32_t kit_partitions(struct qtl_log_reader *reader, enum qtl_topic topic)
{
    return kit_log_of(reader)->partitions[topic];
}

static const struct qtl_log_reader_ops kit_ops = {
    .wait = kit_wait,
    .change = kit_change,
    .committed = kit_committed,
    .committed_sequence = kit_committed_sequence,
    .range = kit_range,
    .seek = kit_seek,
    .read = kit_read,
    .release = kit_release,
    .ended = kit_ended,
    .partitions = kit_partitions,
};

static inline void kit_log_init(struct kit_log *log, uint64_t seed)
{
    *log = (struct kit_log){.base.ops = &kit_ops, .random = qtl_random_seed(seed, 1)};
    for (int topic = 0; topic < QTL_TOPICS; topic++) {
        log->partitions[topic] = KIT_PARTITIONS;
    }
    for (int stream = 0; stream < QTL_STREAMS; stream++) {
        for (int partition = 0; partition < KIT_PARTITIONS; partition++) {
            log->committed[stream][partition] = -1;
        }
    }
}

static inline void kit_log_fini(struct kit_log *log)
{
    for (int topic = 0; topic < QTL_TOPICS; topic++) {
        for (int partition = 0; partition < KIT_PARTITIONS; partition++) {
            struct kit_topic *const one = &log->topics[topic][partition];
            for (size_t i = 0; i < one->count; i++) {
                free(one->records[i].value);
            }
            free(one->records);
        }
    }
    kit_release(&log->base);
    free(log->lent);
}

/* The record; `gap` offsets are left out before it. */
static inline const struct kit_record *kit_append(struct kit_topic *one, int64_t timestamp_ms,
                                                  struct qtl_text value, int64_t gap)
{
    if (one->count == one->capacity) {
        one->capacity = 2 * one->capacity + 64;
        struct kit_record *const grown = realloc(one->records, one->capacity * sizeof(*grown));
        assert_non_null(grown);
        one->records = grown;
    }
    const int64_t offset = one->end + gap;
    one->end = offset + 1;
    one->records[one->count] = (struct kit_record){.offset = offset,
                                                   .timestamp_ms = timestamp_ms,
                                                   .value = kit_copy(value.bytes, value.length),
                                                   .length = value.length};
    return &one->records[one->count++];
}

/* Takes one record out of the log. */
static inline void kit_remove(struct kit_topic *one, size_t place)
{
    assert_true(place < one->count);
    free(one->records[place].value);
    memmove(&one->records[place], &one->records[place + 1],
            (one->count - place - 1) * sizeof(*one->records));
    one->count--;
}

/* Gives a record other bytes. */
static inline void kit_replace(struct kit_record *record, const char *value)
{
    free(record->value);
    record->length = (uint32_t)strlen(value);
    record->value = kit_copy(value, record->length);
}

/* The engine: what ingest, one shard and publish do, one slice's epoch at a time. */
struct kit_engine {
    struct kit_log *log;
    const struct qtl_config *config;
    const struct qtl_rules *rules;
    struct qtl_decoder *decoders[QTL_STREAMS];
    struct qtl_slice *slices[KIT_PARTITIONS];
    struct qtl_ledger ledgers[KIT_PARTITIONS];
    struct qtl_names_record *names;
    struct qtl_ledger_versions versions;
    struct qtl_ledger_scratch scratch;
    struct qtl_bytes bytes;
};

static inline struct qtl_rules *kit_rules(const char *file)
{
    struct qtl_problems problems = {0};
    struct qtl_rules *rules = NULL;
    const struct qtl_text text = {file, (uint32_t)strlen(file)};
    if (qtl_rule_file_parse(text, &rules, &problems) != QTL_OK) {
        fail_msg("%s", problems.items[0].sentence);
    }
    return rules;
}

static inline void kit_engine_init(struct kit_engine *engine, struct kit_log *log,
                                   const struct qtl_config *config, const struct qtl_rules *rules)
{
    *engine = (struct kit_engine){.log = log, .config = config, .rules = rules};
    for (int stream = 0; stream < QTL_STREAMS; stream++) {
        engine->decoders[stream] =
            qtl_decoder_new((enum qtl_stream)stream, &config->streams[stream], rules);
    }
    for (int i = 0; i < KIT_PARTITIONS; i++) {
        engine->slices[i] = qtl_slice_new(&(struct qtl_slice_settings){
            .rules = rules, .duplicate_horizon_s = config->duplicate_horizon_s});
    }
    engine->names = qtl_ledger_names_new(rules);
    engine->versions = (struct qtl_ledger_versions){.rules = rules->version,
                                                    .shape = qtl_shape_hash(config, rules)};
}

static inline void kit_engine_fini(struct kit_engine *engine)
{
    for (int stream = 0; stream < QTL_STREAMS; stream++) {
        qtl_decoder_free(engine->decoders[stream]);
    }
    for (int i = 0; i < KIT_PARTITIONS; i++) {
        qtl_slice_free(engine->slices[i]);
    }
    qtl_ledger_names_free(engine->names);
    qtl_ledger_scratch_fini(&engine->scratch);
    qtl_bytes_fini(&engine->bytes);
}

/* Recovers a fresh engine from the log. */
static inline enum qtl_status kit_recover(struct kit_engine *engine, struct qtl_error *error)
{
    const struct qtl_recovery_settings settings = {
        .reader = &engine->log->base, .config = engine->config, .rules = engine->rules};
    memset(engine->ledgers, 0xee, sizeof(engine->ledgers));
    *error = (struct qtl_error){0};
    return qtl_recovery_run(&settings, engine->slices, KIT_PARTITIONS, engine->ledgers, error);
}

/* One record read: an event or a dead letter of the epoch. */
static inline void kit_ingest(struct kit_engine *engine, struct qtl_epoch *epoch, int stream,
                              const struct kit_record *record)
{
    const struct qtl_log_record raw = {.offset = record->offset,
                                       .timestamp_ms = record->timestamp_ms,
                                       .value = {record->value, record->length},
                                       .has_value = true};
    struct qtl_event event = {0};
    const enum qtl_reason reason = qtl_decode(engine->decoders[stream], &raw, &event);
    if (reason == QTL_REASON_NONE) {
        event.offset = record->offset;
        event.stamp =
            record->timestamp_ms == QTL_TIME_ABSENT ? QTL_TIME_ABSENT : record->timestamp_ms / 1000;
        if (engine->config->streams[stream].timestamp == QTL_TIMESTAMP_EVENT) {
            event.stamp = event.occurred_at;
        }
        qtl_epoch_add(epoch, 0, &event);
    } else if (reason != QTL_REASON_SKIPPED) {
        const struct qtl_dead_letter letter = {
            .offset = record->offset, .stream = (uint8_t)stream, .reason = (uint8_t)reason};
        qtl_epoch_add_dead_letter(epoch, 0, &letter);
    }
    epoch->slices[0].next_offset[stream] = record->offset + 1;
}

/* The epoch has read up to `counts` more records of each stream; applies and commits it. */
struct kit_epoch_plan {
    size_t counts[QTL_STREAMS];
    int64_t wall;
    int64_t clock;
    uint32_t deadlines_max;
    bool is_live;
};

static inline void kit_gather(struct kit_engine *engine, int partition, struct qtl_epoch *epoch,
                              const struct kit_epoch_plan *plan)
{
    for (int stream = 0; stream < QTL_STREAMS; stream++) {
        const struct kit_topic *const topic = &engine->log->topics[stream][partition];
        const int64_t from = engine->ledgers[partition].next_offset[stream];
        epoch->slices[0].first_offset[stream] = epoch->slices[0].next_offset[stream] = from;
        size_t place = 0;
        while (place < topic->count && topic->records[place].offset < from) {
            place++;
        }
        for (size_t i = 0; i < plan->counts[stream] && place + i < topic->count; i++) {
            kit_ingest(engine, epoch, stream, &topic->records[place + i]);
        }
    }
    qtl_epoch_close(epoch, plan->wall, &plan->clock, plan->deadlines_max);
    epoch->slices[0].input.is_live = plan->is_live;
}

static inline void kit_publish(struct kit_engine *engine, int partition,
                               const struct qtl_epoch *epoch)
{
    struct qtl_ledger *const ledger = &engine->ledgers[partition];
    struct kit_topic *const topic = &engine->log->topics[QTL_TOPIC_STATE][partition];
    struct qtl_bytes *const bytes = &engine->bytes;
    if (!ledger->names_written) {
        bytes->length = 0;
        qtl_epoch_record_encode_names(engine->names, bytes);
        kit_append(topic, 0, (struct qtl_text){bytes->bytes, (uint32_t)bytes->length}, 0);
        ledger->names_written = true;
    }
    struct qtl_epoch_record record;
    qtl_ledger_describe(ledger, epoch, 0, &engine->versions, &engine->scratch, &record);
    struct qtl_epoch_record_encoder encoder;
    qtl_epoch_record_begin(&encoder, &record);
    for (bytes->length = 0; qtl_epoch_record_next(&encoder, bytes); bytes->length = 0) {
        kit_append(topic, 0, (struct qtl_text){bytes->bytes, (uint32_t)bytes->length}, 0);
    }
    for (int stream = 0; stream < QTL_STREAMS; stream++) {
        engine->log->committed[stream][partition] = record.next_offset[stream];
    }
    qtl_ledger_advance(ledger, &record);
}

/* One epoch of one slice. `is_published` false: only applied, its record is somebody else's. The
 * outcome stays in `epoch`. */
static inline void kit_apply(struct kit_engine *engine, int partition,
                             const struct kit_epoch_plan *plan, struct qtl_epoch *epoch,
                             bool is_published)
{
    qtl_epoch_reset(epoch);
    kit_gather(engine, partition, epoch, plan);
    qtl_slice_apply(engine->slices[partition], &epoch->slices[0].input, &epoch->slices[0].outcome);
    if (is_published && qtl_ledger_is_due(&epoch->slices[0])) {
        kit_publish(engine, partition, epoch);
    }
}

#endif
