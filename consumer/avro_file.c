/*
 * See avro_file.h. One buffer holds the present block as it stands in the file, another the block
 * expanded. Both grow with the bytes that are really there.
 *
 * A record that the schema does not explain, a block that its records do not fill, a wrong marker
 * or checksum: all that is damage of the block, and the end. To search for the next marker and go
 * on, as others do, would leave out orders in silence; what is behind it may be good, but the user
 * has to know.
 */
#include "consumer/avro_file.h"

#include "consumer/avro_codec.h"
#include "consumer/avro_schema.h"
#include "schemas/bytes.h"
#include "scoring/base/assert.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAGIC "Obj\x01"
enum { MAGIC_BYTES = 4, SYNC_BYTES = 16, LONG_BYTES = 10 };
enum { META_BYTES_MAX = 4 << 20, META_KEYS_MAX = 1024, READ_BYTES = 256 << 10 };

struct qtl_avro_file {
    int fd;
    const char *path; /* borrowed, for sentences */
    struct qtl_avro_schema *schema;
    struct qtl_avro_codec *codec;
    char sync[SYNC_BYTES];

    /* buffer.bytes[start, buffer.length) is read and not used yet. */
    struct qtl_bytes buffer;
    size_t start;
    uint64_t offset; /* in the file, of `start` */
    bool ended;

    /* The present block. */
    struct qtl_bytes block; /* expanded */
    size_t position;
    int64_t records_left;
    uint64_t block_offset;
};

/* What is read and not used yet. */
static struct qtl_bytes_cursor waiting(const struct qtl_avro_file *file)
{
    return (struct qtl_bytes_cursor){.at = file->buffer.bytes + file->start,
                                     .end = file->buffer.bytes + file->buffer.length};
}

static void consume(struct qtl_avro_file *file, size_t bytes)
{
    QTL_ASSERT(bytes <= file->buffer.length - file->start);
    file->start += bytes;
    file->offset += bytes;
}

/* Reads on until `bytes` wait, or the file ends. */
static enum qtl_status await(struct qtl_avro_file *file, size_t bytes, struct qtl_error *error)
{
    struct qtl_bytes *const buffer = &file->buffer;
    while (!file->ended && buffer->length - file->start < bytes) {
        if (file->start > 0) {
            memmove(buffer->bytes, buffer->bytes + file->start, buffer->length - file->start);
            buffer->length -= file->start;
            file->start = 0;
        }
        qtl_bytes_reserve(buffer, READ_BYTES);
        const ssize_t count = read(file->fd, buffer->bytes + buffer->length, READ_BYTES);
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count < 0) {
            return qtl_error_set(error, QTL_IO, "%s: cannot be read: %s", file->path,
                                 strerror(errno));
        }
        buffer->length += (size_t)count;
        file->ended = count == 0;
    }
    return QTL_OK;
}

static enum qtl_status refuse(const struct qtl_avro_file *file, struct qtl_error *error)
{
    return qtl_error_set(error, QTL_BAD_CONF,
                         "%s: no Avro file (its header is not whole); expected an object container "
                         "file, which begins with `Obj`",
                         file->path);
}

static bool equals(struct qtl_text text, const char *word)
{
    return qtl_text_compare(text, qtl_text_of(word)) == 0;
}

/* The header's map. False: it is not whole or no header; `bad` stays false where more bytes may
 * help. */
static bool take_meta(struct qtl_bytes_cursor *cursor, struct qtl_text *schema,
                      struct qtl_text *codec)
{
    uint32_t keys = 0;
    for (;;) {
        int64_t count = qtl_bytes_take_long(cursor);
        if (cursor->bad || count == 0) {
            return !cursor->bad;
        }
        if (count < 0) {
            count = count == INT64_MIN ? INT64_MAX : -count;
            (void)qtl_bytes_take_within(cursor, 0, META_BYTES_MAX);
        }
        for (; count > 0 && !cursor->bad && keys <= META_KEYS_MAX; count--) {
            const struct qtl_text key = qtl_bytes_take_text(cursor, 0, META_BYTES_MAX);
            const struct qtl_text value = qtl_bytes_take_text(cursor, 0, META_BYTES_MAX);
            *schema = equals(key, "avro.schema") ? value : *schema;
            *codec = equals(key, "avro.codec") ? value : *codec;
            keys++;
        }
        if (keys > META_KEYS_MAX) {
            return false;
        }
    }
}

static enum qtl_status use_meta(struct qtl_avro_file *file, struct qtl_text schema,
                                struct qtl_text codec, struct qtl_error *error)
{
    char name[256];
    if (schema.length == 0) {
        return refuse(file, error);
    }
    file->codec = qtl_avro_codec_new(codec);
    if (file->codec == NULL) {
        return qtl_error_set(error, QTL_BAD_CONF,
                             "%s: its codec is `%.*s`; expected null, deflate, snappy or "
                             "zstandard: write it anew with one of these",
                             file->path, (int)(codec.length < 40 ? codec.length : 40), codec.bytes);
    }
    snprintf(name, sizeof(name), "%.200s: the schema in its header", file->path);
    return qtl_avro_schema_parse(schema, name, &file->schema, error);
}

/* Reads more until the header is whole: its length stands nowhere. */
static enum qtl_status read_header(struct qtl_avro_file *file, struct qtl_error *error)
{
    enum qtl_status status = await(file, MAGIC_BYTES, error);
    if (status != QTL_OK) {
        return status;
    }
    struct qtl_bytes_cursor cursor = waiting(file);
    if (cursor.end - cursor.at < MAGIC_BYTES || memcmp(cursor.at, MAGIC, MAGIC_BYTES) != 0) {
        return refuse(file, error);
    }
    struct qtl_text schema = {0};
    struct qtl_text codec = {0};
    for (size_t bytes = 4096;; bytes *= 2) {
        status = await(file, bytes, error);
        if (status != QTL_OK) {
            return status;
        }
        cursor = waiting(file);
        cursor.at += MAGIC_BYTES;
        schema = (struct qtl_text){0};
        codec = qtl_text_of("null");
        if (take_meta(&cursor, &schema, &codec) && cursor.end - cursor.at >= SYNC_BYTES) {
            break;
        }
        if (file->ended || bytes > META_BYTES_MAX) {
            return refuse(file, error);
        }
    }
    memcpy(file->sync, cursor.at, SYNC_BYTES);
    status = use_meta(file, schema, codec, error);
    consume(file, (size_t)(cursor.at + SYNC_BYTES - (file->buffer.bytes + file->start)));
    return status;
}

enum qtl_status qtl_avro_file_open(int fd, const char *path, struct qtl_avro_file **file,
                                   struct qtl_error *error)
{
    struct qtl_avro_file *const made = calloc(1, sizeof(*made));
    QTL_ASSERT(made != NULL);
    made->fd = fd;
    made->path = path;
    const enum qtl_status status = read_header(made, error);
    if (status != QTL_OK) {
        qtl_avro_file_close(made);
        return status;
    }
    *file = made;
    return QTL_OK;
}

void qtl_avro_file_close(struct qtl_avro_file *file)
{
    if (file != NULL) {
        qtl_avro_schema_free(file->schema);
        qtl_avro_codec_free(file->codec);
        qtl_bytes_fini(&file->buffer);
        qtl_bytes_fini(&file->block);
        free(file);
    }
}

const struct qtl_avro_schema *qtl_avro_file_schema(const struct qtl_avro_file *file)
{
    return file->schema;
}

static enum qtl_status damaged(const struct qtl_avro_file *file, const char *what,
                               struct qtl_error *error)
{
    return qtl_error_set(error, QTL_CORRUPT,
                         "%s: the block at byte %" PRIu64 " is damaged (%s); nothing behind it is "
                         "read: fetch the file anew from where it came",
                         file->path, file->block_offset, what);
}

/* Count and size of the next block; END at the end of the file. */
static enum qtl_status read_counts(struct qtl_avro_file *file, int64_t *count, int64_t *bytes,
                                   struct qtl_error *error)
{
    const enum qtl_status status = await(file, 2 * LONG_BYTES, error);
    if (status != QTL_OK) {
        return status;
    }
    file->block_offset = file->offset;
    struct qtl_bytes_cursor cursor = waiting(file);
    if (cursor.at == cursor.end) {
        return QTL_END;
    }
    const char *const from = cursor.at;
    *count = qtl_bytes_take_long(&cursor);
    *bytes = qtl_bytes_take_long(&cursor);
    if (cursor.bad || *count < 0 || *bytes < 0 || *bytes > QTL_AVRO_FILE_BLOCK_BYTES_MAX) {
        return damaged(file, "its counts make no sense", error);
    }
    consume(file, (size_t)(cursor.at - from));
    return QTL_OK;
}

static enum qtl_status read_block(struct qtl_avro_file *file, struct qtl_error *error)
{
    int64_t count = 0;
    int64_t bytes = 0;
    enum qtl_status status = read_counts(file, &count, &bytes, error);
    if (status == QTL_OK) {
        status = await(file, (size_t)bytes + SYNC_BYTES, error);
    }
    if (status != QTL_OK) {
        return status;
    }
    const struct qtl_bytes_cursor cursor = waiting(file);
    if (cursor.end - cursor.at < bytes + SYNC_BYTES) {
        return damaged(file, "the file ends in it", error);
    }
    if (memcmp(cursor.at + bytes, file->sync, SYNC_BYTES) != 0) {
        return damaged(file, "its sync marker is not the file's", error);
    }
    const struct qtl_text packed = {cursor.at, (uint32_t)bytes};
    if (!qtl_avro_codec_expand(file->codec, packed, QTL_AVRO_FILE_BLOCK_BYTES_MAX, &file->block)) {
        return damaged(file, "it cannot be expanded", error);
    }
    if ((uint64_t)count > file->block.length + QTL_AVRO_EMPTY_ELEMENTS_MAX) {
        return damaged(file, "it has more records than bytes", error);
    }
    consume(file, (size_t)bytes + SYNC_BYTES);
    file->position = 0;
    file->records_left = count;
    return QTL_OK;
}

/* Sees to it that a record is there. */
static enum qtl_status await_record(struct qtl_avro_file *file, struct qtl_error *error)
{
    while (file->records_left == 0) {
        if (file->position < file->block.length) {
            return damaged(file, "its records do not fill it", error);
        }
        const enum qtl_status status = read_block(file, error);
        if (status != QTL_OK) {
            return status;
        }
    }
    return QTL_OK;
}

enum qtl_status qtl_avro_file_next(struct qtl_avro_file *file,
                                   const struct qtl_avro_program *program,
                                   struct qtl_avro_scratch *scratch, struct qtl_fields *fields,
                                   struct qtl_text *raw, struct qtl_error *error)
{
    const enum qtl_status status = await_record(file, error);
    if (status != QTL_OK) {
        return status;
    }
    const struct qtl_text rest = {file->block.bytes + file->position,
                                  (uint32_t)(file->block.length - file->position)};
    uint32_t used = 0;
    if (!qtl_avro_program_run(program, rest, scratch, fields, &used)) {
        return damaged(file, "a record is not what the schema says", error);
    }
    *raw = (struct qtl_text){rest.bytes, used};
    file->position += used;
    file->records_left--;
    return QTL_OK;
}

bool qtl_avro_file_is_idle(const struct qtl_avro_file *file)
{
    struct pollfd source = {.fd = file->fd, .events = POLLIN};
    return file->records_left == 0 && !file->ended && file->buffer.length == file->start &&
           poll(&source, 1, 0) == 0;
}

uint64_t qtl_avro_file_bytes_done(const struct qtl_avro_file *file)
{
    return file->offset;
}
