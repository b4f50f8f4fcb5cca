/*
 * See avro_canonical.h. Written from the table of nodes, which holds no more than the form does:
 * names are full there, and attributes that do not bear on parsing were never kept. avro-c has
 * neither the form nor the fingerprint.
 *
 * A named type is written out where it first stands; that is the place with the lowest number of
 * its node, since the parser numbers nodes in the order of the text.
 */
#include "consumer/avro_canonical.h"

#include "consumer/avro_schema.h"
#include "scoring/base/assert.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const type_names[] = {
    [QTL_AVRO_NULL] = "null",   [QTL_AVRO_BOOLEAN] = "boolean", [QTL_AVRO_INT] = "int",
    [QTL_AVRO_LONG] = "long",   [QTL_AVRO_FLOAT] = "float",     [QTL_AVRO_DOUBLE] = "double",
    [QTL_AVRO_BYTES] = "bytes", [QTL_AVRO_STRING] = "string",   [QTL_AVRO_RECORD] = "record",
    [QTL_AVRO_ENUM] = "enum",   [QTL_AVRO_FIXED] = "fixed",     [QTL_AVRO_ARRAY] = "array",
    [QTL_AVRO_MAP] = "map",     [QTL_AVRO_UNION] = "union",
};

struct writer {
    const struct qtl_avro_schema *schema;
    struct qtl_bytes *out;
    bool *written; /* one a node */
};

static void put(struct writer *writer, const char *text)
{
    qtl_bytes_put(writer->out, text, strlen(text));
}

/* Names and symbols hold nothing that JSON must escape but quotes, backslashes and controls. */
static void put_string(struct writer *writer, struct qtl_text text)
{
    put(writer, "\"");
    for (uint32_t i = 0; i < text.length; i++) {
        const unsigned char byte = (unsigned char)text.bytes[i];
        char escape[8];
        if (byte == '"' || byte == '\\') {
            snprintf(escape, sizeof(escape), "\\%c", byte);
            put(writer, escape);
        } else if (byte < 0x20) {
            snprintf(escape, sizeof(escape), "\\u%04x", byte);
            put(writer, escape);
        } else {
            qtl_bytes_put(writer->out, text.bytes + i, 1);
        }
    }
    put(writer, "\"");
}

static void put_node(struct writer *writer, uint32_t number);

static void put_named(struct writer *writer, const struct qtl_avro_node *node)
{
    put(writer, "{\"name\":");
    put_string(writer, node->name);
    put(writer, ",\"type\":\"");
    put(writer, type_names[node->type]);
    put(writer, "\"");
    if (node->type == QTL_AVRO_FIXED) {
        char size[32];
        snprintf(size, sizeof(size), ",\"size\":%u}", node->size);
        put(writer, size);
        return;
    }
    put(writer, node->type == QTL_AVRO_RECORD ? ",\"fields\":[" : ",\"symbols\":[");
    for (uint32_t i = 0; i < node->count; i++) {
        const struct qtl_avro_part *const part = &writer->schema->parts[node->first + i];
        put(writer, i > 0 ? "," : "");
        if (node->type == QTL_AVRO_ENUM) {
            put_string(writer, part->name);
            continue;
        }
        put(writer, "{\"name\":");
        put_string(writer, part->name);
        put(writer, ",\"type\":");
        put_node(writer, part->node);
        put(writer, "}");
    }
    put(writer, "]}");
}

static void put_union(struct writer *writer, const struct qtl_avro_node *node)
{
    put(writer, "[");
    for (uint32_t i = 0; i < node->count; i++) {
        put(writer, i > 0 ? "," : "");
        put_node(writer, writer->schema->parts[node->first + i].node);
    }
    put(writer, "]");
}

/* As deep as the text was nested: its bound is this recursion's. */
static void put_node(struct writer *writer, uint32_t number)
{
    const struct qtl_avro_node *const node = &writer->schema->nodes[number];
    const bool first = !writer->written[number];
    writer->written[number] = true;
    switch ((enum qtl_avro_type)node->type) {
    case QTL_AVRO_RECORD:
    case QTL_AVRO_ENUM:
    case QTL_AVRO_FIXED:
        if (first) {
            put_named(writer, node);
        } else {
            put_string(writer, node->name);
        }
        return;
    case QTL_AVRO_ARRAY:
    case QTL_AVRO_MAP:
        put(writer, node->type == QTL_AVRO_ARRAY ? "{\"type\":\"array\",\"items\":"
                                                 : "{\"type\":\"map\",\"values\":");
        put_node(writer, writer->schema->parts[node->first].node);
        put(writer, "}");
        return;
    case QTL_AVRO_UNION:
        put_union(writer, node);
        return;
    case QTL_AVRO_NULL:
    case QTL_AVRO_BOOLEAN:
    case QTL_AVRO_INT:
    case QTL_AVRO_LONG:
    case QTL_AVRO_FLOAT:
    case QTL_AVRO_DOUBLE:
    case QTL_AVRO_BYTES:
    case QTL_AVRO_STRING:
        put(writer, "\"");
        put(writer, type_names[node->type]);
        put(writer, "\"");
        return;
    }
}

void qtl_avro_canonical_write(const struct qtl_avro_schema *schema, struct qtl_bytes *out)
{
    struct writer writer = {.schema = schema, .out = out};
    writer.written = calloc(schema->node_count, sizeof(*writer.written));
    QTL_ASSERT(writer.written != NULL);
    put_node(&writer, 0);
    free(writer.written);
}

uint64_t qtl_avro_canonical_fingerprint(struct qtl_text bytes)
{
    const uint64_t empty = UINT64_C(0xc15d213aa4d7a795);
    uint64_t crc = empty;
    for (uint32_t i = 0; i < bytes.length; i++) {
        /* Bit by bit instead of a table: it runs once a schema. */
        crc ^= (unsigned char)bytes.bytes[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = crc >> 1 ^ ((crc & 1) != 0 ? empty : 0);
        }
    }
    return crc;
}
