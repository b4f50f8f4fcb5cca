/*
 * Random Avro schemas and records, by a seed: what the tests that compare with avro-c share.
 * Records are encoded here and not by avro-c, which writes neither several blocks nor byte counts.
 */
#ifndef QTL_TESTS_UNIT_AVRO_KIT_H
#define QTL_TESTS_UNIT_AVRO_KIT_H

#include "consumer/avro_schema.h"
#include "schemas/bytes.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { KIT_NAMES_MAX = 64, KIT_DEPTH_MAX = 5 };

struct kit {
    uint64_t random;
    struct qtl_bytes text; /* of the schema */
    bool is_record[KIT_NAMES_MAX];
    uint32_t names; /* of types so far: t0, t1, ... */
    bool sized;     /* some blocks have byte counts */
};

static inline uint64_t kit_random(struct kit *kit)
{
    kit->random ^= kit->random << 13;
    kit->random ^= kit->random >> 7;
    kit->random ^= kit->random << 17;
    return kit->random >> 8;
}

static inline uint32_t kit_below(struct kit *kit, uint32_t bound)
{
    return (uint32_t)(kit_random(kit) % bound);
}

static inline void kit_say(struct kit *kit, const char *text)
{
    qtl_bytes_put(&kit->text, text, strlen(text));
}

static inline void kit_type(struct kit *kit, uint32_t depth);

static inline void kit_name(struct kit *kit, const char *type)
{
    char text[96];
    snprintf(text, sizeof(text), "{\"type\":\"%s\",\"name\":\"t%u\"%s", type, kit->names++,
             kit_below(kit, 3) == 0 ? ",\"namespace\":\"x.y\"" : "");
    kit_say(kit, text);
}

static inline void kit_record(struct kit *kit, uint32_t depth)
{
    char name[64];
    kit->is_record[kit->names] = true;
    snprintf(name, sizeof(name), "{\"type\":\"record\",\"name\":\"t%u\"", kit->names++);
    kit_say(kit, name);
    kit_say(kit, ",\"doc\":\"made up\",\"fields\":[");
    const uint32_t fields = 1 + kit_below(kit, 6);
    for (uint32_t i = 0; i < fields; i++) {
        snprintf(name, sizeof(name), "%s{\"name\":\"f%u\",\"type\":", i > 0 ? "," : "", i);
        kit_say(kit, name);
        kit_type(kit, depth + 1);
        kit_say(kit, "}");
    }
    kit_say(kit, "]}");
}

static inline void kit_leaf(struct kit *kit)
{
    static const char *const leaves[] = {
        "\"null\"",
        "\"boolean\"",
        "\"int\"",
        "\"long\"",
        "\"float\"",
        "\"double\"",
        "\"bytes\"",
        "\"string\"",
        "\"string\"",
        "{\"type\":\"string\",\"logicalType\":\"uuid\"}",
        "{\"type\":\"int\",\"logicalType\":\"date\"}",
        "{\"type\":\"int\",\"logicalType\":\"time-millis\"}",
        "{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}",
        "{\"type\":\"long\",\"logicalType\":\"timestamp-micros\"}",
        "{\"type\":\"long\",\"logicalType\":\"timestamp-nanos\"}",
        "{\"type\":\"long\",\"logicalType\":\"local-timestamp-millis\"}",
        "{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":38,\"scale\":4}",
        "{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":18}",
    };
    kit_say(kit, leaves[kit_below(kit, sizeof(leaves) / sizeof(leaves[0]))]);
}

/* A union: never twice the same unnamed type, no union inside. */
static inline void kit_union(struct kit *kit, uint32_t depth)
{
    static const char *const branches[] = {"\"null\"", "\"string\"", "\"long\"", "\"double\"",
                                           "\"boolean\""};
    uint32_t count = 0;
    kit_say(kit, "[");
    for (size_t i = 0; i < sizeof(branches) / sizeof(branches[0]); i++) {
        if (kit_below(kit, 2) == 0) {
            kit_say(kit, count++ > 0 ? "," : "");
            kit_say(kit, branches[i]);
        }
    }
    if (count == 0 || (kit_below(kit, 2) == 0 && kit->names < KIT_NAMES_MAX - 8)) {
        kit_say(kit, count > 0 ? "," : "");
        kit_record(kit, depth);
    }
    kit_say(kit, "]");
}

/* A record that is there already, also the one around it: nothing, or that. */
static inline void kit_again(struct kit *kit)
{
    const uint32_t number = kit_below(kit, kit->names);
    if (!kit->is_record[number]) {
        kit_leaf(kit);
        return;
    }
    char text[48];
    snprintf(text, sizeof(text), "[\"null\",\"t%u\"]", number);
    kit_say(kit, text);
}

static inline void kit_fixed(struct kit *kit)
{
    static const char *const logicals[] = {
        "", ",\"logicalType\":\"decimal\",\"precision\":20,\"scale\":3",
        ",\"logicalType\":\"uuid\""};
    char text[96];
    const uint32_t logical = kit_below(kit, 3);
    kit_name(kit, "fixed");
    snprintf(text, sizeof(text), ",\"size\":%u%s}", logical == 2 ? 16 : 1 + kit_below(kit, 12),
             logicals[logical]);
    kit_say(kit, text);
}

static inline void kit_type(struct kit *kit, uint32_t depth)
{
    const uint32_t kind =
        depth >= KIT_DEPTH_MAX || kit->names > KIT_NAMES_MAX - 16 ? 0 : kit_below(kit, 14);
    if (kind < 6) {
        kit_leaf(kit);
    } else if (kind == 6) {
        kit_name(kit, "enum");
        kit_say(kit, ",\"symbols\":[\"A\",\"BB\",\"C_c\"]}");
    } else if (kind == 7) {
        kit_fixed(kit);
    } else if (kind == 8) {
        kit_record(kit, depth);
    } else if (kind == 9) {
        kit_again(kit);
    } else if (kind < 12) {
        kit_say(kit,
                kind == 10 ? "{\"type\":\"array\",\"items\":" : "{\"type\":\"map\",\"values\":");
        kit_type(kit, depth + 1);
        kit_say(kit, "}");
    } else {
        kit_union(kit, depth);
    }
}

/* A schema's text: a record. */
static inline struct qtl_text kit_schema(struct kit *kit)
{
    kit->text.length = 0;
    kit->names = 0;
    memset(kit->is_record, 0, sizeof(kit->is_record));
    kit_record(kit, 0);
    return (struct qtl_text){kit->text.bytes, (uint32_t)kit->text.length};
}

static inline void kit_encode(struct kit *kit, const struct qtl_avro_schema *schema,
                              uint32_t number, uint32_t depth, struct qtl_bytes *out);

static inline void kit_encode_raw(struct kit *kit, uint32_t length, struct qtl_bytes *out)
{
    for (uint32_t i = 0; i < length; i++) {
        const char byte = (char)kit_random(kit);
        qtl_bytes_put(out, &byte, 1);
    }
}

static inline int64_t kit_long(struct kit *kit)
{
    const uint64_t value = kit_random(kit) << 8 | kit_below(kit, 256);
    return (int64_t)value >> kit_below(kit, 64);
}

/* Prices more often than any other doubles. */
static inline void kit_encode_fraction(struct kit *kit, bool is_float, struct qtl_bytes *out)
{
    const uint32_t kind = kit_below(kit, 4);
    double value = (double)(int64_t)kit_below(kit, 10000000) / (kind < 2 ? 100.0 : 7.0);
    value = kind == 3 ? (double)kit_long(kit) * 1e-7 : value;
    const float narrow = (float)value;
    if (is_float) {
        qtl_bytes_put(out, &narrow, sizeof(narrow));
    } else {
        qtl_bytes_put(out, &value, sizeof(value));
    }
}

static inline void kit_encode_block(struct kit *kit, const struct qtl_avro_schema *schema,
                                    uint32_t node, uint32_t depth, struct qtl_bytes *out)
{
    static uint32_t keys;
    struct qtl_bytes body = {0};
    const uint32_t count = 1 + kit_below(kit, 3);
    for (uint32_t i = 0; i < count; i++) {
        if (schema->nodes[node].type == QTL_AVRO_MAP) {
            char key[16];
            keys++;
            snprintf(key, sizeof(key), "k%u_%u", keys % 1000, 1000 - keys % 1000);
            qtl_bytes_put_text(&body, (struct qtl_text){key, (uint32_t)strlen(key)});
        }
        kit_encode(kit, schema, qtl_avro_schema_inner(schema, node), depth + 1, &body);
    }
    const bool sized = kit->sized && kit_below(kit, 2) == 0;
    qtl_bytes_put_long(out, sized ? -(int64_t)count : (int64_t)count);
    if (sized) {
        qtl_bytes_put_long(out, (int64_t)body.length);
    }
    qtl_bytes_put(out, body.bytes, body.length);
    qtl_bytes_fini(&body);
}

static inline void kit_encode_leaf(struct kit *kit, const struct qtl_avro_node *node,
                                   struct qtl_bytes *out)
{
    if (node->type == QTL_AVRO_BOOLEAN) {
        qtl_bytes_put_flag(out, kit_below(kit, 2) == 0);
    } else if (node->type == QTL_AVRO_INT) {
        qtl_bytes_put_long(out, (int32_t)kit_long(kit));
    } else if (node->type == QTL_AVRO_LONG) {
        qtl_bytes_put_long(out, kit_long(kit));
    } else if (node->type == QTL_AVRO_FLOAT || node->type == QTL_AVRO_DOUBLE) {
        kit_encode_fraction(kit, node->type == QTL_AVRO_FLOAT, out);
    } else if (node->type == QTL_AVRO_BYTES || node->type == QTL_AVRO_STRING) {
        const uint32_t length = kit_below(kit, 14) + (node->type == QTL_AVRO_BYTES ? 1 : 0);
        qtl_bytes_put_long(out, length);
        kit_encode_raw(kit, length, out);
    } else if (node->type == QTL_AVRO_ENUM) {
        qtl_bytes_put_long(out, kit_below(kit, node->count));
    } else if (node->type == QTL_AVRO_FIXED) {
        kit_encode_raw(kit, node->size, out);
    }
}

/* A record that holds itself ends by its null. */
static inline void kit_encode_union(struct kit *kit, const struct qtl_avro_schema *schema,
                                    const struct qtl_avro_node *node, uint32_t depth,
                                    struct qtl_bytes *out)
{
    uint32_t branch = kit_below(kit, node->count);
    for (uint32_t i = 0; i < node->count && depth > 2 * KIT_DEPTH_MAX; i++) {
        const uint32_t other = schema->parts[node->first + i].node;
        branch = schema->nodes[other].type < QTL_AVRO_RECORD ? i : branch;
    }
    qtl_bytes_put_long(out, branch);
    kit_encode(kit, schema, schema->parts[node->first + branch].node, depth + 1, out);
}

static inline void kit_encode(struct kit *kit, const struct qtl_avro_schema *schema,
                              uint32_t number, uint32_t depth, struct qtl_bytes *out)
{
    const struct qtl_avro_node *const node = &schema->nodes[number];
    if (node->type == QTL_AVRO_RECORD) {
        for (uint32_t i = 0; i < node->count; i++) {
            kit_encode(kit, schema, schema->parts[node->first + i].node, depth + 1, out);
        }
    } else if (node->type == QTL_AVRO_UNION) {
        kit_encode_union(kit, schema, node, depth, out);
    } else if (node->type == QTL_AVRO_ARRAY || node->type == QTL_AVRO_MAP) {
        const uint32_t blocks = depth > KIT_DEPTH_MAX ? 0 : kit_below(kit, 3);
        for (uint32_t i = 0; i < blocks; i++) {
            kit_encode_block(kit, schema, number, depth, out);
        }
        qtl_bytes_put_long(out, 0);
    } else {
        kit_encode_leaf(kit, node, out);
    }
}

#endif
