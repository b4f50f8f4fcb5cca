/*
 * Fields to events; see decode.h.
 *
 * A record passes two steps: its bytes fill the slots of consumer/field.h (json_fields.c,
 * csv_columns.c, avro_run.c), and the slots become an event here, the same for all. The checks of
 * the second step stand in the order in which reasons win, one function each, and read like DESIGN
 * 2: types, kinds that are skipped, required fields, customer, times, kind, currency, numbers.
 * Every field that is there is checked, whether its kind of event uses it or not.
 *
 * To come: value maps and `where` between the two steps, a rate table in take_currency(), profile
 * fields in an event of their own, several events out of one record (`each`).
 *
 * Threads: a decoder belongs to one thread.
 */
#include "consumer/decode.h"

#include "consumer/avro_program.h"
#include "consumer/avro_stream.h"
#include "consumer/config.h"
#include "consumer/field.h"
#include "consumer/instant.h"
#include "consumer/json_fields.h"
#include "consumer/value.h"
#include "schemas/zero.h"
#include "scoring/base/assert.h"
#include "scoring/base/hash.h"
#include "scoring/rules.h"

#include <stdlib.h>
#include <string.h>

#define BASE_CURRENCY_DEFAULT "USD"
#define KIND_UNKNOWN UINT8_MAX

struct kind_name {
    const char *bytes; /* borrowed: the rules', or static */
    uint32_t length;
};

struct qtl_decoder {
    enum qtl_stream stream;
    bool event_time; /* `timestamp: event`: the record's own timestamp says nothing */
    bool skip_unknown_kinds;
    const char *base_currency;
    uint32_t base_currency_bytes;
    struct qtl_conversion conversions[QTL_FIELDS];
    /* Sets of fields, bit by bit, and the fields' types: looked up once, not per record. */
    uint32_t own_fields;
    uint32_t required_fields;
    uint16_t fitting[QTL_FIELDS]; /* types of slots that can carry a field, bit by bit */
    struct kind_name kinds[QTL_KINDS_MAX];
    uint8_t kind_count;
    struct qtl_json_fields *json;
    const struct qtl_field_map *maps;   /* borrowed from the settings; NULL: our own names */
    const struct qtl_avro_stream *avro; /* borrowed from the settings; NULL for JSON */
    struct qtl_avro_scratch scratch;
};

static const char *const order_kinds[] = {
    [QTL_ORDER_PLACED] = "placed",
    [QTL_ORDER_AMENDED] = "amended",
    [QTL_ORDER_CANCELLED] = "cancelled",
    [QTL_ORDER_RETURNED] = "returned",
};
#define ORDER_KINDS (sizeof(order_kinds) / sizeof(order_kinds[0]))

static const char *const built_in_kinds[] = {
#define QTL_KIND(name) #name,
#include "schemas/kinds.def"
#undef QTL_KIND
};
#define BUILT_IN_KINDS (sizeof(built_in_kinds) / sizeof(built_in_kinds[0]))

_Static_assert(BUILT_IN_KINDS <= QTL_KINDS_MAX, "more kinds than bits");

/* The types of slots that can carry a field's value at all, bit by bit. */
#define SLOT(type) (UINT32_C(1) << QTL_SLOT_##type)
static const uint16_t fitting[] = {
    [QTL_FIELD_TYPE_ID] = SLOT(STRING) | SLOT(NUMBER),
    [QTL_FIELD_TYPE_WORD] = SLOT(STRING),
    [QTL_FIELD_TYPE_TIME] = SLOT(STRING) | SLOT(NUMBER) | SLOT(DECIMAL) | SLOT(INSTANT),
    [QTL_FIELD_TYPE_NUMBER] = SLOT(STRING) | SLOT(NUMBER) | SLOT(DECIMAL),
    [QTL_FIELD_TYPE_FLAG] = SLOT(STRING) | SLOT(NUMBER) | SLOT(DECIMAL) | SLOT(FLAG),
    [QTL_FIELD_TYPE_MAP] = SLOT(STRING) | SLOT(CONTAINER),
};
#undef SLOT

static void add_kind(struct qtl_decoder *decoder, const char *name)
{
    QTL_ASSERT(decoder->kind_count < QTL_KINDS_MAX);
    decoder->kinds[decoder->kind_count++] = (struct kind_name){name, (uint32_t)strlen(name)};
}

static void learn_fields(struct qtl_decoder *decoder)
{
    for (int i = 0; i < QTL_FIELDS; i++) {
        const enum qtl_field field = (enum qtl_field)i;
        const uint32_t bit = UINT32_C(1) << i;
        decoder->fitting[i] = fitting[qtl_field_type(field)];
        decoder->own_fields |= qtl_field_of(field, decoder->stream) ? bit : 0;
        decoder->required_fields |= qtl_field_required(field, decoder->stream) ? bit : 0;
    }
}

static void learn_kinds(struct qtl_decoder *decoder, const struct qtl_rules *rules)
{
    if (decoder->stream == QTL_STREAM_ORDERS) {
        for (size_t i = 0; i < ORDER_KINDS; i++) {
            add_kind(decoder, order_kinds[i]);
        }
    } else if (rules != NULL) {
        for (uint16_t i = 0; i < rules->kind_count; i++) {
            add_kind(decoder, rules->kinds[i]);
        }
    } else {
        for (size_t i = 0; i < BUILT_IN_KINDS; i++) {
            add_kind(decoder, built_in_kinds[i]);
        }
    }
}

struct qtl_decoder *qtl_decoder_new(enum qtl_stream stream,
                                    const struct qtl_stream_settings *settings,
                                    const struct qtl_rules *rules)
{
    struct qtl_decoder *const decoder = calloc(1, sizeof(*decoder));
    QTL_ASSERT(decoder != NULL);
    const char *paths[QTL_FIELDS] = {NULL};
    decoder->stream = stream;
    decoder->base_currency = BASE_CURRENCY_DEFAULT;
    if (settings != NULL) {
        decoder->event_time = settings->timestamp == QTL_TIMESTAMP_EVENT;
        decoder->skip_unknown_kinds = settings->unknown_kinds == QTL_UNKNOWN_KINDS_SKIP;
        if (settings->base_currency != NULL) {
            decoder->base_currency = settings->base_currency;
        }
        for (int field = 0; field < QTL_FIELDS; field++) {
            paths[field] = settings->fields[field].path;
            decoder->conversions[field] = settings->fields[field].conversion;
        }
    }
    decoder->base_currency_bytes = (uint32_t)strlen(decoder->base_currency);
    learn_fields(decoder);
    learn_kinds(decoder, rules);
    decoder->json = qtl_json_fields_new(stream, paths);
    decoder->avro = settings != NULL ? settings->avro : NULL;
    decoder->maps = settings != NULL ? settings->fields : NULL;
    return decoder;
}

void qtl_decoder_free(struct qtl_decoder *decoder)
{
    if (decoder != NULL) {
        qtl_json_fields_free(decoder->json);
        free(decoder);
    }
}

struct qtl_avro_program *qtl_decoder_compile(const struct qtl_decoder *decoder,
                                             const struct qtl_avro_schema *schema)
{
    return qtl_avro_program_new(schema, decoder->stream, decoder->maps);
}

enum qtl_stream qtl_decoder_stream(const struct qtl_decoder *decoder)
{
    return decoder->stream;
}

static bool is_absent(const struct qtl_slot *slot)
{
    return slot->type == QTL_SLOT_ABSENT;
}

static bool is_without_text(const struct qtl_slot *slot)
{
    return slot->text.length == 0 || slot->type == QTL_SLOT_CONTAINER;
}

/* The stream's fields that the record has, and whether each can be what it has to be. */
static enum qtl_reason check_types(const struct qtl_decoder *decoder,
                                   const struct qtl_fields *fields, uint32_t *present)
{
    bool good = true;
    for (uint32_t left = decoder->own_fields; left != 0; left &= left - 1) {
        const int field = __builtin_ctz(left);
        const struct qtl_slot *const slot = &fields->slots[field];
        if (slot->type == QTL_SLOT_ABSENT) {
            continue;
        }
        const bool fits = (decoder->fitting[field] >> slot->type & 1) != 0;
        *present |= UINT32_C(1) << field;
        if (field == QTL_FIELD_CUSTOMER_ID) {
            /* Broken and no UTF-8: a reason of its own. */
            good = good && (fits || slot->type == QTL_SLOT_BROKEN);
            continue;
        }
        good = good && fits &&
               (fields->is_utf8 || is_without_text(slot) || qtl_value_is_utf8(slot->text));
    }
    return good ? QTL_REASON_NONE : QTL_REASON_MALFORMED;
}

static uint8_t kind_number(const struct qtl_decoder *decoder, struct qtl_text text)
{
    for (uint8_t i = 0; i < decoder->kind_count; i++) {
        if (decoder->kinds[i].length == text.length &&
            memcmp(decoder->kinds[i].bytes, text.bytes, text.length) == 0) {
            return i;
        }
    }
    return KIND_UNKNOWN;
}

/* KIND_UNKNOWN is no reason yet: others come first, but for a kind that is to be skipped. */
static enum qtl_reason take_kind(const struct qtl_decoder *decoder, const struct qtl_fields *fields,
                                 uint8_t *kind)
{
    const struct qtl_slot *const slot = &fields->slots[QTL_FIELD_KIND];
    *kind = 0; /* placed; customers have none */
    if (decoder->stream == QTL_STREAM_CUSTOMERS || is_absent(slot)) {
        return QTL_REASON_NONE;
    }
    *kind = kind_number(decoder, slot->text);
    const bool skip = decoder->stream == QTL_STREAM_ENGAGEMENT && decoder->skip_unknown_kinds;
    return *kind == KIND_UNKNOWN && skip ? QTL_REASON_SKIPPED : QTL_REASON_NONE;
}

static enum qtl_reason check_required(const struct qtl_decoder *decoder,
                                      const struct qtl_fields *fields, uint32_t present,
                                      uint8_t kind)
{
    if ((decoder->required_fields & ~present) != 0) {
        return QTL_REASON_MISSING_FIELD;
    }
    if (decoder->stream != QTL_STREAM_ORDERS) {
        return QTL_REASON_NONE;
    }
    /* An empty order id names no order. */
    if (fields->slots[QTL_FIELD_ORDER_ID].text.length == 0) {
        return QTL_REASON_MISSING_FIELD;
    }
    const bool needs_amount = kind != QTL_ORDER_CANCELLED && kind != KIND_UNKNOWN;
    return needs_amount && is_absent(&fields->slots[QTL_FIELD_AMOUNT]) ? QTL_REASON_MISSING_FIELD
                                                                       : QTL_REASON_NONE;
}

static enum qtl_reason take_ids(const struct qtl_fields *fields, struct qtl_event *event)
{
    const struct qtl_slot *const customer = &fields->slots[QTL_FIELD_CUSTOMER_ID];
    if (customer->type == QTL_SLOT_BROKEN || customer->text.length == 0 ||
        customer->text.length > QTL_CUSTOMER_ID_BYTES_MAX ||
        (!fields->is_utf8 && !qtl_value_is_utf8(customer->text))) {
        return QTL_REASON_BAD_CUSTOMER_ID;
    }
    event->customer_id = customer->text;
    event->event_id = fields->slots[QTL_FIELD_EVENT_ID].text;
    event->order_id = fields->slots[QTL_FIELD_ORDER_ID].text;
    return QTL_REASON_NONE;
}

static struct qtl_conversion conversion_of(const struct qtl_decoder *decoder,
                                           const struct qtl_fields *fields, enum qtl_field field)
{
    return fields->canonical ? (struct qtl_conversion){0} : decoder->conversions[field];
}

/* A time, or QTL_TIME_ABSENT. False where it does not parse or is before 1990. */
static bool take_time(const struct qtl_decoder *decoder, const struct qtl_fields *fields,
                      enum qtl_field field, int64_t *second)
{
    const struct qtl_slot *const slot = &fields->slots[field];
    *second = QTL_TIME_ABSENT;
    if (is_absent(slot)) {
        return true;
    }
    const struct qtl_conversion conversion = conversion_of(decoder, fields, field);
    bool good = true;
    if (slot->type == QTL_SLOT_INSTANT) {
        *second = slot->number;
    } else if (slot->type == QTL_SLOT_DECIMAL) {
        good = qtl_instant_of_decimal(slot->number, slot->exponent, conversion, second);
    } else {
        good = qtl_instant_parse(slot->text, conversion, second);
    }
    return good && *second >= QTL_EVENT_TIME_MIN;
}

static enum qtl_reason take_times(const struct qtl_decoder *decoder,
                                  const struct qtl_fields *fields, int64_t timestamp_ms,
                                  struct qtl_event *event)
{
    if (!take_time(decoder, fields, QTL_FIELD_OCCURRED_AT, &event->occurred_at) ||
        !take_time(decoder, fields, QTL_FIELD_PLACED_AT, &event->placed_at)) {
        return QTL_REASON_BAD_TIME;
    }
    if (event->occurred_at == QTL_TIME_ABSENT) {
        return QTL_REASON_NONE;
    }
    if (event->occurred_at > QTL_EVENT_TIME_MAX) {
        return QTL_REASON_BAD_TIME;
    }
    /* The merge passes over stamps before 1990 (DESIGN 3), so they are no measure here either. */
    const bool stamped = !decoder->event_time && timestamp_ms != QTL_TIME_ABSENT &&
                         timestamp_ms >= QTL_EVENT_TIME_MIN * 1000;
    if (stamped && event->occurred_at * 1000 - QTL_EVENT_AHEAD_MS_MAX > timestamp_ms) {
        return QTL_REASON_BAD_TIME;
    }
    return QTL_REASON_NONE;
}

/* Codes are compared in any case: `usd` is found as often as `USD`. */
static enum qtl_reason check_currency(const struct qtl_decoder *decoder,
                                      const struct qtl_fields *fields)
{
    const struct qtl_slot *const slot = &fields->slots[QTL_FIELD_CURRENCY];
    if (decoder->stream != QTL_STREAM_ORDERS || is_absent(slot)) {
        return QTL_REASON_NONE;
    }
    const char *const base = decoder->base_currency;
    bool same = decoder->base_currency_bytes == slot->text.length;
    for (uint32_t i = 0; same && i < slot->text.length; i++) {
        same = (base[i] | 0x20) == (slot->text.bytes[i] | 0x20);
    }
    return same ? QTL_REASON_NONE : QTL_REASON_UNKNOWN_CURRENCY;
}

/* The number of a field, `standard` where it is absent. */
static bool take_number(const struct qtl_decoder *decoder, const struct qtl_fields *fields,
                        enum qtl_field field, int64_t standard, int64_t *value_e4)
{
    const struct qtl_slot *const slot = &fields->slots[field];
    *value_e4 = standard;
    if (is_absent(slot)) {
        return true;
    }
    const struct qtl_conversion conversion = conversion_of(decoder, fields, field);
    const bool may_be_negative = field == QTL_FIELD_MARGIN || field == QTL_FIELD_VALUE;
    const int places = 4 - conversion.scale;
    bool good = true;
    if (slot->type != QTL_SLOT_DECIMAL) {
        good = qtl_value_number(slot->text, places, value_e4);
    } else if (slot->exponent != -places) {
        good = qtl_value_of_decimal(slot->number, slot->exponent, places, value_e4);
    } else {
        *value_e4 = slot->number;
        good = *value_e4 <= QTL_AMOUNT_E4_MAX && *value_e4 >= -QTL_AMOUNT_E4_MAX;
    }
    return good && (may_be_negative || *value_e4 >= 0);
}

static enum qtl_reason take_numbers(const struct qtl_decoder *decoder,
                                    const struct qtl_fields *fields, struct qtl_event *event)
{
    bool good = true;
    if (decoder->stream == QTL_STREAM_ORDERS) {
        good = take_number(decoder, fields, QTL_FIELD_AMOUNT, 0, &event->amount_e4) &&
               take_number(decoder, fields, QTL_FIELD_MARGIN, 0, &event->margin_e4) &&
               take_number(decoder, fields, QTL_FIELD_ITEMS, QTL_E4, &event->items_e4) &&
               take_number(decoder, fields, QTL_FIELD_DISCOUNT, 0, &event->discount_e4);
    } else if (decoder->stream == QTL_STREAM_ENGAGEMENT) {
        good = take_number(decoder, fields, QTL_FIELD_VALUE, 0, &event->amount_e4);
    }
    return good ? QTL_REASON_NONE : QTL_REASON_BAD_AMOUNT;
}

enum qtl_reason qtl_decode_fields(const struct qtl_decoder *decoder,
                                  const struct qtl_fields *fields, int64_t timestamp_ms,
                                  struct qtl_event *event)
{
    uint32_t present = 0;
    qtl_zero(event, sizeof(*event));
    event->stream = (uint8_t)decoder->stream;
    enum qtl_reason reason = check_types(decoder, fields, &present);
    if (reason == QTL_REASON_NONE) {
        reason = take_kind(decoder, fields, &event->kind);
    }
    if (reason == QTL_REASON_NONE) {
        reason = check_required(decoder, fields, present, event->kind);
    }
    if (reason == QTL_REASON_NONE) {
        reason = take_ids(fields, event);
    }
    if (reason == QTL_REASON_NONE) {
        reason = take_times(decoder, fields, timestamp_ms, event);
    }
    if (reason == QTL_REASON_NONE && event->kind == KIND_UNKNOWN) {
        reason = QTL_REASON_UNKNOWN_KIND;
    }
    if (reason == QTL_REASON_NONE) {
        reason = check_currency(decoder, fields);
    }
    if (reason == QTL_REASON_NONE) {
        reason = take_numbers(decoder, fields, event);
    }
    if (reason == QTL_REASON_NONE) {
        if (event->kind == QTL_ORDER_PLACED) {
            event->placed_at = QTL_TIME_ABSENT; /* it was placed when it occurred */
        }
        qtl_event_seal(event);
    }
    return reason;
}

/* Whether a document that is not UTF-8 is so outside the customer id, too: then it is no JSON.
 * Where escapes hide the id's place, its own bytes are blamed. */
static bool broken_elsewhere(struct qtl_text document, struct qtl_text customer_id)
{
    if (qtl_value_is_utf8(customer_id)) {
        return true;
    }
    const uintptr_t before = (uintptr_t)customer_id.bytes - (uintptr_t)document.bytes;
    if (before >= document.length) {
        return false;
    }
    const uint32_t after = (uint32_t)before + customer_id.length;
    return !qtl_value_is_utf8((struct qtl_text){document.bytes, (uint32_t)before}) ||
           !qtl_value_is_utf8((struct qtl_text){document.bytes + after, document.length - after});
}

static bool has_bytes(const struct qtl_log_record *record)
{
    return record->has_value && record->value.length <= QTL_RECORD_BYTES_MAX;
}

enum qtl_reason qtl_decode_json(struct qtl_decoder *decoder, const struct qtl_log_record *record,
                                struct qtl_event *event)
{
    struct qtl_fields fields;
    if (!has_bytes(record) || !qtl_json_fields_read(decoder->json, record->value, &fields)) {
        return QTL_REASON_MALFORMED;
    }
    if (!fields.is_utf8 &&
        broken_elsewhere(record->value, fields.slots[QTL_FIELD_CUSTOMER_ID].text)) {
        return QTL_REASON_MALFORMED;
    }
    return qtl_decode_fields(decoder, &fields, record->timestamp_ms, event);
}

static enum qtl_reason decode_avro(struct qtl_decoder *decoder, const struct qtl_log_record *record,
                                   struct qtl_event *event)
{
    const struct qtl_avro_program *program = NULL;
    struct qtl_text body = {0};
    if (!has_bytes(record)) {
        return QTL_REASON_MALFORMED;
    }
    const enum qtl_reason reason =
        qtl_avro_stream_find(decoder->avro, record->value, &program, &body);
    if (reason != QTL_REASON_NONE) {
        return reason;
    }
    struct qtl_fields fields;
    uint32_t used = 0;
    if (!qtl_avro_program_run(program, body, &decoder->scratch, &fields, &used) ||
        used != body.length) {
        return QTL_REASON_MALFORMED;
    }
    return qtl_decode_fields(decoder, &fields, record->timestamp_ms, event);
}

enum qtl_reason qtl_decode(struct qtl_decoder *decoder, const struct qtl_log_record *record,
                           struct qtl_event *event)
{
    return decoder->avro != NULL ? decode_avro(decoder, record, event)
                                 : qtl_decode_json(decoder, record, event);
}
