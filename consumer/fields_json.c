/*
 * See fields_json.h. A value that no field of its type can have is written as something that JSON
 * cannot have there either, so that the reason stays what it was: a container where a text is due
 * as `[]`, a text that is no Unicode as a surrogate alone.
 *
 * The attributes of a customer are the one container that is a value: of Avro's its bytes stand in
 * the slot (avro_op.h), a map of texts, read here once more.
 */
#include "consumer/fields_json.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static void put(struct qtl_bytes *out, const char *text)
{
    qtl_bytes_put(out, text, strlen(text));
}

static void put_string(struct qtl_bytes *out, struct qtl_text text)
{
    put(out, "\"");
    for (uint32_t i = 0; i < text.length; i++) {
        const unsigned char byte = (unsigned char)text.bytes[i];
        char escape[8];
        if (byte == '"' || byte == '\\' || byte < 0x20) {
            snprintf(escape, sizeof(escape), "\\u%04x", byte);
            put(out, escape);
        } else {
            qtl_bytes_put(out, text.bytes + i, 1);
        }
    }
    put(out, "\"");
}

/* number x 10^exponent without an exponent, and without zeros that say nothing. */
static void put_decimal(struct qtl_bytes *out, int64_t number, int exponent)
{
    char digits[32];
    for (; exponent < 0 && number % 10 == 0; exponent++) {
        number /= 10;
        if (number == 0) {
            exponent = -1;
        }
    }
    const uint64_t magnitude = number < 0 ? UINT64_C(0) - (uint64_t)number : (uint64_t)number;
    const int length = snprintf(digits, sizeof(digits), "%" PRIu64, magnitude);
    int whole = length + exponent; /* digits before the point */
    put(out, number < 0 ? "-" : "");
    if (whole <= 0) {
        put(out, "0");
    } else {
        qtl_bytes_put(out, digits, (size_t)(whole < length ? whole : length));
    }
    if (exponent < 0) {
        put(out, ".");
        for (; whole < 0; whole++) {
            put(out, "0");
        }
        qtl_bytes_put(out, digits + whole, (size_t)(length - whole));
    }
}

/* One entry of a map of texts; `null_branch` -1: its values are no unions. */
static void put_attribute(struct qtl_bytes *out, struct qtl_bytes_cursor *cursor, int null_branch,
                          bool first)
{
    const struct qtl_text name = qtl_bytes_take_text(cursor, 0, UINT32_MAX);
    const bool is_null = null_branch >= 0 && qtl_bytes_take_long(cursor) == null_branch;
    const struct qtl_text value =
        is_null ? (struct qtl_text){"", 0} : qtl_bytes_take_text(cursor, 0, UINT32_MAX);
    if (cursor->bad) {
        return;
    }
    put(out, first ? "" : ",");
    put_string(out, name);
    put(out, ":");
    if (is_null) {
        put(out, "null");
    } else {
        put_string(out, value);
    }
}

/* The program that filled the slot has been through the bytes: they are a map. */
static void put_attributes(struct qtl_bytes *out, const struct qtl_slot *slot)
{
    struct qtl_bytes_cursor cursor = {.at = slot->text.bytes,
                                      .end = slot->text.bytes + slot->text.length};
    bool first = true;
    put(out, "{");
    while (slot->text.length > 0 && !cursor.bad) {
        int64_t count = qtl_bytes_take_long(&cursor);
        if (count == 0 || count == INT64_MIN) {
            break;
        }
        if (count < 0) {
            count = -count;
            (void)qtl_bytes_take_long(&cursor);
        }
        for (; count > 0 && !cursor.bad; count--) {
            put_attribute(out, &cursor, slot->exponent, first);
            first = false;
        }
    }
    put(out, "}");
}

/* A number's text: digits, or what avro_number.c prints, which JSON has, too; empty where the
 * number is none. An id is a text either way; a field of words can be no number at all. */
static void put_number(struct qtl_bytes *out, enum qtl_field field, struct qtl_text text)
{
    const enum qtl_field_type type = qtl_field_type(field);
    const bool may_be_text = type == QTL_FIELD_TYPE_NUMBER || type == QTL_FIELD_TYPE_TIME;
    if (type == QTL_FIELD_TYPE_ID || (text.length == 0 && may_be_text)) {
        put_string(out, text);
    } else if (text.length == 0) {
        put(out, "0");
    } else {
        qtl_bytes_put(out, text.bytes, text.length);
    }
}

static void put_value(struct qtl_bytes *out, enum qtl_field field, const struct qtl_slot *slot)
{
    char digits[32];
    switch ((enum qtl_slot_type)slot->type) {
    case QTL_SLOT_ABSENT:
        put(out, "null");
        return;
    case QTL_SLOT_STRING:
        put_string(out, slot->text);
        return;
    case QTL_SLOT_NUMBER:
        put_number(out, field, slot->text);
        return;
    case QTL_SLOT_FLAG:
        qtl_bytes_put(out, slot->text.bytes, slot->text.length);
        return;
    case QTL_SLOT_CONTAINER:
        if (qtl_field_type(field) == QTL_FIELD_TYPE_MAP) {
            put_attributes(out, slot);
        } else {
            put(out, "[]");
        }
        return;
    case QTL_SLOT_BROKEN:
        put(out, "\"\\ud800\"");
        return;
    case QTL_SLOT_DECIMAL:
        put_decimal(out, slot->number, slot->exponent);
        return;
    case QTL_SLOT_INSTANT:
        snprintf(digits, sizeof(digits), "%" PRId64, slot->number);
        put(out, digits);
        return;
    }
}

void qtl_fields_json_write(const struct qtl_fields *fields, enum qtl_stream stream,
                           struct qtl_bytes *out)
{
    bool first = true;
    put(out, "{");
    for (int i = 0; i < QTL_FIELDS; i++) {
        const enum qtl_field field = (enum qtl_field)i;
        const struct qtl_slot *const slot = &fields->slots[field];
        if (!qtl_field_of(field, stream) || slot->type == QTL_SLOT_ABSENT) {
            continue;
        }
        put(out, first ? "\"" : ",\"");
        put(out, qtl_field_name(field));
        put(out, "\":");
        put_value(out, field, slot);
        first = false;
    }
    put(out, "}");
}
