/*
 * One row of a CSV file, RFC 4180: cells between commas, quotes around those that hold commas,
 * quotes (doubled) or line ends; rows end with LF or CRLF.
 *
 * Threads: a row belongs to one thread; it holds scratch memory and is meant to be reused.
 */
#ifndef QTL_CONSUMER_CSV_H
#define QTL_CONSUMER_CSV_H

#include "schemas/status.h"
#include "schemas/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define QTL_CSV_CELLS_MAX 256
#define QTL_CSV_ROW_BYTES_MAX (256u << 10) /* a longer row is malformed */

struct qtl_csv_row {
    struct qtl_text
        cells[QTL_CSV_CELLS_MAX]; /* borrowed from the bytes parsed, or from `scratch` */
    uint32_t count;               /* 0: an empty line */
    uint32_t bytes;               /* the whole row, its line end included */
    char *scratch;                /* owned: cells whose quotes were undoubled */
    size_t scratch_length;
    size_t scratch_capacity;
};

void qtl_csv_row_init(struct qtl_csv_row *row);
void qtl_csv_row_fini(struct qtl_csv_row *row);

/* Parses the row that `bytes` begin with. OK: the row; its cells are borrowed from `bytes`. EMPTY:
 * the row does not end within them and `at_end` is not set: come again with more. MALFORMED: a
 * quote that does not close or is followed by other text, too many cells, or too long; row->bytes
 * is then the length of the first line alone (0 where that does not end either), so that one lone
 * quote does not swallow the rows behind it. */
QTL_CHECKED enum qtl_status qtl_csv_row_parse(struct qtl_csv_row *row, struct qtl_text bytes,
                                              bool at_end);

#endif
