/*
 * The Avro records of one stream: which program reads a record, by what stands before its bytes
 * (schemas/avro_framing.h). Made once the configuration is whole; everything that can be wrong with
 * a schema is found here, at start.
 *
 * Threads: made by the main thread; immutable afterwards, any thread may look up.
 */
#ifndef QTL_CONSUMER_AVRO_STREAM_H
#define QTL_CONSUMER_AVRO_STREAM_H

#include "schemas/event.h"
#include "schemas/status.h"
#include "schemas/text.h"

#include <stdint.h>

struct qtl_avro_folder;
struct qtl_avro_program;
struct qtl_avro_stream;
struct qtl_stream_settings;

/* `folder` is borrowed for the stream's life; NULL: there is none. BAD_CONF with a sentence where a
 * schema is missing, cannot be read, or has no place for a field that every record needs.
 * @thread main */
QTL_CHECKED enum qtl_status qtl_avro_stream_new(enum qtl_stream stream,
                                                const struct qtl_stream_settings *settings,
                                                const struct qtl_avro_folder *folder,
                                                struct qtl_avro_stream **made,
                                                struct qtl_error *error);
void qtl_avro_stream_free(struct qtl_avro_stream *avro); /* NULL is fine */

/* The program that reads a record's value, and the bytes that are the record. MALFORMED where the
 * framing is not there, UNKNOWN_SCHEMA where its schema is not known, else NONE. @thread any */
enum qtl_reason qtl_avro_stream_find(const struct qtl_avro_stream *avro, struct qtl_text value,
                                     const struct qtl_avro_program **program,
                                     struct qtl_text *body);

/* A number for how the records of a configured file's schema are read: it changes when their
 * meaning does. 0 without such a file. @thread any */
uint64_t qtl_avro_stream_shape(const struct qtl_avro_stream *avro);

#endif
