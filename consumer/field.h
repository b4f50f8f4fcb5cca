/*
 * The canonical fields of one record before they are converted: what JSON, CSV and Avro all fill,
 * and the one thing that decode.c turns into an event. A new source of fields fills slots; nothing
 * behind it changes.
 *
 * Threads: plain data, belongs to its caller.
 */
#ifndef QTL_CONSUMER_FIELD_H
#define QTL_CONSUMER_FIELD_H

#include "schemas/event.h"
#include "schemas/text.h"

#include <stdbool.h>
#include <stdint.h>

enum qtl_field {
#define QTL_FIELD(name, text, type, streams, meaning) QTL_FIELD_##name,
#include "schemas/fields.def"
#undef QTL_FIELD
    QTL_FIELDS
};

enum qtl_field_type {
    QTL_FIELD_TYPE_ID,
    QTL_FIELD_TYPE_WORD,
    QTL_FIELD_TYPE_TIME,
    QTL_FIELD_TYPE_NUMBER,
    QTL_FIELD_TYPE_FLAG,
    QTL_FIELD_TYPE_MAP,
};

/* How a time is written. */
enum qtl_time_form {
    QTL_TIME_FORM_ANY, /* seconds, or ISO 8601: our own records and CSV */
    QTL_TIME_FORM_ISO8601,
    QTL_TIME_FORM_EPOCH_S,
    QTL_TIME_FORM_EPOCH_MS,
    QTL_TIME_FORM_EPOCH_US,
};

/* How a field's text becomes its value. All zero: canonical. */
struct qtl_conversion {
    uint8_t time;          /* enum qtl_time_form */
    uint8_t scale;         /* numbers: decimals of the minor unit; 2: cents */
    int32_t zone_offset_s; /* times: of a text that says none; 0: UTC */
};

/* The bytes of a slot's value are a JSON string's (unescaped), a number's text as it stands, or a
 * CSV cell's. */
enum qtl_slot_type {
    QTL_SLOT_ABSENT, /* not there, JSON null, or an empty CSV cell */
    QTL_SLOT_STRING,
    QTL_SLOT_NUMBER,
    QTL_SLOT_FLAG,      /* JSON true or false; text is that word */
    QTL_SLOT_CONTAINER, /* an object, array or map; its text is no text (fields_json.c) */
    QTL_SLOT_BROKEN,    /* a string that is no Unicode text */
    QTL_SLOT_DECIMAL,   /* number x 10^exponent: what Avro has in binary; no text */
    QTL_SLOT_INSTANT,   /* number is the second since 1970; only in fields of times; no text */
};

struct qtl_slot {
    struct qtl_text text; /* borrowed from the record or from who filled the slot */
    uint8_t type;         /* enum qtl_slot_type */
    int16_t exponent;
    int64_t number;
};

struct qtl_fields {
    struct qtl_slot slots[QTL_FIELDS];
    bool canonical; /* convert as our own records are, whatever the stream's mapping says */
    bool is_utf8;   /* all texts are known to be UTF-8: no need to look again */
};

/* The field's name. Static text. @thread any */
const char *qtl_field_name(enum qtl_field field);

/* What it is, for documentation. Static text. @thread any */
const char *qtl_field_meaning(enum qtl_field field);

/* @thread any */
enum qtl_field_type qtl_field_type(enum qtl_field field);

/* Whether records of this stream have the field. @thread any */
bool qtl_field_of(enum qtl_field field, enum qtl_stream stream);

/* Whether a record of this stream cannot be used without the field, whatever its kind (`amount` is
 * left out: a cancellation needs none). @thread any */
bool qtl_field_required(enum qtl_field field, enum qtl_stream stream);

/* The field of this stream with that name, or -1. @thread any */
int qtl_field_find(enum qtl_stream stream, struct qtl_text name);

#endif
