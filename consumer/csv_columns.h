/*
 * What a CSV file's header says: which column is which canonical field (DESIGN 2). Columns bear the
 * fields' names, in any case; `attr.NAME` is an attribute of a customer; others are ignored.
 *
 * Threads: immutable once read; belongs to its file.
 */
#ifndef QTL_CONSUMER_CSV_COLUMNS_H
#define QTL_CONSUMER_CSV_COLUMNS_H

#include "consumer/csv.h"
#include "consumer/field.h"
#include "schemas/status.h"

#include <stdbool.h>
#include <stddef.h>

struct qtl_csv_columns;

/* Reads the header of a file of that stream. BAD_CONF with a sentence where a required column is
 * missing or one stands twice. `path` is for sentences. */
QTL_CHECKED enum qtl_status qtl_csv_columns_new(const struct qtl_csv_row *header,
                                                enum qtl_stream stream, const char *path,
                                                struct qtl_csv_columns **columns,
                                                struct qtl_error *error);
void qtl_csv_columns_free(struct qtl_csv_columns *columns); /* NULL is fine */

/* A sentence about the columns that are ignored, or NULL. Owned by `columns`. */
const char *qtl_csv_columns_warning(const struct qtl_csv_columns *columns);

/* A row's cells as canonical fields; false where it has not as many cells as the header. Texts are
 * borrowed from the row. */
bool qtl_csv_columns_fill(const struct qtl_csv_columns *columns, const struct qtl_csv_row *row,
                          struct qtl_fields *fields);

/* A row as one JSON object with canonical names, as `append` puts it into the log: numbers stay
 * digit for digit, ids and words become strings. The row must fit the columns. Borrowed until the
 * next call. */
struct qtl_text qtl_csv_columns_json(struct qtl_csv_columns *columns,
                                     const struct qtl_csv_row *row);

#endif
