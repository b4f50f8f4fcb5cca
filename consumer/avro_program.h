/*
 * A decode program: how records of one writer's schema become the canonical fields of one stream
 * (field.h), compiled once, run for each record. The paths of the mapping are those of JSON: names
 * of record fields and keys of maps, `[n]` for elements; unions are seen through.
 *
 * Threads: compiling belongs to the thread that starts; a program is immutable, any thread runs it
 * with a scratch of its own.
 */
#ifndef QTL_CONSUMER_AVRO_PROGRAM_H
#define QTL_CONSUMER_AVRO_PROGRAM_H

#include "consumer/avro_number.h"
#include "consumer/field.h"
#include "schemas/text.h"

#include <stdbool.h>
#include <stdint.h>

struct qtl_avro_program;
struct qtl_avro_schema;
struct qtl_field_map; /* consumer/field_map.h */

/* Arrays, maps and records that hold themselves may be nested this deep in a record. */
#define QTL_AVRO_DEPTH_MAX 64
/* Elements that take no bytes (nulls) in one record: beyond it the record is malformed. */
#define QTL_AVRO_EMPTY_ELEMENTS_MAX 65536

/* Where values that are no bytes of the record are written: one place a field. All zero at first.
 */
struct qtl_avro_scratch {
    char texts[QTL_FIELDS][QTL_AVRO_NUMBER_TEXT_MAX];
    uint64_t blocks_passed; /* passed over by their byte count, unread: for those who compare */
};

/* `maps`: QTL_FIELDS of them, or NULL for our own names. NULL where the program would be too long:
 * a schema that spreads (records inside records, each named many times) along the mapping's paths.
 * The schema is borrowed for the program's life. @thread main */
struct qtl_avro_program *qtl_avro_program_new(const struct qtl_avro_schema *schema,
                                              enum qtl_stream stream,
                                              const struct qtl_field_map *maps);
void qtl_avro_program_free(struct qtl_avro_program *program); /* NULL is fine */

/* The first field that every record of the stream needs and none of this schema has; -1: there is
 * none. @thread any */
int qtl_avro_program_lacks(const struct qtl_avro_program *program, enum qtl_stream stream);

/* Reads one record that begins with the bytes; *used is how many it has. Fills every slot. False
 * where the bytes are no record of the schema; the slots are then undefined. Texts are borrowed
 * from `bytes`, the schema and `scratch`. Whether all bytes belong to the record is the caller's to
 * check. @thread any */
bool qtl_avro_program_run(const struct qtl_avro_program *program, struct qtl_text bytes,
                          struct qtl_avro_scratch *scratch, struct qtl_fields *fields,
                          uint32_t *used);

#endif
