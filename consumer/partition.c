/*
 * See partition.h. Records are decoded as they are read and their bytes let go at once, so that a
 * waiting partition pins no buffer of the log's.
 */
#include "consumer/partition.h"

#include "consumer/decode.h"
#include "scoring/base/assert.h"
#include "scoring/merge.h"

#include <stdlib.h>

void qtl_partition_init(struct qtl_partition *partition, struct qtl_log_reader *reader,
                        struct qtl_decoder *decoder, enum qtl_stream stream, int32_t number)
{
    *partition = (struct qtl_partition){
        .reader = reader, .decoder = decoder, .stream = stream, .number = number};
    partition->waiting = calloc(QTL_PARTITION_WAITING_MAX, sizeof(*partition->waiting));
    QTL_ASSERT(partition->waiting != NULL);
}

void qtl_partition_fini(struct qtl_partition *partition)
{
    free(partition->waiting);
    qtl_arena_fini(&partition->arena);
}

static struct qtl_text first_bytes(struct qtl_text text)
{
    if (text.length > QTL_DEAD_LETTER_BYTES_MAX) {
        text.length = QTL_DEAD_LETTER_BYTES_MAX;
    }
    return text;
}

static void keep_event(struct qtl_partition *partition, struct qtl_waiting *waiting,
                       const struct qtl_log_record *record)
{
    struct qtl_arena *const arena = &partition->arena;
    struct qtl_event *const event = &waiting->event;
    event->customer_id = qtl_arena_copy(arena, event->customer_id);
    event->event_id = qtl_arena_copy(arena, event->event_id);
    event->order_id = qtl_arena_copy(arena, event->order_id);
    event->raw = qtl_arena_copy(arena, first_bytes(record->value));
    event->offset = record->offset;
    event->stamp =
        record->timestamp_ms == QTL_TIME_ABSENT ? QTL_TIME_ABSENT : record->timestamp_ms / 1000;
    if (partition->by_event) {
        event->stamp = event->occurred_at;
    }
}

static void keep_letter(struct qtl_partition *partition, struct qtl_waiting *waiting,
                        const struct qtl_log_record *record)
{
    waiting->letter = (struct qtl_dead_letter){
        .raw = qtl_arena_copy(&partition->arena, first_bytes(record->value)),
        .key = qtl_arena_copy(&partition->arena, record->key),
        .raw_bytes = record->value.length,
        .offset = record->offset,
        .timestamp_ms = record->timestamp_ms,
        .stream = (uint8_t)partition->stream,
        .reason = (uint8_t)waiting->reason,
        .has_key = record->has_key,
    };
}

static void keep(struct qtl_partition *partition, const struct qtl_log_record *record, int64_t wall,
                 int64_t floor)
{
    struct qtl_waiting *const waiting = &partition->waiting[partition->count++];
    waiting->offset = record->offset;
    waiting->reason = qtl_decode(partition->decoder, record, &waiting->event);
    if (floor < partition->last_merge) {
        floor = partition->last_merge;
    }
    if (waiting->reason == QTL_REASON_NONE) {
        keep_event(partition, waiting, record);
        floor = qtl_merge_second(&waiting->event, floor, wall);
        partition->last_merge = floor;
    } else {
        keep_letter(partition, waiting, record);
    }
    waiting->merge_second = floor; /* a dead letter stands where the record before it stood */
}

enum qtl_status qtl_partition_fill(struct qtl_partition *partition, int64_t wall, int64_t floor,
                                   struct qtl_error *error)
{
    if (partition->first < partition->count) {
        return QTL_OK;
    }
    struct qtl_log_record records[QTL_PARTITION_WAITING_MAX];
    size_t count = 0;
    struct qtl_log_reader *const reader = partition->reader;
    const enum qtl_status status =
        reader->ops->read(reader, (enum qtl_topic)partition->stream, partition->number,
                          QTL_PARTITION_WAITING_MAX, records, &count, error);
    if (status != QTL_OK && status != QTL_EMPTY) {
        return status;
    }
    partition->first = partition->count = 0;
    qtl_arena_reset(&partition->arena);
    for (size_t i = 0; i < count; i++) {
        keep(partition, &records[i], wall, floor);
    }
    reader->ops->release(reader);
    return QTL_OK;
}

const struct qtl_waiting *qtl_partition_next(const struct qtl_partition *partition)
{
    return partition->first < partition->count ? &partition->waiting[partition->first] : NULL;
}

void qtl_partition_take(struct qtl_partition *partition, struct qtl_epoch *epoch, size_t slice)
{
    QTL_ASSERT(partition->first < partition->count);
    const struct qtl_waiting *const waiting = &partition->waiting[partition->first++];
    struct qtl_epoch_slice *const part = &epoch->slices[slice];
    if (waiting->reason == QTL_REASON_NONE) {
        qtl_epoch_add(epoch, slice, &waiting->event);
    } else if (waiting->reason == QTL_REASON_SKIPPED) {
        part->skipped++;
        epoch->records++;
    } else {
        qtl_epoch_add_dead_letter(epoch, slice, &waiting->letter);
    }
    partition->next_offset = waiting->offset + 1;
    part->next_offset[partition->stream] = partition->next_offset;
}

bool qtl_partition_ended(const struct qtl_partition *partition)
{
    struct qtl_log_reader *const reader = partition->reader;
    return partition->first == partition->count &&
           reader->ops->ended(reader, (enum qtl_topic)partition->stream, partition->number);
}
