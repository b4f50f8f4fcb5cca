/*
 * Columns of CSV files; see csv_columns.h. A row fills the same slots as a JSON document does, so
 * that one piece of code (decode.c) decides about both.
 *
 * The JSON of a row is written here and not with sinks/json_write.h: input never includes output,
 * and a dozen lines cost less than a shared library for both.
 */
#include "consumer/csv_columns.h"

#include "consumer/stream.h"
#include "consumer/value.h"
#include "schemas/assert.h"
#include "schemas/bytes.h"
#include "scoring/suggestion.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COLUMN_IGNORED (-1)
#define COLUMN_ATTRIBUTE (-2)
#define ATTRIBUTE_PREFIX "attr."
#define WARNING_BYTES 256

struct qtl_csv_columns {
    enum qtl_stream stream;
    int16_t fields[QTL_CSV_CELLS_MAX];   /* enum qtl_field, or one of the above */
    char *attributes[QTL_CSV_CELLS_MAX]; /* owned: NAME of attr.NAME */
    uint32_t count;
    char warning[WARNING_BYTES];
    struct qtl_bytes json;
};

/* Adds text to the warning, cut at its end. */
__attribute__((format(printf, 2, 3))) static void warn(struct qtl_csv_columns *columns,
                                                       const char *format, ...)
{
    const size_t length = strlen(columns->warning);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(columns->warning + length, WARNING_BYTES - length, format, arguments);
    va_end(arguments);
    /* The file's bytes go to a terminal. */
    for (char *at = columns->warning + length; *at != '\0'; at++) {
        *at = (unsigned char)*at < 0x20 || *at == 0x7f ? '?' : *at;
    }
}

/* The field that a header cell names, in any case. */
static int field_named(enum qtl_stream stream, struct qtl_text cell)
{
    char lower[32];
    if (cell.length >= sizeof(lower)) {
        return -1;
    }
    for (uint32_t i = 0; i < cell.length; i++) {
        const char byte = cell.bytes[i];
        lower[i] = byte >= 'A' && byte <= 'Z' ? (char)(byte | 0x20) : byte;
    }
    return qtl_field_find(stream, (struct qtl_text){lower, cell.length});
}

static enum qtl_status read_column(struct qtl_csv_columns *columns, struct qtl_text cell,
                                   const char *path, struct qtl_error *error)
{
    const uint32_t number = columns->count++;
    const size_t prefix = strlen(ATTRIBUTE_PREFIX);
    cell = qtl_value_trim(cell);
    columns->fields[number] = COLUMN_IGNORED;
    if (columns->stream == QTL_STREAM_CUSTOMERS && cell.length > prefix &&
        memcmp(cell.bytes, ATTRIBUTE_PREFIX, prefix) == 0 && qtl_value_is_utf8(cell) &&
        memchr(cell.bytes, '\0', cell.length) == NULL) {
        columns->fields[number] = COLUMN_ATTRIBUTE;
        columns->attributes[number] = strndup(cell.bytes + prefix, cell.length - prefix);
        QTL_ASSERT(columns->attributes[number] != NULL);
        return QTL_OK;
    }
    const int field = field_named(columns->stream, cell);
    if (field < 0 || field == QTL_FIELD_ATTRIBUTES) {
        warn(columns, "%s%.*s", columns->warning[0] == '\0' ? "columns ignored: " : ", ",
             (int)cell.length, cell.bytes);
        return QTL_OK;
    }
    for (uint32_t i = 0; i < number; i++) {
        if (columns->fields[i] == field) {
            return qtl_error_set(error, QTL_BAD_CONF, "%s:1: column %s stands twice", path,
                                 qtl_field_name((enum qtl_field)field));
        }
    }
    columns->fields[number] = (int16_t)field;
    return QTL_OK;
}

static bool has_column(const struct qtl_csv_columns *columns, enum qtl_field field)
{
    for (uint32_t i = 0; i < columns->count; i++) {
        if (columns->fields[i] == (int)field) {
            return true;
        }
    }
    return false;
}

/* The sentence about a column that is missing, with the one that may have been meant for it. */
static enum qtl_status report_missing(const struct qtl_csv_columns *columns,
                                      const struct qtl_csv_row *header, enum qtl_field field,
                                      const char *path, struct qtl_error *error)
{
    const char *const name = qtl_field_name(field);
    struct qtl_suggestion suggestion;
    qtl_suggestion_init(&suggestion, (struct qtl_text){name, (uint32_t)strlen(name)});
    for (uint32_t i = 0; i < columns->count; i++) {
        const struct qtl_text cell = qtl_value_trim(header->cells[i]);
        char column[QTL_SUGGESTION_NAME_MAX + 1];
        if (columns->fields[i] == COLUMN_IGNORED && cell.length < sizeof(column) &&
            qtl_value_is_utf8(cell)) {
            snprintf(column, sizeof(column), "%.*s", (int)cell.length, cell.bytes);
            qtl_suggestion_offer(&suggestion, column);
        }
    }
    return qtl_error_set(error, QTL_BAD_CONF,
                         "%s:1: no column %s%s; expected the columns of the %s stream, with commas "
                         "between%s%s",
                         path, name, qtl_suggestion_sentence(&suggestion),
                         qtl_stream_name(columns->stream), columns->warning[0] == '\0' ? "" : "; ",
                         columns->warning);
}

/* Without the column no row could be used. Orders may do without amounts where their kinds can be
 * `cancelled`. */
static enum qtl_status check_required(const struct qtl_csv_columns *columns,
                                      const struct qtl_csv_row *header, const char *path,
                                      struct qtl_error *error)
{
    for (int i = 0; i < QTL_FIELDS; i++) {
        const enum qtl_field field = (enum qtl_field)i;
        const bool amount = field == QTL_FIELD_AMOUNT && columns->stream == QTL_STREAM_ORDERS &&
                            !has_column(columns, QTL_FIELD_KIND);
        if ((amount || qtl_field_required(field, columns->stream)) && !has_column(columns, field)) {
            return report_missing(columns, header, field, path, error);
        }
    }
    return QTL_OK;
}

enum qtl_status qtl_csv_columns_new(const struct qtl_csv_row *header, enum qtl_stream stream,
                                    const char *path, struct qtl_csv_columns **columns,
                                    struct qtl_error *error)
{
    struct qtl_csv_columns *const made = calloc(1, sizeof(*made));
    QTL_ASSERT(made != NULL);
    made->stream = stream;
    enum qtl_status status = QTL_OK;
    for (uint32_t i = 0; i < header->count && status == QTL_OK; i++) {
        status = read_column(made, header->cells[i], path, error);
    }
    if (status == QTL_OK) {
        status = check_required(made, header, path, error);
    }
    if (status != QTL_OK) {
        qtl_csv_columns_free(made);
        return status;
    }
    *columns = made;
    return QTL_OK;
}

void qtl_csv_columns_free(struct qtl_csv_columns *columns)
{
    if (columns == NULL) {
        return;
    }
    for (uint32_t i = 0; i < columns->count; i++) {
        free(columns->attributes[i]);
    }
    qtl_bytes_fini(&columns->json);
    free(columns);
}

const char *qtl_csv_columns_warning(const struct qtl_csv_columns *columns)
{
    return columns->warning[0] == '\0' ? NULL : columns->warning;
}

bool qtl_csv_columns_fill(const struct qtl_csv_columns *columns, const struct qtl_csv_row *row,
                          struct qtl_fields *fields)
{
    memset(fields, 0, sizeof(*fields));
    fields->canonical = true;
    if (row->count != columns->count) {
        return false;
    }
    for (uint32_t i = 0; i < row->count; i++) {
        const struct qtl_text cell = row->cells[i];
        if (columns->fields[i] >= 0 && cell.length > 0) {
            fields->slots[columns->fields[i]] =
                (struct qtl_slot){.text = cell, .type = QTL_SLOT_STRING};
        } else if (columns->fields[i] == COLUMN_ATTRIBUTE && !qtl_value_is_utf8(cell)) {
            fields->slots[QTL_FIELD_ATTRIBUTES].type = QTL_SLOT_BROKEN;
        }
    }
    return true;
}

static void put_string(struct qtl_csv_columns *columns, const char *bytes, size_t length)
{
    qtl_bytes_put(&columns->json, "\"", 1);
    for (size_t i = 0; i < length; i++) {
        const unsigned char byte = (unsigned char)bytes[i];
        char escape[8];
        if (byte == '"' || byte == '\\') {
            escape[0] = '\\';
            escape[1] = (char)byte;
            qtl_bytes_put(&columns->json, escape, 2);
        } else if (byte < 0x20) {
            snprintf(escape, sizeof(escape), "\\u%04x", byte);
            qtl_bytes_put(&columns->json, escape, 6);
        } else {
            qtl_bytes_put(&columns->json, bytes + i, 1);
        }
    }
    qtl_bytes_put(&columns->json, "\"", 1);
}

/* `"name":`, with what separates it from what stands before. */
static void put_name(struct qtl_csv_columns *columns, const char *name)
{
    if (columns->json.bytes[columns->json.length - 1] != '{') {
        qtl_bytes_put(&columns->json, ",", 1);
    }
    put_string(columns, name, strlen(name));
    qtl_bytes_put(&columns->json, ":", 1);
}

/* Digits at *at; false where there are none. */
static bool skip_digits(struct qtl_text text, uint32_t *at)
{
    const uint32_t from = *at;
    while (*at < text.length && text.bytes[*at] >= '0' && text.bytes[*at] <= '9') {
        (*at)++;
    }
    return *at > from;
}

/* A number as JSON writes it, without an exponent: it may stand bare. */
static bool is_json_number(struct qtl_text text)
{
    uint32_t at = text.length > 0 && text.bytes[0] == '-' ? 1 : 0;
    const uint32_t whole = at;
    if (!skip_digits(text, &at) || (text.bytes[whole] == '0' && at > whole + 1)) {
        return false;
    }
    if (at < text.length && text.bytes[at] == '.') {
        at++;
        if (!skip_digits(text, &at)) {
            return false;
        }
    }
    return at == text.length;
}

static void put_field(struct qtl_csv_columns *columns, enum qtl_field field, struct qtl_text cell)
{
    const enum qtl_field_type type = qtl_field_type(field);
    const bool bare =
        (type == QTL_FIELD_TYPE_NUMBER || type == QTL_FIELD_TYPE_TIME) && is_json_number(cell);
    put_name(columns, qtl_field_name(field));
    if (bare) {
        qtl_bytes_put(&columns->json, cell.bytes, cell.length);
    } else {
        put_string(columns, cell.bytes, cell.length);
    }
}

static void put_attributes(struct qtl_csv_columns *columns, const struct qtl_csv_row *row)
{
    bool open = false;
    for (uint32_t i = 0; i < row->count; i++) {
        if (columns->fields[i] != COLUMN_ATTRIBUTE || row->cells[i].length == 0) {
            continue;
        }
        if (!open) {
            put_name(columns, qtl_field_name(QTL_FIELD_ATTRIBUTES));
            qtl_bytes_put(&columns->json, "{", 1);
            open = true;
        }
        put_name(columns, columns->attributes[i]);
        put_string(columns, row->cells[i].bytes, row->cells[i].length);
    }
    if (open) {
        qtl_bytes_put(&columns->json, "}", 1);
    }
}

struct qtl_text qtl_csv_columns_json(struct qtl_csv_columns *columns, const struct qtl_csv_row *row)
{
    QTL_ASSERT(row->count == columns->count);
    columns->json.length = 0;
    qtl_bytes_put(&columns->json, "{", 1);
    for (uint32_t i = 0; i < row->count; i++) {
        if (columns->fields[i] >= 0 && row->cells[i].length > 0) {
            put_field(columns, (enum qtl_field)columns->fields[i], row->cells[i]);
        }
    }
    put_attributes(columns, row);
    qtl_bytes_put(&columns->json, "}", 1);
    return (struct qtl_text){columns->json.bytes, (uint32_t)columns->json.length};
}
