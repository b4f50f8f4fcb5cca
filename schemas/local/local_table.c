/*
 * Commit records and the table they make; layout in local_table.h.
 *
 * Apply trusts nothing: a topic that is not the writer's, a partition that is not there, a length
 * that shrinks or offsets that go back stop it. So whoever reads along the table cannot be led
 * outside of it by bytes on the disk.
 */
#include "schemas/local/local_table.h"

#include "schemas/assert.h"
#include "schemas/local/local_frame.h"

#include <stdlib.h>

void qtl_local_table_init(struct qtl_local_table *table, int32_t partitions)
{
    QTL_ASSERT(partitions >= 1 && partitions <= QTL_PARTITIONS_MAX);
    const size_t count = (size_t)QTL_TOPICS * (size_t)partitions;
    table->partitions = partitions;
    table->rows = calloc(count, sizeof(*table->rows));
    QTL_ASSERT(table->rows != NULL);
    for (size_t i = 0; i < count; i++) {
        table->rows[i].position = -1;
    }
}

void qtl_local_table_fini(struct qtl_local_table *table)
{
    const size_t count = table->rows == NULL ? 0 : (size_t)QTL_TOPICS * (size_t)table->partitions;
    for (size_t i = 0; i < count; i++) {
        free(table->rows[i].segments);
    }
    free(table->rows);
    *table = (struct qtl_local_table){0};
}

struct qtl_local_partition *qtl_local_table_row(const struct qtl_local_table *table,
                                                enum qtl_topic topic, int32_t partition)
{
    QTL_ASSERT(topic < QTL_TOPICS);
    QTL_ASSERT(partition >= 0 && partition < table->partitions);
    return &table->rows[(size_t)topic * (size_t)table->partitions + (size_t)partition];
}

uint32_t qtl_local_table_find(const struct qtl_local_partition *row, int64_t offset)
{
    QTL_ASSERT(row->segment_count > 0);
    uint32_t low = 0;
    uint32_t high = row->segment_count;
    while (high - low > 1) {
        const uint32_t middle = low + (high - low) / 2;
        if (row->segments[middle].first_offset <= offset) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}

static void put_length(struct qtl_bytes *buffer, const struct qtl_local_length *length)
{
    qtl_bytes_put_long(buffer, length->topic);
    qtl_bytes_put_long(buffer, length->partition);
    qtl_bytes_put_long(buffer, length->first_offset);
    qtl_bytes_put_long(buffer, (int64_t)length->bytes);
    qtl_bytes_put_long(buffer, length->next_offset);
}

static void put_position(struct qtl_bytes *buffer, const struct qtl_log_position *position)
{
    qtl_bytes_put_long(buffer, position->topic);
    qtl_bytes_put_long(buffer, position->partition);
    qtl_bytes_put_long(buffer, position->next_offset);
}

void qtl_local_table_put_change(struct qtl_bytes *buffer, const struct qtl_local_commit *commit)
{
    const size_t begin = qtl_local_frame_begin(buffer);
    qtl_bytes_put_long(buffer, QTL_LOCAL_CHANGE);
    qtl_bytes_put_long(buffer, (int64_t)commit->sequence);
    qtl_bytes_put_long(buffer, (int64_t)commit->length_count);
    for (size_t i = 0; i < commit->length_count; i++) {
        put_length(buffer, &commit->lengths[i]);
    }
    qtl_bytes_put_long(buffer, (int64_t)commit->position_count);
    for (size_t i = 0; i < commit->position_count; i++) {
        put_position(buffer, &commit->positions[i]);
    }
    qtl_local_frame_end(buffer, begin);
}

/* The segments of one partition; returns their number. With a buffer of NULL it only counts. */
static size_t put_row(struct qtl_bytes *buffer, const struct qtl_local_partition *row,
                      enum qtl_topic topic, int32_t partition)
{
    for (uint32_t i = 0; buffer != NULL && i < row->segment_count; i++) {
        const bool last = i + 1 == row->segment_count;
        const struct qtl_local_length length = {
            .topic = topic,
            .partition = partition,
            .first_offset = row->segments[i].first_offset,
            .bytes = row->segments[i].bytes,
            .next_offset = last ? row->next_offset : row->segments[i + 1].first_offset,
        };
        put_length(buffer, &length);
    }
    return row->segment_count;
}

static size_t put_rows(struct qtl_bytes *buffer, const struct qtl_local_table *table,
                       enum qtl_local_kind kind)
{
    size_t count = 0;
    for (enum qtl_topic topic = 0; topic < QTL_TOPICS; topic++) {
        for (int32_t i = 0; qtl_local_log_kind(topic) == kind && i < table->partitions; i++) {
            count += put_row(buffer, qtl_local_table_row(table, topic, i), topic, i);
        }
    }
    return count;
}

static size_t put_positions(struct qtl_bytes *buffer, const struct qtl_local_table *table)
{
    size_t count = 0;
    for (enum qtl_topic topic = 0; topic < QTL_TOPICS; topic++) {
        for (int32_t i = 0; i < table->partitions; i++) {
            const int64_t next_offset = qtl_local_table_row(table, topic, i)->position;
            if (next_offset < 0) {
                continue;
            }
            count++;
            if (buffer != NULL) {
                put_position(buffer, &(struct qtl_log_position){.topic = topic,
                                                                .partition = i,
                                                                .next_offset = next_offset});
            }
        }
    }
    return count;
}

void qtl_local_table_put_snapshot(struct qtl_bytes *buffer, const struct qtl_local_table *table,
                                  enum qtl_local_kind kind, uint64_t sequence)
{
    const bool engine = kind == QTL_LOCAL_ENGINE;
    const size_t begin = qtl_local_frame_begin(buffer);
    qtl_bytes_put_long(buffer, QTL_LOCAL_SNAPSHOT);
    qtl_bytes_put_long(buffer, (int64_t)sequence);
    qtl_bytes_put_long(buffer, (int64_t)put_rows(NULL, table, kind));
    put_rows(buffer, table, kind);
    qtl_bytes_put_long(buffer, engine ? (int64_t)put_positions(NULL, table) : 0);
    if (engine) {
        put_positions(buffer, table);
    }
    qtl_local_frame_end(buffer, begin);
}

static struct qtl_bytes_cursor open_payload(struct qtl_text payload)
{
    return (struct qtl_bytes_cursor){.at = payload.bytes, .end = payload.bytes + payload.length};
}

enum qtl_status qtl_local_table_peek(struct qtl_text payload, enum qtl_local_commit_type *type,
                                     uint64_t *sequence)
{
    struct qtl_bytes_cursor cursor = open_payload(payload);
    const int64_t number = qtl_bytes_take_within(&cursor, QTL_LOCAL_CHANGE, QTL_LOCAL_SNAPSHOT);
    *sequence = (uint64_t)qtl_bytes_take_within(&cursor, 0, INT64_MAX);
    if (cursor.bad) {
        return QTL_CORRUPT;
    }
    *type = (enum qtl_local_commit_type)number;
    return QTL_OK;
}

/* What the three numbers that begin files and positions name, or NULL. */
static struct qtl_local_partition *get_row(const struct qtl_local_table *table,
                                           struct qtl_bytes_cursor *cursor, bool input)
{
    const int64_t topic = qtl_bytes_take_within(cursor, 0, QTL_TOPICS - 1);
    const int64_t partition = qtl_bytes_take_within(cursor, 0, table->partitions - 1);
    if (cursor->bad || (qtl_local_log_kind((enum qtl_topic)topic) == QTL_LOCAL_INTAKE) != input) {
        return NULL;
    }
    return qtl_local_table_row(table, (enum qtl_topic)topic, (int32_t)partition);
}

static void add_segment(struct qtl_local_partition *row, int64_t first_offset)
{
    if (row->segment_count == row->segment_capacity) {
        const uint32_t capacity = row->segment_capacity == 0 ? 4 : row->segment_capacity * 2;
        struct qtl_local_segment *const segments =
            realloc(row->segments, capacity * sizeof(*segments));
        QTL_ASSERT(segments != NULL);
        row->segments = segments;
        row->segment_capacity = capacity;
    }
    row->segments[row->segment_count++] = (struct qtl_local_segment){.first_offset = first_offset};
}

static enum qtl_status apply_length(struct qtl_local_table *table, enum qtl_local_kind kind,
                                    struct qtl_bytes_cursor *cursor)
{
    struct qtl_local_partition *const row = get_row(table, cursor, kind == QTL_LOCAL_INTAKE);
    const int64_t first = qtl_bytes_take_within(cursor, 0, INT64_MAX);
    const int64_t bytes = qtl_bytes_take_within(cursor, 0, INT64_MAX);
    const int64_t next = qtl_bytes_take_within(cursor, 0, INT64_MAX);
    if (row == NULL || cursor->bad || first > next) {
        return QTL_CORRUPT;
    }
    const uint32_t count = row->segment_count;
    const bool known = count > 0 && row->segments[count - 1].first_offset == first;
    if (next < row->next_offset || (!known && first < row->next_offset) ||
        (known && (uint64_t)bytes < row->segments[count - 1].bytes)) {
        return QTL_CORRUPT;
    }
    if (!known) {
        add_segment(row, first);
    }
    row->segments[row->segment_count - 1].bytes = (uint64_t)bytes;
    row->next_offset = next;
    return QTL_OK;
}

static void forget(struct qtl_local_table *table, enum qtl_local_kind kind)
{
    for (enum qtl_topic topic = 0; topic < QTL_TOPICS; topic++) {
        for (int32_t i = 0; i < table->partitions; i++) {
            struct qtl_local_partition *const row = qtl_local_table_row(table, topic, i);
            if (qtl_local_log_kind(topic) == kind) {
                row->segment_count = 0;
                row->next_offset = 0;
            }
            if (kind == QTL_LOCAL_ENGINE) {
                row->position = -1;
            }
        }
    }
}

enum qtl_status qtl_local_table_apply(struct qtl_local_table *table, enum qtl_local_kind kind,
                                      struct qtl_text payload)
{
    enum qtl_local_commit_type type;
    uint64_t sequence;
    if (qtl_local_table_peek(payload, &type, &sequence) != QTL_OK) {
        return QTL_CORRUPT;
    }
    if (type == QTL_LOCAL_SNAPSHOT) {
        forget(table, kind);
    }
    struct qtl_bytes_cursor cursor = open_payload(payload);
    (void)qtl_bytes_take_long(&cursor); /* type and sequence, as peeked */
    (void)qtl_bytes_take_long(&cursor);
    const int64_t length_count = qtl_bytes_take_within(&cursor, 0, INT64_MAX);
    for (int64_t i = 0; i < length_count; i++) {
        if (apply_length(table, kind, &cursor) != QTL_OK) {
            return QTL_CORRUPT;
        }
    }
    const int64_t position_count = qtl_bytes_take_within(&cursor, 0, INT64_MAX);
    for (int64_t i = 0; i < position_count; i++) {
        struct qtl_local_partition *const row = get_row(table, &cursor, true);
        const int64_t next = qtl_bytes_take_within(&cursor, 0, INT64_MAX);
        if (row == NULL || cursor.bad || kind != QTL_LOCAL_ENGINE) {
            return QTL_CORRUPT;
        }
        row->position = next;
    }
    return cursor.bad || cursor.at != cursor.end ? QTL_CORRUPT : QTL_OK;
}
