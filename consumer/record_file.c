/*
 * Files of records; see record_file.h. One buffer holds the present record whole, because its bytes
 * are handed out as they stand: it is refilled from the file when a record is cut by its end, and
 * grows up to the longest record that is taken. A longer line is one malformed record: its
 * beginning is handed out, the rest is skipped up to the line's end.
 *
 * read(2) and not mmap: pipes are files too, and a file that shrinks while mapped kills the
 * process.
 */
#include "consumer/record_file.h"

#include "consumer/avro_file.h"
#include "consumer/csv.h"
#include "consumer/csv_columns.h"
#include "consumer/decode.h"
#include "consumer/field.h"
#include "consumer/fields_json.h"
#include "consumer/stream.h"
#include "scoring/base/assert.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUFFER_BYTES_MIN ((size_t)256 << 10)

struct qtl_record_file {
    char *path; /* owned, for sentences */
    int fd;
    enum qtl_record_format format;
    struct qtl_decoder *decoder;
    uint64_t bytes_all;
    uint64_t bytes_read;

    /* buffer[start, end) is read and not handed out yet. */
    char *buffer;
    size_t start;
    size_t end;
    size_t capacity;
    bool ended;    /* the file is */
    bool skipping; /* the rest of a line that is too long */
    uint64_t line; /* in which buffer[start] stands, from 1 */

    struct qtl_text raw;  /* of the last record */
    uint64_t record_line; /* where it begins */
    struct qtl_csv_row row;
    struct qtl_csv_columns *columns; /* NULL: NDJSON, or no header yet */
    bool row_fits;                   /* the last record is a row that fits the columns */

    /* Avro; NULL for the others. */
    struct qtl_avro_file *avro;
    struct qtl_avro_program *program;
    struct qtl_avro_scratch scratch;
    struct qtl_fields fields; /* of the last record */
    struct qtl_bytes json;    /* the same, if asked for */
};

/* Reads more behind what is there; moves and grows the buffer where it must. */
static enum qtl_status refill(struct qtl_record_file *file, struct qtl_error *error)
{
    QTL_ASSERT(!file->ended);
    if (file->start > 0) {
        memmove(file->buffer, file->buffer + file->start, file->end - file->start);
        file->end -= file->start;
        file->start = 0;
    }
    if (file->end == file->capacity) {
        file->capacity *= 2;
        file->buffer = realloc(file->buffer, file->capacity);
        QTL_ASSERT(file->buffer != NULL);
    }
    ssize_t count = 0;
    do {
        count = read(file->fd, file->buffer + file->end, file->capacity - file->end);
    } while (count < 0 && errno == EINTR);
    if (count < 0) {
        return qtl_error_set(error, QTL_IO, "%s: cannot be read: %s", file->path, strerror(errno));
    }
    file->end += (size_t)count;
    file->bytes_read += (uint64_t)count;
    file->ended = count == 0;
    return QTL_OK;
}

/* Lets go of bytes that are handed out, and counts their lines. */
static void consume(struct qtl_record_file *file, size_t bytes)
{
    QTL_ASSERT(bytes <= file->end - file->start);
    const char *at = file->buffer + file->start;
    const char *const end = at + bytes;
    while (at < end && (at = memchr(at, '\n', (size_t)(end - at))) != NULL) {
        file->line++;
        at++;
    }
    file->start += bytes;
}

static enum qtl_status skip_line(struct qtl_record_file *file, struct qtl_error *error)
{
    while (file->skipping) {
        const size_t left = file->end - file->start;
        const char *const from = file->buffer + file->start;
        const char *const end = left > 0 ? memchr(from, '\n', left) : NULL;
        consume(file, end != NULL ? (size_t)(end - from) + 1 : left);
        if (end != NULL || file->ended) {
            file->skipping = false;
            return QTL_OK;
        }
        const enum qtl_status status = refill(file, error);
        if (status != QTL_OK) {
            return status;
        }
    }
    return QTL_OK;
}

/* Sees to it that something waits; END where nothing will. */
static enum qtl_status await_bytes(struct qtl_record_file *file, struct qtl_error *error)
{
    enum qtl_status status = skip_line(file, error);
    while (status == QTL_OK && file->start == file->end) {
        status = file->ended ? QTL_END : refill(file, error);
    }
    return status;
}

static struct qtl_text without_line_end(const char *bytes, size_t length)
{
    length -= length > 0 && bytes[length - 1] == '\n' ? 1 : 0;
    length -= length > 0 && bytes[length - 1] == '\r' ? 1 : 0;
    return (struct qtl_text){bytes, (uint32_t)length};
}

/* Hands out the first `bytes` as the record. */
static void hand_out(struct qtl_record_file *file, size_t bytes)
{
    file->raw = without_line_end(file->buffer + file->start, bytes);
    file->record_line = file->line;
    consume(file, bytes);
}

/* The next line; MALFORMED where it is too long. */
static enum qtl_status next_line(struct qtl_record_file *file, struct qtl_error *error)
{
    enum qtl_status status = await_bytes(file, error);
    size_t searched = 0;
    while (status == QTL_OK) {
        const char *const from = file->buffer + file->start;
        const size_t left = file->end - file->start;
        const char *const end = memchr(from + searched, '\n', left - searched);
        if (end != NULL || file->ended) {
            hand_out(file, end != NULL ? (size_t)(end - from) + 1 : left);
            return QTL_OK;
        }
        if (left > QTL_RECORD_BYTES_MAX) {
            hand_out(file, QTL_RECORD_BYTES_MAX);
            file->skipping = true;
            return QTL_MALFORMED;
        }
        searched = left;
        status = refill(file, error);
    }
    return status;
}

/* The next row of a CSV file; MALFORMED where it is none. */
static enum qtl_status next_row(struct qtl_record_file *file, struct qtl_error *error)
{
    enum qtl_status status = await_bytes(file, error);
    while (status == QTL_OK) {
        const struct qtl_text bytes = {file->buffer + file->start,
                                       (uint32_t)(file->end - file->start)};
        status = qtl_csv_row_parse(&file->row, bytes, file->ended);
        const bool cut = status == QTL_EMPTY || (status == QTL_MALFORMED && file->row.bytes == 0);
        if (!cut) {
            hand_out(file, file->row.bytes);
            return status;
        }
        if (bytes.length > QTL_CSV_ROW_BYTES_MAX) {
            hand_out(file, QTL_CSV_ROW_BYTES_MAX);
            file->skipping = true;
            return QTL_MALFORMED;
        }
        status = refill(file, error);
    }
    return status;
}

static enum qtl_status next_csv_record(struct qtl_record_file *file, struct qtl_file_record *record,
                                       struct qtl_error *error)
{
    enum qtl_status status = QTL_OK;
    do {
        status = next_row(file, error);
    } while (status == QTL_OK && file->row.count == 0);
    if (status != QTL_OK && status != QTL_MALFORMED) {
        return status;
    }
    struct qtl_fields fields;
    file->row_fits = status == QTL_OK && qtl_csv_columns_fill(file->columns, &file->row, &fields);
    record->reason = QTL_REASON_MALFORMED;
    if (file->row_fits) {
        record->reason = qtl_decode_fields(file->decoder, &fields, QTL_TIME_ABSENT, &record->event);
    }
    return QTL_OK;
}

static enum qtl_status next_json_record(struct qtl_record_file *file,
                                        struct qtl_file_record *record, struct qtl_error *error)
{
    enum qtl_status status = QTL_OK;
    do {
        status = next_line(file, error);
    } while (status == QTL_OK && file->raw.length == 0);
    if (status != QTL_OK && status != QTL_MALFORMED) {
        return status;
    }
    record->reason = QTL_REASON_MALFORMED;
    if (status == QTL_OK) {
        const struct qtl_log_record bytes = {
            .timestamp_ms = QTL_TIME_ABSENT, .value = file->raw, .has_value = true};
        record->reason = qtl_decode_json(file->decoder, &bytes, &record->event);
    }
    return QTL_OK;
}

static enum qtl_status next_avro_record(struct qtl_record_file *file,
                                        struct qtl_file_record *record, struct qtl_error *error)
{
    const enum qtl_status status = qtl_avro_file_next(file->avro, file->program, &file->scratch,
                                                      &file->fields, &file->raw, error);
    if (status == QTL_OK) {
        record->reason =
            qtl_decode_fields(file->decoder, &file->fields, QTL_TIME_ABSENT, &record->event);
        file->record_line++;
    }
    return status;
}

enum qtl_status qtl_record_file_next(struct qtl_record_file *file, struct qtl_file_record *record,
                                     struct qtl_error *error)
{
    *record = (struct qtl_file_record){0};
    file->row_fits = false;
    enum qtl_status status = QTL_OK;
    if (file->avro != NULL) {
        status = next_avro_record(file, record, error);
    } else if (file->format == QTL_RECORD_CSV) {
        status = next_csv_record(file, record, error);
    } else {
        status = next_json_record(file, record, error);
    }
    record->raw = file->raw;
    record->line = file->record_line;
    return status;
}

bool qtl_record_file_is_canonical(const struct qtl_record_file *file)
{
    return file->format != QTL_RECORD_NDJSON;
}

bool qtl_record_file_is_idle(struct qtl_record_file *file)
{
    if (file->avro != NULL) {
        return qtl_avro_file_is_idle(file->avro);
    }
    while (!file->ended && file->end - file->start <= QTL_RECORD_BYTES_MAX &&
           memchr(file->buffer + file->start, '\n', file->end - file->start) == NULL) {
        struct pollfd source = {.fd = file->fd, .events = POLLIN};
        if (poll(&source, 1, 0) == 0) {
            return true;
        }
        if (refill(file, NULL) != QTL_OK) {
            return false;
        }
    }
    return false;
}

struct qtl_text qtl_record_file_json(struct qtl_record_file *file)
{
    if (file->avro != NULL) {
        file->json.length = 0;
        qtl_fields_json_write(&file->fields, qtl_decoder_stream(file->decoder), &file->json);
        return (struct qtl_text){file->json.bytes, (uint32_t)file->json.length};
    }
    return file->row_fits ? qtl_csv_columns_json(file->columns, &file->row) : file->raw;
}

const char *qtl_record_file_warning(const struct qtl_record_file *file)
{
    return file->columns != NULL ? qtl_csv_columns_warning(file->columns) : NULL;
}

uint64_t qtl_record_file_bytes_done(const struct qtl_record_file *file)
{
    return file->avro != NULL ? qtl_avro_file_bytes_done(file->avro)
                              : file->bytes_read - (file->end - file->start);
}

uint64_t qtl_record_file_bytes_all(const struct qtl_record_file *file)
{
    return file->bytes_all;
}

static bool ends_with(const char *path, const char *ending)
{
    const size_t length = strlen(path);
    const size_t ending_length = strlen(ending);
    return length > ending_length && strcmp(path + length - ending_length, ending) == 0;
}

static enum qtl_status find_format(const char *path, enum qtl_record_format *format,
                                   struct qtl_error *error)
{
    if (*format != QTL_RECORD_BY_NAME) {
        return QTL_OK;
    }
    if (ends_with(path, ".csv")) {
        *format = QTL_RECORD_CSV;
    } else if (ends_with(path, ".ndjson") || ends_with(path, ".jsonl") ||
               ends_with(path, ".json")) {
        *format = QTL_RECORD_NDJSON;
    } else if (ends_with(path, ".avro")) {
        *format = QTL_RECORD_AVRO;
    } else {
        return qtl_error_set(
            error, QTL_BAD_CONF,
            "%s: the name does not say the format: it should end in .csv, .ndjson, "
            ".jsonl, .json or .avro, or the format be given",
            strcmp(path, "-") == 0 ? "standard input" : path);
    }
    return QTL_OK;
}

bool qtl_record_file_format(const char *name, enum qtl_record_format *format)
{
    static const char *const names[] = {
        [QTL_RECORD_CSV] = "csv", [QTL_RECORD_NDJSON] = "ndjson", [QTL_RECORD_AVRO] = "avro"};
    for (size_t i = QTL_RECORD_CSV; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(name, names[i]) == 0) {
            *format = (enum qtl_record_format)i;
            return true;
        }
    }
    return false;
}

/* The header, and a program for the schema in it. */
static enum qtl_status open_avro(struct qtl_record_file *file, struct qtl_error *error)
{
    const enum qtl_status status = qtl_avro_file_open(file->fd, file->path, &file->avro, error);
    if (status != QTL_OK) {
        return status;
    }
    const enum qtl_stream stream = qtl_decoder_stream(file->decoder);
    file->program = qtl_decoder_compile(file->decoder, qtl_avro_file_schema(file->avro));
    if (file->program == NULL) {
        return qtl_error_set(error, QTL_BAD_CONF,
                             "%s: too many ways lead through its schema to the fields of %s; "
                             "expected shorter paths in streams.%s.fields",
                             file->path, qtl_stream_name(stream), qtl_stream_name(stream));
    }
    const int lacking = qtl_avro_program_lacks(file->program, stream);
    if (lacking >= 0) {
        const char *const field = qtl_field_name((enum qtl_field)lacking);
        return qtl_error_set(error, QTL_BAD_CONF,
                             "%s: the records of its schema have no %s where it is looked for; "
                             "expected the path to it in streams.%s.fields.%s",
                             file->path, field, qtl_stream_name(stream), field);
    }
    return QTL_OK;
}

/* Byte order mark, header. */
static enum qtl_status read_beginning(struct qtl_record_file *file, struct qtl_error *error)
{
    enum qtl_status status = QTL_OK;
    while (status == QTL_OK && !file->ended && file->end < 3) {
        status = refill(file, error);
    }
    if (status != QTL_OK) {
        return status;
    }
    if (file->end >= 3 && memcmp(file->buffer, "\xef\xbb\xbf", 3) == 0) {
        consume(file, 3);
    }
    if (file->format != QTL_RECORD_CSV) {
        return QTL_OK;
    }
    status = next_row(file, error);
    if (status == QTL_IO) {
        return status;
    }
    if (status != QTL_OK || file->row.count == 0) {
        return qtl_error_set(error, QTL_BAD_CONF,
                             "%s:1: the first row must name the columns, with commas between",
                             file->path);
    }
    return qtl_csv_columns_new(&file->row, qtl_decoder_stream(file->decoder), file->path,
                               &file->columns, error);
}

enum qtl_status qtl_record_file_open(const char *path, enum qtl_record_format format,
                                     struct qtl_decoder *decoder, struct qtl_record_file **file,
                                     struct qtl_error *error)
{
    enum qtl_status status = find_format(path, &format, error);
    if (status != QTL_OK) {
        return status;
    }
    const bool standard_input = strcmp(path, "-") == 0;
    const int fd = standard_input ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return qtl_error_set(error, QTL_IO, "%s: cannot be opened: %s", path, strerror(errno));
    }
    struct qtl_record_file *made = calloc(1, sizeof(*made));
    QTL_ASSERT(made != NULL);
    made->path = strdup(standard_input ? "standard input" : path);
    made->buffer = malloc(BUFFER_BYTES_MIN);
    QTL_ASSERT(made->path != NULL && made->buffer != NULL);
    made->capacity = BUFFER_BYTES_MIN;
    made->fd = fd;
    made->format = format;
    made->decoder = decoder;
    made->line = 1;
    qtl_csv_row_init(&made->row);
    struct stat about;
    if (fstat(fd, &about) == 0 && S_ISREG(about.st_mode)) {
        made->bytes_all = (uint64_t)about.st_size;
    }
    status = format == QTL_RECORD_AVRO ? open_avro(made, error) : read_beginning(made, error);
    if (status != QTL_OK) {
        qtl_record_file_close(made);
        return status;
    }
    *file = made;
    return QTL_OK;
}

void qtl_record_file_close(struct qtl_record_file *file)
{
    if (file == NULL) {
        return;
    }
    if (file->fd != STDIN_FILENO) {
        close(file->fd);
    }
    qtl_avro_program_free(file->program);
    qtl_avro_file_close(file->avro);
    qtl_bytes_fini(&file->json);
    qtl_csv_columns_free(file->columns);
    qtl_csv_row_fini(&file->row);
    free(file->buffer);
    free(file->path);
    free(file);
}
