/*
 * An Avro schema as a flat table of nodes, its Parsing Canonical Form and its CRC-64-AVRO
 * fingerprint: what decode programs are compiled from (avro_program.h) and found by
 * (avro_stream.h).
 *
 * Threads: parsing belongs to one thread, at start: avro-c's error text is one for the process. A
 * schema is immutable afterwards; any thread may read it.
 */
#ifndef QTL_CONSUMER_AVRO_SCHEMA_H
#define QTL_CONSUMER_AVRO_SCHEMA_H

#include "schemas/bytes.h"
#include "schemas/status.h"
#include "schemas/text.h"
#include "scoring/base/arena.h"

#include <stdbool.h>
#include <stdint.h>

#define QTL_AVRO_SCHEMA_BYTES_MAX (1u << 20)
#define QTL_AVRO_SCALE_MAX 10000

enum qtl_avro_type {
    QTL_AVRO_NULL,
    QTL_AVRO_BOOLEAN,
    QTL_AVRO_INT,
    QTL_AVRO_LONG,
    QTL_AVRO_FLOAT,
    QTL_AVRO_DOUBLE,
    QTL_AVRO_BYTES,
    QTL_AVRO_STRING,
    QTL_AVRO_RECORD,
    QTL_AVRO_ENUM,
    QTL_AVRO_FIXED,
    QTL_AVRO_ARRAY,
    QTL_AVRO_MAP,
    QTL_AVRO_UNION,
};

/* Those that change how a value is read. One that does not fit its type is none, as Avro says. */
enum qtl_avro_logical {
    QTL_AVRO_LOGICAL_NONE,
    QTL_AVRO_LOGICAL_DECIMAL, /* of bytes or fixed */
    QTL_AVRO_LOGICAL_UUID,    /* of fixed; on a string it says nothing new */
    QTL_AVRO_LOGICAL_DATE,    /* of int */
    QTL_AVRO_LOGICAL_MILLIS,  /* of long: timestamp-millis, and so on */
    QTL_AVRO_LOGICAL_MICROS,
    QTL_AVRO_LOGICAL_NANOS,
    QTL_AVRO_LOGICAL_LOCAL_MILLIS, /* local-timestamp-millis, and so on */
    QTL_AVRO_LOGICAL_LOCAL_MICROS,
    QTL_AVRO_LOGICAL_LOCAL_NANOS,
};

struct qtl_avro_node {
    uint8_t type;         /* enum qtl_avro_type */
    uint8_t logical;      /* enum qtl_avro_logical */
    uint16_t scale;       /* of a decimal */
    uint32_t size;        /* of a fixed, bytes */
    uint32_t first;       /* of its parts: fields, symbols, branches; items or values: one */
    uint32_t count;       /* of its parts */
    struct qtl_text name; /* full, of a record, enum or fixed */
};

struct qtl_avro_part {
    struct qtl_text name; /* of a field or symbol */
    uint32_t node;        /* of all but symbols */
};

struct qtl_avro_schema {
    struct qtl_avro_node *nodes; /* owned; the first is the root */
    struct qtl_avro_part *parts; /* owned */
    uint32_t node_count;
    uint32_t part_count;
    uint32_t node_capacity;
    uint32_t part_capacity;
    struct qtl_arena texts;     /* names */
    struct qtl_bytes canonical; /* Parsing Canonical Form, UTF-8 */
    uint64_t fingerprint;       /* CRC-64-AVRO of it */
};

/* From the text of a schema. BAD_CONF with a sentence that begins with `name` (a path, with line
 * and column where there are any) for a text that is no schema. @thread main */
QTL_CHECKED enum qtl_status qtl_avro_schema_parse(struct qtl_text text, const char *name,
                                                  struct qtl_avro_schema **schema,
                                                  struct qtl_error *error);

/* The same from a file. @thread main */
QTL_CHECKED enum qtl_status qtl_avro_schema_read(const char *path, struct qtl_avro_schema **schema,
                                                 struct qtl_error *error);

void qtl_avro_schema_free(struct qtl_avro_schema *schema); /* NULL is fine */

/* Of an array its items, of a map its values: the node. @thread any */
uint32_t qtl_avro_schema_inner(const struct qtl_avro_schema *schema, uint32_t node);

#endif
