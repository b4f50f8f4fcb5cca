/*
 * A file of records, CSV, NDJSON or Avro, read one by one: what `replay` and `append` read (DESIGN
 * 9). A bad record is a record with a reason, never the end of the file.
 *
 * CSV: the first row names the columns, which are the canonical field names of the decoder's stream
 * (DESIGN 2); an empty cell is absent; a row with another number of cells than the header is
 * malformed, and the reader goes on with the next line. NDJSON: one object a line, decoded with the
 * decoder's mapping. Empty lines are no records. Avro: an object container file, by the schema in
 * it and the decoder's mapping; a damaged block is an error.
 *
 * Threads: belongs to one thread, as its decoder does.
 */
#ifndef QTL_CONSUMER_RECORD_FILE_H
#define QTL_CONSUMER_RECORD_FILE_H

#include "schemas/event.h"
#include "schemas/status.h"
#include "schemas/text.h"

#include <stdbool.h>
#include <stdint.h>

struct qtl_decoder;
struct qtl_record_file;

enum qtl_record_format {
    QTL_RECORD_BY_NAME, /* .csv; .ndjson, .jsonl, .json; .avro; BAD_CONF for others and for `-` */
    QTL_RECORD_CSV,
    QTL_RECORD_NDJSON,
    QTL_RECORD_AVRO,
};

/* The format of that name: csv, ndjson, avro; false for any other. */
bool qtl_record_file_format(const char *name, enum qtl_record_format *format);

/* One record of a file. Texts, the event's too, are borrowed until the next call. */
struct qtl_file_record {
    struct qtl_event event; /* whole and sealed where reason is QTL_REASON_NONE */
    enum qtl_reason reason; /* NONE, SKIPPED, or why it cannot be used */
    struct qtl_text raw;    /* its bytes as they stand, without the line's end */
    uint64_t line;          /* the line it begins in, in Avro its number; from 1, rising */
};

/* Opens a file; `-` is standard input. A missing file is IO, an unusable header BAD_CONF. The
 * decoder says the stream and is borrowed until close. */
QTL_CHECKED enum qtl_status qtl_record_file_open(const char *path, enum qtl_record_format format,
                                                 struct qtl_decoder *decoder,
                                                 struct qtl_record_file **file,
                                                 struct qtl_error *error);
void qtl_record_file_close(struct qtl_record_file *file); /* NULL is fine */

/* The next record, good or bad: OK, END, or IO or CORRUPT with a sentence. */
QTL_CHECKED enum qtl_status qtl_record_file_next(struct qtl_record_file *file,
                                                 struct qtl_file_record *record,
                                                 struct qtl_error *error);

/* Whether the next call would have to wait for somebody who writes into a pipe. Reads what is there
 * already; what is wrong with it the next call says. */
bool qtl_record_file_is_idle(struct qtl_record_file *file);

/* Whether its JSON (see below) has our own names: CSV and Avro. */
bool qtl_record_file_is_canonical(const struct qtl_record_file *file);

/* The last record as one JSON object with canonical names, for the log: a CSV row and an Avro
 * record converted, an NDJSON line or a malformed row as it stands. Borrowed until the next call.
 */
struct qtl_text qtl_record_file_json(struct qtl_record_file *file);

/* A sentence about columns that are ignored, or NULL. Set once the file is open. */
const char *qtl_record_file_warning(const struct qtl_record_file *file);

/* How far it is, for progress: bytes read, and in all (0 where that is unknown: a pipe). */
uint64_t qtl_record_file_bytes_done(const struct qtl_record_file *file);
uint64_t qtl_record_file_bytes_all(const struct qtl_record_file *file);

#endif
