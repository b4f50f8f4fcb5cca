/*
 * See reread.h. A record that was rejected when it was first read is decoded all the same: whether
 * the decoder or the slice refused it matters, for what the slice refuses has been in the merge.
 *
 * Offsets may have gaps (control records, compaction), so a read can run past the range; then the
 * next one seeks back.
 */
#include "consumer/reread.h"

#include "consumer/config.h"
#include "consumer/decode.h"
#include "consumer/stream.h"
#include "scoring/base/assert.h"

#include <inttypes.h>
#include <stdlib.h>

enum { BATCH = 1024 };
/* How long to wait for records that are known to be there, before saying that they are not. */
enum { WAIT_MS = 100, WAITS_MAX = 300 };

void qtl_reread_init(struct qtl_reread *reread, struct qtl_log_reader *reader,
                     const struct qtl_config *config, const struct qtl_rules *rules)
{
    *reread = (struct qtl_reread){.reader = reader, .config = config};
    for (int stream = 0; stream < QTL_STREAMS; stream++) {
        reread->decoders[stream] =
            qtl_decoder_new((enum qtl_stream)stream, &config->streams[stream], rules);
    }
    qtl_reread_begin(reread, 0);
    qtl_progress_start(&reread->progress, "recovery: records");
}

void qtl_reread_fini(struct qtl_reread *reread)
{
    qtl_progress_stop(&reread->progress);
    for (int stream = 0; stream < QTL_STREAMS; stream++) {
        qtl_decoder_free(reread->decoders[stream]);
    }
    free(reread->rejected);
    free(reread->unknown);
    *reread = (struct qtl_reread){0};
}

void qtl_reread_begin(struct qtl_reread *reread, int32_t partition)
{
    reread->partition = partition;
    for (int stream = 0; stream < QTL_STREAMS; stream++) {
        reread->position[stream] = -1;
    }
}

static void add_rejected(struct qtl_reread *reread, uint8_t stream, int64_t offset, uint8_t reason)
{
    if (reread->rejected_count == reread->rejected_capacity) {
        const size_t capacity = reread->rejected_capacity == 0 ? 64 : 2 * reread->rejected_capacity;
        struct qtl_rejected *const grown = realloc(reread->rejected, capacity * sizeof(*grown));
        QTL_ASSERT(grown != NULL);
        reread->rejected = grown;
        reread->rejected_capacity = capacity;
    }
    reread->rejected[reread->rejected_count++] =
        (struct qtl_rejected){.stream = stream, .offset = offset, .reason = reason};
}

static int compare_places(const void *left, const void *right)
{
    const struct qtl_rejected *const a = left;
    const struct qtl_rejected *const b = right;
    if (a->stream != b->stream) {
        return a->stream < b->stream ? -1 : 1;
    }
    return a->offset == b->offset ? 0 : a->offset < b->offset ? -1 : 1;
}

/* Notes the record's dead letters of unknown schemas. */
static void note_unknown(struct qtl_reread *reread, const struct qtl_epoch_record *record)
{
    reread->unknown_count = 0;
    for (size_t i = 0; i < record->rejected_count; i++) {
        if (record->rejected[i].reason != QTL_REASON_UNKNOWN_SCHEMA) {
            continue;
        }
        if (reread->unknown_count == reread->unknown_capacity) {
            reread->unknown_capacity =
                reread->unknown_capacity == 0 ? 64 : 2 * reread->unknown_capacity;
            reread->unknown =
                realloc(reread->unknown, reread->unknown_capacity * sizeof(*reread->unknown));
            QTL_ASSERT(reread->unknown != NULL);
        }
        reread->unknown[reread->unknown_count++] = record->rejected[i];
    }
    if (reread->unknown_count > 0) {
        qsort(reread->unknown, reread->unknown_count, sizeof(*reread->unknown), compare_places);
    }
}

static bool was_unknown(const struct qtl_reread *reread, int stream, int64_t offset)
{
    const struct qtl_rejected place = {.stream = (uint8_t)stream, .offset = offset};
    return reread->unknown_count > 0 && bsearch(&place, reread->unknown, reread->unknown_count,
                                                sizeof(place), compare_places) != NULL;
}

/* As ingest takes it: DESIGN 3, Time. */
static int64_t stamp_of(const struct qtl_reread *reread, const struct qtl_log_record *record,
                        const struct qtl_event *event)
{
    if (reread->config->streams[event->stream].timestamp == QTL_TIMESTAMP_EVENT) {
        return event->occurred_at;
    }
    return record->timestamp_ms == QTL_TIME_ABSENT ? QTL_TIME_ABSENT : record->timestamp_ms / 1000;
}

static void take(struct qtl_reread *reread, int stream, const struct qtl_log_record *record,
                 struct qtl_epoch *epoch)
{
    struct qtl_event event = {0};
    enum qtl_reason reason = qtl_decode(reread->decoders[stream], record, &event);
    if (was_unknown(reread, stream, record->offset)) {
        reason = QTL_REASON_UNKNOWN_SCHEMA;
    }
    if (reason == QTL_REASON_NONE) {
        event.offset = record->offset;
        event.stamp = stamp_of(reread, record, &event);
        event.raw = (struct qtl_text){NULL, 0}; /* no dead letter is written in recovery */
        qtl_epoch_add(epoch, 0, &event);
    } else if (reason != QTL_REASON_SKIPPED) {
        add_rejected(reread, (uint8_t)stream, record->offset, (uint8_t)reason);
    }
    reread->done++;
    qtl_progress_step(&reread->progress, reread->done, reread->done, reread->all);
}

/* There is nothing now: waits, for a log that fetches, or says that the records are gone. */
static enum qtl_status wait_for_records(struct qtl_reread *reread, int stream, int *waits,
                                        struct qtl_error *error)
{
    struct qtl_log_reader *const reader = reread->reader;
    if (!reader->ops->ended(reader, (enum qtl_topic)stream, reread->partition) &&
        *waits < WAITS_MAX) {
        const enum qtl_status status = reader->ops->wait(reader, WAIT_MS);
        *waits += status == QTL_EMPTY ? 1 : 0;
        return status == QTL_EMPTY ? QTL_OK : status;
    }
    return qtl_error_set(error, QTL_IO,
                         "%s, partition %" PRId32 ": the records from offset %" PRId64
                         " on were read before and are gone: restore the log from a copy",
                         qtl_stream_name((enum qtl_stream)stream), reread->partition,
                         reread->position[stream]);
}

static enum qtl_status read_stream(struct qtl_reread *reread, int stream,
                                   const struct qtl_epoch_record *record, struct qtl_epoch *epoch,
                                   struct qtl_error *error)
{
    struct qtl_log_reader *const reader = reread->reader;
    const enum qtl_topic topic = (enum qtl_topic)stream;
    int64_t *const position = &reread->position[stream];
    const int64_t next = record->next_offset[stream];
    enum qtl_status status = QTL_OK;
    if (record->first_offset[stream] < next && *position != record->first_offset[stream]) {
        *position = record->first_offset[stream];
        status = reader->ops->seek(reader, topic, reread->partition, *position, error);
    }
    int waits = 0;
    for (int64_t at = record->first_offset[stream]; status == QTL_OK && at < next;) {
        struct qtl_log_record records[BATCH];
        const size_t max = next - at < BATCH ? (size_t)(next - at) : BATCH;
        size_t count = 0;
        status = reader->ops->read(reader, topic, reread->partition, max, records, &count, error);
        if (status == QTL_EMPTY) {
            status = wait_for_records(reread, stream, &waits, error);
        }
        for (size_t i = 0; i < count; i++) {
            at = records[i].offset + 1;
            if (at <= next) {
                take(reread, stream, &records[i], epoch);
            }
        }
        *position = at <= next ? at : -1;
        reader->ops->release(reader);
    }
    return status;
}

/* The record at `place` is rejected now and was not then, or the other way round. */
static enum qtl_status say_difference(const struct qtl_reread *reread,
                                      const struct qtl_rejected *place, bool now,
                                      struct qtl_error *error)
{
    const char *const stream = qtl_stream_name((enum qtl_stream)place->stream);
    return qtl_error_set(
        error, QTL_CORRUPT,
        "%s, partition %" PRId32 ", offset %" PRId64 ": %s. Start the version of quintil that "
        "wrote quintil.state, or begin anew with an empty folder",
        stream, reread->partition, place->offset,
        now ? "this record was taken when it was first read and cannot be used now"
            : "this record was a dead letter when it was first read and is taken now");
}

/* The dead letters of now and then, in reread->rejected one behind the other. `is_whole`: all of
 * now's are there; otherwise only those of the decoders. */
static enum qtl_status compare(struct qtl_reread *reread, const struct qtl_epoch_record *record,
                               bool is_whole, struct qtl_error *error)
{
    const size_t now_count = reread->rejected_count;
    const size_t then_count = record->rejected_count;
    for (size_t i = 0; i < then_count; i++) {
        const struct qtl_rejected *const rejected = &record->rejected[i];
        add_rejected(reread, rejected->stream, rejected->offset, rejected->reason);
    }
    reread->rejected_count = now_count;
    if (now_count + then_count == 0) {
        return QTL_OK;
    }
    struct qtl_rejected *const now = reread->rejected;
    struct qtl_rejected *const then = now + now_count;
    qsort(now, now_count, sizeof(*now), compare_places);
    qsort(then, then_count, sizeof(*then), compare_places);
    size_t n = 0;
    for (size_t t = 0; n < now_count || t < then_count;) {
        const int order = n == now_count    ? 1
                          : t == then_count ? -1
                                            : compare_places(&now[n], &then[t]);
        if (order < 0 || (order > 0 && is_whole)) {
            return say_difference(reread, order < 0 ? &now[n] : &then[t], order < 0, error);
        }
        n += order == 0 ? 1 : 0;
        t++;
    }
    return QTL_OK;
}

enum qtl_status qtl_reread_range(struct qtl_reread *reread, const struct qtl_epoch_record *record,
                                 struct qtl_epoch *epoch, struct qtl_error *error)
{
    reread->rejected_count = 0;
    note_unknown(reread, record);
    epoch->slices[0].skipped = 0;
    for (int stream = 0; stream < QTL_STREAMS; stream++) {
        const enum qtl_status status = read_stream(reread, stream, record, epoch, error);
        if (status != QTL_OK) {
            return status;
        }
        epoch->slices[0].first_offset[stream] = record->first_offset[stream];
        epoch->slices[0].next_offset[stream] = record->next_offset[stream];
    }
    return compare(reread, record, false, error);
}

enum qtl_status qtl_reread_compare(struct qtl_reread *reread, const struct qtl_epoch_record *record,
                                   const struct qtl_outcome *outcome, struct qtl_error *error)
{
    for (size_t i = 0; i < outcome->reject_count; i++) {
        const struct qtl_reject *const reject = &outcome->rejects[i];
        add_rejected(reread, reject->event->stream, reject->event->offset, (uint8_t)reject->reason);
    }
    return compare(reread, record, true, error);
}
