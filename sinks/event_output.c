/*
 * Two kinds of places behind one set of calls. Files gather in a buffer each and are written in
 * large pieces. The log gathers in a transaction, which is committed when it is large or when the
 * caller wants its events seen; between transactions others may append.
 */
#include "sinks/event_output.h"

#include "scoring/base/assert.h"
#include "scoring/base/hash.h"
#include "sinks/event_write.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define FILES 2 /* orders and engagement */
#define PIECE_BYTES (256 << 10)
#define TRANSACTION_RECORDS 16384
#define PATH_BYTES_MAX 4096

struct event_file {
    FILE *file;
    struct qtl_json_buffer buffer;
    char path[PATH_BYTES_MAX];
};

struct qtl_event_output {
    enum qtl_event_format format;
    struct event_file files[FILES]; /* by enum qtl_stream; without a log */
    struct qtl_log_writer *writer;  /* owned; NULL: files */
    uint32_t partitions;
    uint32_t pending; /* records of the open transaction */
    struct qtl_json_buffer buffer;
};

static struct qtl_event_output *new_output(void)
{
    struct qtl_event_output *const output = calloc(1, sizeof(*output));
    QTL_ASSERT(output != NULL);
    return output;
}

static enum qtl_status write_piece(struct event_file *file, struct qtl_error *error)
{
    const size_t length = file->buffer.length;
    file->buffer.length = 0;
    if (length > 0 && fwrite(file->buffer.bytes, 1, length, file->file) != length) {
        return qtl_error_set(error, QTL_IO, "%s: cannot write: %s", file->path, strerror(errno));
    }
    return QTL_OK;
}

static enum qtl_status open_file(struct qtl_event_output *output, const char *folder,
                                 enum qtl_stream stream, struct qtl_error *error)
{
    struct event_file *const file = &output->files[stream];
    const int length = snprintf(file->path, sizeof(file->path), "%s/%s.%s", folder,
                                stream == QTL_STREAM_ORDERS ? "orders" : "engagement",
                                output->format == QTL_EVENT_CSV ? "csv" : "ndjson");
    if (length < 0 || (size_t)length >= sizeof(file->path)) {
        return qtl_error_set(error, QTL_BAD_CONF, "%s: the path is too long", folder);
    }
    file->file = fopen(file->path, "wx");
    if (file->file == NULL && errno == EEXIST) {
        return qtl_error_set(error, QTL_BAD_CONF,
                             "%s is there already; remove it or choose another folder", file->path);
    }
    if (file->file == NULL) {
        return qtl_error_set(error, QTL_IO, "%s: cannot create: %s", file->path, strerror(errno));
    }
    if (output->format == QTL_EVENT_CSV) {
        qtl_event_write_csv_header(&file->buffer, stream);
    }
    return QTL_OK;
}

enum qtl_status qtl_event_output_open_files(const char *folder, enum qtl_event_format format,
                                            struct qtl_event_output **output,
                                            struct qtl_error *error)
{
    if (mkdir(folder, 0777) != 0 && errno != EEXIST) {
        return qtl_error_set(error, QTL_IO, "%s: cannot make the folder: %s", folder,
                             strerror(errno));
    }
    struct qtl_event_output *opened = new_output();
    opened->format = format;
    enum qtl_status status = open_file(opened, folder, QTL_STREAM_ORDERS, error);
    if (status == QTL_OK) {
        status = open_file(opened, folder, QTL_STREAM_ENGAGEMENT, error);
    }
    if (status != QTL_OK) {
        for (int i = 0; i < FILES; i++) {
            if (opened->files[i].file != NULL) {
                remove(opened->files[i].path); /* just made, and empty */
            }
        }
        (void)!qtl_event_output_close(&opened, NULL); /* the first failure is the one to tell */
        return status;
    }
    *output = opened;
    return QTL_OK;
}

struct qtl_event_output *qtl_event_output_new_log(struct qtl_log_writer **writer,
                                                  int32_t partitions)
{
    QTL_ASSERT(*writer != NULL && partitions > 0);
    struct qtl_event_output *const output = new_output();
    output->writer = *writer;
    output->partitions = (uint32_t)partitions;
    *writer = NULL;
    return output;
}

static enum qtl_status commit(struct qtl_event_output *output, struct qtl_error *error)
{
    if (output->pending == 0) {
        return QTL_OK;
    }
    output->pending = 0;
    return output->writer->ops->commit(output->writer, error);
}

static enum qtl_status append(struct qtl_event_output *output, const struct qtl_event *event,
                              struct qtl_error *error)
{
    enum qtl_status status = QTL_OK;
    if (output->pending == 0) {
        status = output->writer->ops->begin(output->writer, NULL, NULL, 0, error);
    }
    if (status != QTL_OK) {
        return status;
    }
    output->buffer.length = 0;
    qtl_event_write_json(&output->buffer, event);
    const struct qtl_log_append record = {
        .topic = (enum qtl_topic)event->stream, /* input topics stand in the order of streams */
        .partition = (int32_t)qtl_hash_partition(event->customer_hash, output->partitions),
        .timestamp_ms = event->occurred_at * 1000,
        .key = event->customer_id,
        .value = {output->buffer.bytes, (uint32_t)output->buffer.length},
        .has_key = true,
        .has_value = true,
    };
    status = output->writer->ops->append(output->writer, &record, error);
    output->pending++;
    if (status == QTL_OK && output->pending >= TRANSACTION_RECORDS) {
        status = commit(output, error);
    }
    return status;
}

enum qtl_status qtl_event_output_put(struct qtl_event_output *output, const struct qtl_event *event,
                                     struct qtl_error *error)
{
    QTL_ASSERT(event->stream < FILES);
    if (output->writer != NULL) {
        return append(output, event, error);
    }
    struct event_file *const file = &output->files[event->stream];
    if (output->format == QTL_EVENT_CSV) {
        qtl_event_write_csv(&file->buffer, event);
    } else {
        qtl_event_write_json(&file->buffer, event);
        qtl_json_raw(&file->buffer, "\n");
    }
    return file->buffer.length >= PIECE_BYTES ? write_piece(file, error) : QTL_OK;
}

enum qtl_status qtl_event_output_flush(struct qtl_event_output *output, struct qtl_error *error)
{
    if (output->writer != NULL) {
        return commit(output, error);
    }
    enum qtl_status status = QTL_OK;
    for (int i = 0; i < FILES && status == QTL_OK; i++) {
        struct event_file *const file = &output->files[i];
        if (file->file == NULL) {
            continue;
        }
        status = write_piece(file, error);
        if (status == QTL_OK && fflush(file->file) != 0) {
            status =
                qtl_error_set(error, QTL_IO, "%s: cannot write: %s", file->path, strerror(errno));
        }
    }
    return status;
}

enum qtl_status qtl_event_output_close(struct qtl_event_output **output, struct qtl_error *error)
{
    struct qtl_event_output *const closing = *output;
    *output = NULL;
    if (closing == NULL) {
        return QTL_OK;
    }
    enum qtl_status status = qtl_event_output_flush(closing, error);
    if (closing->writer != NULL) {
        closing->writer->ops->free(closing->writer);
    }
    for (int i = 0; i < FILES; i++) {
        struct event_file *const file = &closing->files[i];
        if (file->file != NULL && fclose(file->file) != 0 && status == QTL_OK) {
            status =
                qtl_error_set(error, QTL_IO, "%s: cannot write: %s", file->path, strerror(errno));
        }
        qtl_json_buffer_fini(&file->buffer);
    }
    qtl_json_buffer_fini(&closing->buffer);
    free(closing);
    return status;
}
