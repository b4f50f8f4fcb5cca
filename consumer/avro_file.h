/*
 * An Avro object container file, block by block: header with the writer's schema and the codec,
 * blocks of records, each followed by the header's sync marker.
 *
 * Threads: belongs to one thread; opening to the main thread (avro_schema.h).
 */
#ifndef QTL_CONSUMER_AVRO_FILE_H
#define QTL_CONSUMER_AVRO_FILE_H

#include "consumer/avro_program.h"
#include "schemas/status.h"
#include "schemas/text.h"

#include <stdint.h>

/* A block in the file, and expanded: more is damage. */
#define QTL_AVRO_FILE_BLOCK_BYTES_MAX (256u << 20)

struct qtl_avro_file;

/* Reads the header. `fd` and `path` (for sentences) are borrowed until close. BAD_CONF with a
 * sentence where it is no such file, or of a codec or schema that cannot be used; IO. */
QTL_CHECKED enum qtl_status
qtl_avro_file_open(int fd, const char *path, struct qtl_avro_file **file, struct qtl_error *error);
void qtl_avro_file_close(struct qtl_avro_file *file); /* NULL is fine */

/* The writer's schema, owned by the file. */
const struct qtl_avro_schema *qtl_avro_file_schema(const struct qtl_avro_file *file);

/* The next record, by a program for the file's schema; `raw` is its bytes. Texts are borrowed until
 * the next call. OK, END, IO, or CORRUPT with the place of a block that is damaged: nothing behind
 * it is read. */
QTL_CHECKED enum qtl_status qtl_avro_file_next(struct qtl_avro_file *file,
                                               const struct qtl_avro_program *program,
                                               struct qtl_avro_scratch *scratch,
                                               struct qtl_fields *fields, struct qtl_text *raw,
                                               struct qtl_error *error);

/* Whether the next record needs bytes that nobody has written yet (a pipe). */
bool qtl_avro_file_is_idle(const struct qtl_avro_file *file);

/* Bytes of the file whose records are handed out, but for the present block. */
uint64_t qtl_avro_file_bytes_done(const struct qtl_avro_file *file);

#endif
