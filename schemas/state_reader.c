/*
 * See state_reader.h. Everything is checked before it is believed: a count is compared with the
 * bytes that are left before room is made for it, so that memory stays in proportion to the input.
 *
 * Texts are copied into one run each, which moves as it grows; their addresses are set when the
 * record is whole, by walking the lists in the order in which they were read.
 */
#include "schemas/state_reader.h"

#include "schemas/assert.h"

#include <stdlib.h>

enum { BODY_EPOCH, BODY_NAMES, BODIES };
/* The fewest bytes that an element can have. */
enum { REJECTED_BYTES_MIN = 3, ERASURE_BYTES_MIN = 4, DECISION_BYTES_MIN = 11 };
enum { SEGMENT_BYTES_MIN = 3, STATE_BYTES_MIN = 1 };
enum { NAME_BYTES_MAX = 65535, STATES_MAX = 256 };

typedef void take_one(struct qtl_state_reader *reader, struct qtl_bytes_cursor *cursor);

void qtl_state_reader_fini(struct qtl_state_reader *reader)
{
    free(reader->rejected);
    free(reader->erasures);
    free(reader->decisions);
    qtl_bytes_fini(&reader->ids);
    free(reader->segments);
    free(reader->states);
    qtl_bytes_fini(&reader->texts);
    *reader = (struct qtl_state_reader){0};
}

/* Room for one more element; the array may move. */
static void *grow(void *array, size_t count, size_t *capacity, size_t element_bytes)
{
    if (count < *capacity) {
        return array;
    }
    const size_t wanted = *capacity == 0 ? 64 : 2 * *capacity;
    void *const grown = realloc(array, wanted * element_bytes);
    QTL_ASSERT(grown != NULL);
    *capacity = wanted;
    return grown;
}

/* An Avro array: blocks of a count and so many elements up to a count of 0. A negative count is
 * followed by the block's size in bytes; nobody of ours writes that, other writers may. */
static void take_array(struct qtl_state_reader *reader, struct qtl_bytes_cursor *cursor,
                       int64_t bytes_min, take_one *take)
{
    while (!cursor->bad) {
        int64_t count = qtl_bytes_take_long(cursor);
        if (count == 0) {
            return;
        }
        const char *end = NULL;
        if (count < 0) {
            const int64_t bytes = qtl_bytes_take_within(cursor, 0, cursor->end - cursor->at);
            if (cursor->bad || bytes > cursor->end - cursor->at || count == INT64_MIN) {
                break;
            }
            end = cursor->at + bytes;
            count = -count;
        }
        if (count > (cursor->end - cursor->at) / bytes_min) {
            break;
        }
        for (int64_t i = 0; i < count && !cursor->bad; i++) {
            take(reader, cursor);
        }
        if (end != NULL && cursor->at != end) {
            break;
        }
    }
    cursor->bad = true;
}

static void take_rejected(struct qtl_state_reader *reader, struct qtl_bytes_cursor *cursor)
{
    struct qtl_epoch_record *const epoch = &reader->epoch;
    reader->rejected = grow(reader->rejected, epoch->rejected_count, &reader->rejected_capacity,
                            sizeof(*reader->rejected));
    struct qtl_rejected *const rejected = &reader->rejected[epoch->rejected_count++];
    rejected->stream = (uint8_t)qtl_bytes_take_within(cursor, 0, QTL_STREAMS - 1);
    rejected->offset = qtl_bytes_take_within(cursor, 0, INT64_MAX);
    rejected->reason = (uint8_t)qtl_bytes_take_within(cursor, 0, UINT8_MAX);
    if (epoch->erasure_count > 0 || epoch->decision_count > 0) {
        cursor->bad = true; /* the lists are read on through the parts, one after the other */
    }
}

static struct qtl_text take_id(struct qtl_state_reader *reader, struct qtl_bytes_cursor *cursor)
{
    const struct qtl_text id = qtl_bytes_take_text(cursor, 1, QTL_CUSTOMER_ID_BYTES_MAX);
    qtl_bytes_put(&reader->ids, id.bytes, id.length);
    return (struct qtl_text){NULL, id.length};
}

static void take_erasure(struct qtl_state_reader *reader, struct qtl_bytes_cursor *cursor)
{
    struct qtl_epoch_record *const epoch = &reader->epoch;
    reader->erasures = grow(reader->erasures, epoch->erasure_count, &reader->erasure_capacity,
                            sizeof(*reader->erasures));
    struct qtl_erasure *const erasure = &reader->erasures[epoch->erasure_count++];
    erasure->customer_id = take_id(reader, cursor);
    erasure->records_before = (uint32_t)qtl_bytes_take_within(cursor, 0, UINT32_MAX);
    erasure->decisions_before = (uint32_t)qtl_bytes_take_within(cursor, 0, UINT32_MAX);
    reader->from_future = true;
    if (epoch->decision_count > 0) {
        cursor->bad = true;
    }
}

/* Scores come later; a record that has some is understood, and said to be from the future. */
static void skip_scores(struct qtl_state_reader *reader, struct qtl_bytes_cursor *cursor)
{
    if (qtl_bytes_take_within(cursor, 0, 1) == 1) {
        for (int score = 0; score < 3; score++) {
            (void)qtl_bytes_take_within(cursor, INT32_MIN, INT32_MAX);
        }
        reader->from_future = true;
    }
}

static void take_decision(struct qtl_state_reader *reader, struct qtl_bytes_cursor *cursor)
{
    struct qtl_epoch_record *const epoch = &reader->epoch;
    reader->decisions = grow(reader->decisions, epoch->decision_count, &reader->decision_capacity,
                             sizeof(*reader->decisions));
    struct qtl_transition *const decision = &reader->decisions[epoch->decision_count++];
    *decision = (struct qtl_transition){.customer_id = take_id(reader, cursor)};
    decision->segment = (uint16_t)qtl_bytes_take_within(cursor, 0, UINT16_MAX);
    decision->from = (uint8_t)qtl_bytes_take_within(cursor, 0, STATES_MAX - 1);
    decision->to = (uint8_t)qtl_bytes_take_within(cursor, 0, STATES_MAX - 1);
    decision->at = qtl_bytes_take_within(cursor, 0, UINT32_MAX);
    decision->sequence = (uint32_t)qtl_bytes_take_within(cursor, 1, UINT32_MAX);
    decision->cause = (uint8_t)qtl_bytes_take_within(cursor, 0, QTL_CAUSE_ERASURE);
    decision->records_before = (uint32_t)qtl_bytes_take_within(cursor, 0, UINT32_MAX);
    decision->holdout = qtl_bytes_take_flag(cursor);
    skip_scores(reader, cursor);
}

static uint64_t take_unsigned(struct qtl_bytes_cursor *cursor)
{
    return (uint64_t)qtl_bytes_take_long(cursor);
}

/* Everything but the lists. */
static void take_head(struct qtl_bytes_cursor *cursor, struct qtl_epoch_record *head,
                      uint32_t *part, uint32_t *parts)
{
    head->sequence = (uint64_t)qtl_bytes_take_within(cursor, 1, INT64_MAX);
    *part = (uint32_t)qtl_bytes_take_within(cursor, 0, QTL_EPOCH_RECORD_PARTS_MAX - 1);
    *parts =
        (uint32_t)qtl_bytes_take_within(cursor, (int64_t)*part + 1, QTL_EPOCH_RECORD_PARTS_MAX);
    head->wall = qtl_bytes_take_long(cursor);
    head->clock = qtl_bytes_take_long(cursor);
    for (int stream = 0; stream < QTL_STREAMS; stream++) {
        head->first_offset[stream] = qtl_bytes_take_within(cursor, 0, INT64_MAX);
        head->next_offset[stream] =
            qtl_bytes_take_within(cursor, head->first_offset[stream], INT64_MAX);
    }
    head->rules_version = take_unsigned(cursor);
    head->cuts_version = take_unsigned(cursor);
    head->zones_version = take_unsigned(cursor);
    head->shape = take_unsigned(cursor);
    head->state_hash = take_unsigned(cursor);
    head->unfinished = qtl_bytes_take_flag(cursor);
    head->sweep_waits = qtl_bytes_take_flag(cursor);
}

static bool is_same_head(const struct qtl_epoch_record *a, const struct qtl_epoch_record *b)
{
    for (int stream = 0; stream < QTL_STREAMS; stream++) {
        if (a->first_offset[stream] != b->first_offset[stream] ||
            a->next_offset[stream] != b->next_offset[stream]) {
            return false;
        }
    }
    return a->sequence == b->sequence && a->wall == b->wall && a->clock == b->clock &&
           a->rules_version == b->rules_version && a->cuts_version == b->cuts_version &&
           a->zones_version == b->zones_version && a->shape == b->shape &&
           a->state_hash == b->state_hash && a->unfinished == b->unfinished &&
           a->sweep_waits == b->sweep_waits;
}

static void point_at(struct qtl_text *text, const char **at)
{
    text->bytes = *at;
    *at += text->length;
}

/* The epoch is whole: its lists and texts stay where they are now. */
static void finish_epoch(struct qtl_state_reader *reader)
{
    struct qtl_epoch_record *const epoch = &reader->epoch;
    const char *at = reader->ids.bytes;
    for (size_t i = 0; i < epoch->erasure_count; i++) {
        point_at(&reader->erasures[i].customer_id, &at);
    }
    for (size_t i = 0; i < epoch->decision_count; i++) {
        point_at(&reader->decisions[i].customer_id, &at);
    }
    QTL_ASSERT(reader->ids.length == 0 || at == reader->ids.bytes + reader->ids.length);
    epoch->rejected = reader->rejected;
    epoch->erasures = reader->erasures;
    epoch->decisions = reader->decisions;
    if (epoch->cuts_version != 0 || epoch->zones_version != 0) {
        reader->from_future = true;
    }
}

static void feed_epoch(struct qtl_state_reader *reader, struct qtl_bytes_cursor *cursor)
{
    struct qtl_epoch_record head = {0};
    uint32_t part = 0;
    uint32_t parts = 0;
    take_head(cursor, &head, &part, &parts);
    if (cursor->bad || part != reader->part) {
        cursor->bad = true;
        return;
    }
    if (part == 0) {
        reader->epoch = head;
        reader->parts = parts;
        reader->ids.length = 0;
        reader->from_future = false;
    } else if (parts != reader->parts || !is_same_head(&head, &reader->epoch)) {
        cursor->bad = true;
        return;
    }
    take_array(reader, cursor, REJECTED_BYTES_MIN, take_rejected);
    take_array(reader, cursor, ERASURE_BYTES_MIN, take_erasure);
    take_array(reader, cursor, DECISION_BYTES_MIN, take_decision);
    reader->part = part + 1 == parts ? 0 : part + 1;
    reader->type = reader->part == 0 ? QTL_STATE_EPOCH : QTL_STATE_PART;
}

static struct qtl_text take_name(struct qtl_state_reader *reader, struct qtl_bytes_cursor *cursor,
                                 uint32_t bytes_min)
{
    const struct qtl_text name = qtl_bytes_take_text(cursor, bytes_min, NAME_BYTES_MAX);
    qtl_bytes_put(&reader->texts, name.bytes, name.length);
    return (struct qtl_text){NULL, name.length};
}

/* A state of the segment read last. A ladder's state 0 has no name. */
static void take_state(struct qtl_state_reader *reader, struct qtl_bytes_cursor *cursor)
{
    struct qtl_segment_names *const segment = &reader->segments[reader->names.segment_count - 1];
    if (segment->state_count == STATES_MAX) {
        cursor->bad = true;
        return;
    }
    reader->states =
        grow(reader->states, reader->state_count, &reader->state_capacity, sizeof(*reader->states));
    reader->states[reader->state_count++] = take_name(reader, cursor, 0);
    segment->state_count++;
}

static void take_segment(struct qtl_state_reader *reader, struct qtl_bytes_cursor *cursor)
{
    reader->segments = grow(reader->segments, reader->names.segment_count,
                            &reader->segment_capacity, sizeof(*reader->segments));
    reader->segments[reader->names.segment_count++] =
        (struct qtl_segment_names){.name = take_name(reader, cursor, 1)};
    take_array(reader, cursor, STATE_BYTES_MIN, take_state);
}

static void feed_names(struct qtl_state_reader *reader, struct qtl_bytes_cursor *cursor)
{
    if (reader->part != 0) {
        cursor->bad = true; /* the parts of an epoch stand together */
        return;
    }
    reader->texts.length = 0;
    reader->state_count = 0;
    reader->names = (struct qtl_names_record){.rules_version = take_unsigned(cursor)};
    reader->from_future = false;
    take_array(reader, cursor, SEGMENT_BYTES_MIN, take_segment);
    reader->type = QTL_STATE_NAMES;
}

static void finish_names(struct qtl_state_reader *reader)
{
    const char *at = reader->texts.bytes;
    struct qtl_text *state = reader->states;
    for (size_t i = 0; i < reader->names.segment_count; i++) {
        struct qtl_segment_names *const segment = &reader->segments[i];
        point_at(&segment->name, &at);
        segment->states = state;
        for (size_t s = 0; s < segment->state_count; s++) {
            point_at(state++, &at);
        }
    }
    reader->names.segments = reader->segments;
}

enum qtl_status qtl_state_reader_feed(struct qtl_state_reader *reader, struct qtl_text bytes)
{
    struct qtl_bytes_cursor cursor = {.at = bytes.bytes, .end = bytes.bytes};
    if (bytes.length > 0) {
        cursor.end += bytes.length;
    }
    reader->version = qtl_bytes_take_long(&cursor);
    if (reader->version != QTL_EPOCH_RECORD_VERSION) {
        cursor.bad = true;
    } else if (qtl_bytes_take_within(&cursor, BODY_EPOCH, BODIES - 1) == BODY_EPOCH) {
        feed_epoch(reader, &cursor);
    } else {
        feed_names(reader, &cursor);
    }
    if (cursor.bad || cursor.at != cursor.end) {
        reader->part = 0;
        return QTL_MALFORMED;
    }
    if (reader->type == QTL_STATE_EPOCH) {
        finish_epoch(reader);
    } else if (reader->type == QTL_STATE_NAMES) {
        finish_names(reader);
    }
    return QTL_OK;
}
