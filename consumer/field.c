/*
 * The table of canonical fields; see field.h. The table itself is schemas/fields.def.
 */
#include "consumer/field.h"

#include "scoring/base/assert.h"

#include <stddef.h>
#include <string.h>

/* The streams of the table, as bits. */
enum { O = 1 << QTL_STREAM_ORDERS, E = 1 << QTL_STREAM_ENGAGEMENT, C = 1 << QTL_STREAM_CUSTOMERS };

struct field_row {
    const char *name;
    const char *meaning;
    uint8_t type;
    uint8_t streams;
};

static const struct field_row rows[QTL_FIELDS] = {
#define QTL_FIELD(name, text, type, streams, meaning)                                              \
    [QTL_FIELD_##name] = {#text, meaning, QTL_FIELD_TYPE_##type, streams},
#include "schemas/fields.def"
#undef QTL_FIELD
};

const char *qtl_field_name(enum qtl_field field)
{
    QTL_ASSERT(field < QTL_FIELDS);
    return rows[field].name;
}

const char *qtl_field_meaning(enum qtl_field field)
{
    QTL_ASSERT(field < QTL_FIELDS);
    return rows[field].meaning;
}

enum qtl_field_type qtl_field_type(enum qtl_field field)
{
    QTL_ASSERT(field < QTL_FIELDS);
    return rows[field].type;
}

bool qtl_field_of(enum qtl_field field, enum qtl_stream stream)
{
    QTL_ASSERT(field < QTL_FIELDS);
    return (rows[field].streams >> stream & 1) != 0;
}

bool qtl_field_required(enum qtl_field field, enum qtl_stream stream)
{
    switch ((int)field) {
    case QTL_FIELD_CUSTOMER_ID:
        return true;
    case QTL_FIELD_ORDER_ID:
        return stream == QTL_STREAM_ORDERS;
    case QTL_FIELD_OCCURRED_AT:
        return stream != QTL_STREAM_CUSTOMERS;
    case QTL_FIELD_KIND:
        return stream == QTL_STREAM_ENGAGEMENT;
    }
    return false;
}

int qtl_field_find(enum qtl_stream stream, struct qtl_text name)
{
    for (int field = 0; field < QTL_FIELDS; field++) {
        const char *const own = rows[field].name;
        if (qtl_field_of((enum qtl_field)field, stream) && strlen(own) == name.length &&
            memcmp(own, name.bytes, name.length) == 0) {
            return field;
        }
    }
    return -1;
}
