/*
 * See transition_avro_read.h. Only our own writer's schema is read, so that a dozen fields in a
 * fixed order need no plan. Numbers become the text that the JSON form has, so that what Redis
 * shows does not depend on the form in the log.
 *
 * Thread: the caller's.
 */
#include "sinks/transition_avro_read.h"

#include "schemas/avro_framing.h"
#include "schemas/bytes.h"
#include "scoring/base/arena.h"
#include "sinks/json_write.h"

#include <string.h>

enum { PAIRS_MAX = 65536, TEXT_BYTES_MAX = 1 << 20, DECIMAL_BYTES_MAX = 8 };
enum { EVIDENCE_NULL, EVIDENCE_BOOLEAN, EVIDENCE_LONG, EVIDENCE_DECIMAL, EVIDENCE_STRING };
enum { SINGLE_OBJECT_FIRST = 0xc3, SINGLE_OBJECT_SECOND = 1 };

struct reading {
    struct qtl_bytes_cursor cursor;
    struct qtl_arena *arena;
    struct qtl_json_buffer text; /* scratch */
};

bool qtl_transition_avro_read_is(struct qtl_text document)
{
    return document.length > 0 && document.bytes[0] != '{' && document.bytes[0] != ' ';
}

static size_t framing_bytes(struct qtl_text document)
{
    const unsigned char *const bytes = (const unsigned char *)document.bytes;
    if (document.length >= QTL_FRAMING_CONFLUENT_BYTES && bytes[0] == 0) {
        return QTL_FRAMING_CONFLUENT_BYTES;
    }
    if (document.length >= QTL_FRAMING_SINGLE_OBJECT_BYTES && bytes[0] == SINGLE_OBJECT_FIRST &&
        bytes[1] == SINGLE_OBJECT_SECOND) {
        return QTL_FRAMING_SINGLE_OBJECT_BYTES;
    }
    return 0;
}

/* What was written into the scratch, to stay; without the quotes, if it has them. */
static struct qtl_text keep_text(struct reading *reading)
{
    struct qtl_text text = {reading->text.bytes, (uint32_t)reading->text.length};
    if (text.length >= 2 && text.bytes[0] == '"') {
        text = (struct qtl_text){text.bytes + 1, text.length - 2};
    }
    reading->text.length = 0;
    return qtl_arena_copy(reading->arena, text);
}

static struct qtl_text take_text(struct reading *reading)
{
    return qtl_bytes_take_text(&reading->cursor, 0, TEXT_BYTES_MAX);
}

/* Seconds of years that a time can be written for. */
static struct qtl_text take_instant(struct reading *reading)
{
    enum { MS = 1000 };
    const int64_t second_max = INT64_C(253402300799); /* the last one of 9999 */
    const int64_t ms = qtl_bytes_take_within(&reading->cursor, 0, second_max * MS);
    qtl_json_time(&reading->text, ms / MS);
    return keep_text(reading);
}

static void skip_optional_long(struct reading *reading)
{
    if (qtl_bytes_take_within(&reading->cursor, 0, 1) == 1) {
        (void)qtl_bytes_take_long(&reading->cursor);
    }
}

static struct qtl_text take_decimal(struct reading *reading)
{
    const struct qtl_text bytes = qtl_bytes_take_text(&reading->cursor, 1, DECIMAL_BYTES_MAX);
    /* Two's complement, the highest byte first: its sign fills what is not written. */
    uint64_t value = bytes.length > 0 && (bytes.bytes[0] & 0x80) != 0 ? UINT64_MAX : 0;
    for (uint32_t i = 0; i < bytes.length; i++) {
        value = value << 8 | (unsigned char)bytes.bytes[i];
    }
    qtl_json_decimal(&reading->text, (int64_t)value);
    return keep_text(reading);
}

/* A metric's value; false where it has none. */
static bool take_value(struct reading *reading, struct qtl_text *value)
{
    struct qtl_bytes_cursor *const cursor = &reading->cursor;
    switch (qtl_bytes_take_within(cursor, EVIDENCE_NULL, EVIDENCE_STRING)) {
    case EVIDENCE_BOOLEAN:
        *value = qtl_text_of(qtl_bytes_take_flag(cursor) ? "true" : "false");
        return true;
    case EVIDENCE_LONG:
        qtl_json_integer(&reading->text, qtl_bytes_take_long(cursor));
        *value = keep_text(reading);
        return true;
    case EVIDENCE_DECIMAL:
        *value = take_decimal(reading);
        return true;
    case EVIDENCE_STRING:
        *value = take_text(reading);
        return true;
    default:
        return false;
    }
}

/* A map in one block, as our writer has it, and its end. */
static void take_evidence(struct reading *reading, struct qtl_transition_fields *fields)
{
    struct qtl_bytes_cursor *const cursor = &reading->cursor;
    const int64_t count = qtl_bytes_take_within(cursor, 0, PAIRS_MAX);
    if (count > 0 && count <= cursor->end - cursor->at) { /* each takes more than a byte */
        struct qtl_transition_pair *const pairs =
            qtl_arena_take(reading->arena, (size_t)count * sizeof(*pairs));
        fields->pairs = pairs;
        for (int64_t i = 0; i < count && !cursor->bad; i++) {
            struct qtl_transition_pair *const pair = &pairs[fields->pair_count];
            pair->name = take_text(reading);
            fields->pair_count += take_value(reading, &pair->value) ? 1 : 0;
        }
        (void)qtl_bytes_take_within(cursor, 0, 0);
    } else if (count > 0) {
        cursor->bad = true;
    }
}

enum qtl_status qtl_transition_avro_read(struct qtl_text document, struct qtl_arena *arena,
                                         struct qtl_transition_fields *fields)
{
    enum { ID_DIGITS = 32, VERSION_DIGITS = 16 };
    struct reading reading = {.cursor = {.at = document.bytes + framing_bytes(document),
                                         .end = document.bytes + document.length},
                              .arena = arena};
    struct qtl_bytes_cursor *const cursor = &reading.cursor;
    *fields = (struct qtl_transition_fields){0};
    fields->id = qtl_bytes_take_text(cursor, ID_DIGITS, ID_DIGITS);
    fields->customer_id = qtl_bytes_take_text(cursor, 1, UINT8_MAX);
    fields->sequence = (uint32_t)qtl_bytes_take_within(cursor, 1, UINT32_MAX);
    fields->segment = qtl_bytes_take_text(cursor, 1, TEXT_BYTES_MAX);
    fields->from = take_text(&reading);
    fields->to = take_text(&reading);
    fields->at = take_instant(&reading);
    skip_optional_long(&reading); /* detected_at */
    fields->cause = take_text(&reading);
    if (qtl_bytes_take_within(cursor, 0, 1) == 1) {
        (void)take_text(&reading); /* cause_event_id */
    }
    take_evidence(&reading, fields);
    (void)qtl_bytes_take_text(cursor, VERSION_DIGITS, VERSION_DIGITS);
    (void)qtl_bytes_take_flag(cursor);
    skip_optional_long(&reading); /* epoch */
    qtl_json_buffer_fini(&reading.text);
    return cursor->bad || cursor->at != cursor->end ? QTL_MALFORMED : QTL_OK;
}
