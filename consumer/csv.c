/*
 * The CSV reader; see csv.h. It works on memory, not on a stream: who calls keeps the row's bytes
 * anyway (a bad row goes to the dead letters as it stands), and a row that is cut by the end of the
 * buffer is simply parsed again. What RFC 4180 leaves open: a quote inside an unquoted cell is
 * text (`5" pipe`); blanks are text; anything but a comma or a line end behind a closing quote is
 * an error, because guessing there turns one lost quote into wrong amounts.
 */
#include "consumer/csv.h"

#include "scoring/base/assert.h"

#include <stdlib.h>
#include <string.h>

struct scan {
    const char *at;
    const char *end;
    bool at_end;
};

enum cell_end { CELL_COMMA, CELL_ROW_END, CELL_CUT, CELL_BAD };

void qtl_csv_row_init(struct qtl_csv_row *row)
{
    memset(row, 0, sizeof(*row));
}

void qtl_csv_row_fini(struct qtl_csv_row *row)
{
    free(row->scratch);
    memset(row, 0, sizeof(*row));
}

/* What stands behind a cell. */
static enum cell_end take_end(struct scan *scan)
{
    if (scan->at == scan->end) {
        return scan->at_end ? CELL_ROW_END : CELL_CUT;
    }
    if (*scan->at == '\r') {
        if (scan->at + 1 == scan->end && !scan->at_end) {
            return CELL_CUT;
        }
        if (scan->at + 1 < scan->end && scan->at[1] != '\n') {
            return CELL_BAD;
        }
        scan->at++;
    }
    if (scan->at < scan->end && *scan->at != ',' && *scan->at != '\n') {
        return CELL_BAD;
    }
    const bool comma = scan->at < scan->end && *scan->at == ',';
    scan->at += scan->at < scan->end ? 1 : 0;
    return comma ? CELL_COMMA : CELL_ROW_END;
}

static enum cell_end take_plain(struct scan *scan, struct qtl_text *cell)
{
    const char *const from = scan->at;
    while (scan->at < scan->end && *scan->at != ',' && *scan->at != '\n') {
        scan->at++;
    }
    if (scan->at == scan->end && !scan->at_end) {
        return CELL_CUT;
    }
    const bool comma = scan->at < scan->end && *scan->at == ',';
    const char *to = scan->at;
    if (!comma && to > from && to[-1] == '\r') {
        to--;
    }
    *cell = (struct qtl_text){from, (uint32_t)(to - from)};
    scan->at += scan->at < scan->end ? 1 : 0;
    return comma ? CELL_COMMA : CELL_ROW_END;
}

/* A cell's text with each doubled quote made one. */
static struct qtl_text undoubled(struct qtl_csv_row *row, const char *from, const char *to)
{
    char *const start = row->scratch + row->scratch_length;
    char *out = start;
    QTL_ASSERT(row->scratch_capacity - row->scratch_length >= (size_t)(to - from));
    for (const char *at = from; at < to; at++) {
        *out++ = *at;
        at += *at == '"' ? 1 : 0;
    }
    row->scratch_length += (size_t)(out - start);
    return (struct qtl_text){start, (uint32_t)(out - start)};
}

static enum cell_end take_quoted(struct qtl_csv_row *row, struct scan *scan, struct qtl_text *cell)
{
    const char *const from = ++scan->at;
    bool doubled = false;
    for (;;) {
        const char *const quote = memchr(scan->at, '"', (size_t)(scan->end - scan->at));
        if (quote == NULL || (quote + 1 == scan->end && !scan->at_end)) {
            return scan->at_end ? CELL_BAD : CELL_CUT;
        }
        scan->at = quote + 1;
        if (scan->at == scan->end || *scan->at != '"') {
            *cell = doubled ? undoubled(row, from, quote)
                            : (struct qtl_text){from, (uint32_t)(quote - from)};
            return take_end(scan);
        }
        doubled = true;
        scan->at++;
    }
}

/* Bytes up to the first line end, that included; 0 where there is none. */
static uint32_t first_line(struct qtl_text bytes, bool at_end)
{
    const char *const end = memchr(bytes.bytes, '\n', bytes.length);
    if (end != NULL) {
        return (uint32_t)(end - bytes.bytes) + 1;
    }
    return at_end ? bytes.length : 0;
}

static void reserve_scratch(struct qtl_csv_row *row, size_t bytes)
{
    row->scratch_length = 0;
    if (row->scratch_capacity < bytes) {
        free(row->scratch);
        row->scratch = malloc(bytes);
        QTL_ASSERT(row->scratch != NULL);
        row->scratch_capacity = bytes;
    }
}

enum qtl_status qtl_csv_row_parse(struct qtl_csv_row *row, struct qtl_text bytes, bool at_end)
{
    QTL_ASSERT(bytes.length > 0);
    const bool too_long = bytes.length > QTL_CSV_ROW_BYTES_MAX;
    const struct qtl_text seen = {bytes.bytes, too_long ? QTL_CSV_ROW_BYTES_MAX : bytes.length};
    struct scan scan = {seen.bytes, seen.bytes + seen.length, at_end && !too_long};
    reserve_scratch(row, seen.length);
    row->count = 0;
    enum cell_end cell_end = CELL_COMMA;
    while (cell_end == CELL_COMMA) {
        struct qtl_text cell = {NULL, 0};
        if (row->count == QTL_CSV_CELLS_MAX) {
            cell_end = CELL_BAD;
            break;
        }
        cell_end = scan.at < scan.end && *scan.at == '"' ? take_quoted(row, &scan, &cell)
                                                         : take_plain(&scan, &cell);
        row->cells[row->count++] = cell;
    }
    if (cell_end == CELL_CUT && !too_long) {
        return QTL_EMPTY;
    }
    if (cell_end == CELL_BAD || cell_end == CELL_CUT) {
        row->count = 0;
        row->bytes = first_line(bytes, at_end);
        return QTL_MALFORMED;
    }
    row->bytes = (uint32_t)(scan.at - seen.bytes);
    if (row->count == 1 && row->cells[0].length == 0 && *seen.bytes != '"') {
        row->count = 0;
    }
    return QTL_OK;
}
