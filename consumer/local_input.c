/*
 * Reading along one partition's segments; see local_input.h.
 *
 * Only bytes below the committed length are ever looked at. A frame that does not check out there
 * is damage, whatever the reason, and the same error comes again on every further call.
 *
 * A chunk is filled further while it has room, so that a live reader, who gets a few records at a
 * time, fills one chunk rather than taking one for each; a chunk whose records are still out is
 * held until release().
 */
#include "consumer/local_input.h"

#include "schemas/assert.h"
#include "schemas/local/local_file.h"
#include "schemas/local/local_frame.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

void qtl_local_input_init(struct qtl_local_input *input)
{
    *input = (struct qtl_local_input){.segment_first = -1, .fd = -1};
}

void qtl_local_input_close(struct qtl_local_input *input)
{
    if (input->fd >= 0) {
        close(input->fd);
    }
    input->fd = -1;
}

static void drop_chunk(struct qtl_local_input *input, struct qtl_local_memory *memory)
{
    if (input->chunk != NULL && input->lent == memory->releases) {
        qtl_local_memory_hold(memory, input->chunk);
    } else {
        qtl_local_memory_give(memory, input->chunk);
    }
    input->chunk = NULL;
    input->chunk_bytes = 0;
}

void qtl_local_input_fini(struct qtl_local_input *input, struct qtl_local_memory *memory)
{
    drop_chunk(input, memory);
    qtl_local_input_close(input);
}

void qtl_local_input_seek(struct qtl_local_input *input, struct qtl_local_memory *memory,
                          const struct qtl_local_partition *row, int64_t offset)
{
    QTL_ASSERT(offset >= 0 && offset <= row->next_offset);
    drop_chunk(input, memory);
    qtl_local_input_close(input);
    input->next_offset = offset;
    input->segment_first = -1;
    if (offset == row->next_offset && row->segment_count > 0) {
        const struct qtl_local_segment *const last = &row->segments[row->segment_count - 1];
        input->segment_first = last->first_offset;
        input->at = last->bytes;
    }
}

static enum qtl_status refuse(const struct qtl_local_input *input,
                              const struct qtl_local_source *source, const char *why,
                              struct qtl_error *error)
{
    const struct qtl_local_name name =
        qtl_local_layout_segment(source->topic, source->partition, input->segment_first);
    return qtl_error_set(error, QTL_CORRUPT,
                         "%s/%s: byte %" PRIu64 ", offset %" PRId64
                         ": %s: the file is damaged; restore the folder from a copy",
                         source->layout->path, name.text, input->at, input->next_offset, why);
}

/* Stands in the segment that has the next frame. EMPTY at the end of the last one. */
static enum qtl_status find_segment(struct qtl_local_input *input,
                                    const struct qtl_local_source *source,
                                    struct qtl_local_memory *memory, uint64_t *limit)
{
    const struct qtl_local_partition *const row = source->row;
    if (row->segment_count == 0) {
        return QTL_EMPTY;
    }
    if (input->segment_first < 0) {
        const uint32_t place = qtl_local_table_find(row, input->next_offset);
        input->segment_first = row->segments[place].first_offset;
        input->at = 0;
    }
    uint32_t place = qtl_local_table_find(row, input->segment_first);
    while (input->at >= row->segments[place].bytes) {
        if (++place == row->segment_count) {
            return QTL_EMPTY;
        }
        drop_chunk(input, memory);
        qtl_local_input_close(input);
        input->segment_first = row->segments[place].first_offset;
        input->at = 0;
    }
    *limit = row->segments[place].bytes;
    return QTL_OK;
}

/* Has the chunk hold `wanted` bytes from `at` on, and what else there is room for. */
static enum qtl_status fill(struct qtl_local_input *input, const struct qtl_local_source *source,
                            struct qtl_local_memory *memory, size_t wanted, uint64_t limit,
                            struct qtl_error *error)
{
    QTL_ASSERT(input->at + wanted <= limit);
    const struct qtl_local_name name =
        qtl_local_layout_segment(source->topic, source->partition, input->segment_first);
    if (input->fd < 0) {
        input->fd = openat(source->layout->folder_fd, name.text, O_RDONLY | O_CLOEXEC);
        if (input->fd < 0) {
            return qtl_local_file_failed(error, "opening", name.text);
        }
    }
    if (input->chunk == NULL || input->at - input->chunk_at + wanted > input->chunk->size) {
        drop_chunk(input, memory);
        input->chunk = qtl_local_memory_take(memory, wanted);
        input->chunk_at = input->at;
        input->lent = 0;
    }
    const uint64_t from = input->chunk_at + input->chunk_bytes;
    const size_t room = input->chunk->size - input->chunk_bytes;
    const size_t length = limit - from < room ? (size_t)(limit - from) : room;
    size_t count = length;
    const enum qtl_status status = qtl_local_file_read(
        input->fd, name.text, input->chunk->bytes + input->chunk_bytes, &count, from, error);
    if (status != QTL_OK) {
        return status;
    }
    if (count < length) {
        return refuse(input, source, "the file is shorter than what is committed", error);
    }
    input->chunk_bytes += count;
    return QTL_OK;
}

/* The whole frame at `at`, in memory. */
static enum qtl_status get_frame(struct qtl_local_input *input,
                                 const struct qtl_local_source *source,
                                 struct qtl_local_memory *memory, uint64_t limit,
                                 struct qtl_text *payload, struct qtl_error *error)
{
    for (;;) {
        const uint64_t behind = input->chunk == NULL ? 0 : input->at - input->chunk_at;
        const size_t have = input->chunk == NULL ? 0 : input->chunk_bytes - (size_t)behind;
        size_t frame_bytes = QTL_LOCAL_FRAME_HEADER;
        enum qtl_status status = QTL_EMPTY;
        if (have > 0) {
            status = qtl_local_frame_get(input->chunk->bytes + behind, have, payload, &frame_bytes);
        }
        if (status == QTL_OK) {
            return QTL_OK;
        }
        if (status == QTL_CORRUPT) {
            return refuse(input, source, "a committed record fails its checksum", error);
        }
        if (frame_bytes > limit - input->at) {
            return refuse(input, source, "a record goes beyond what is committed", error);
        }
        status = fill(input, source, memory, frame_bytes, limit, error);
        if (status != QTL_OK) {
            return status;
        }
    }
}

static enum qtl_status get_record(struct qtl_local_input *input,
                                  const struct qtl_local_source *source,
                                  struct qtl_local_memory *memory, struct qtl_text payload,
                                  struct qtl_log_record *record, struct qtl_error *error)
{
    struct qtl_bytes_cursor rest;
    enum qtl_status status =
        qtl_local_frame_get_record(payload, input->segment_first, record, &rest);
    if (status == QTL_OK && record->header_count > 0 && record->offset >= input->next_offset) {
        struct qtl_log_header *const headers =
            qtl_local_memory_headers(memory, record->header_count);
        status = qtl_local_frame_get_headers(&rest, headers, record->header_count);
        record->headers = headers;
    }
    if (status != QTL_OK || record->offset >= source->row->next_offset) {
        return refuse(input, source, "this is no record", error);
    }
    return QTL_OK;
}

enum qtl_status qtl_local_input_next(struct qtl_local_input *input,
                                     const struct qtl_local_source *source,
                                     struct qtl_local_memory *memory, struct qtl_log_record *record,
                                     struct qtl_error *error)
{
    while (input->next_offset < source->row->next_offset) {
        uint64_t limit;
        enum qtl_status status = find_segment(input, source, memory, &limit);
        if (status == QTL_EMPTY) {
            break;
        }
        struct qtl_text payload = {0};
        status = get_frame(input, source, memory, limit, &payload, error);
        if (status == QTL_OK) {
            status = get_record(input, source, memory, payload, record, error);
        }
        if (status != QTL_OK) {
            return status;
        }
        input->at += QTL_LOCAL_FRAME_HEADER + payload.length;
        if (record->offset >= input->next_offset) { /* else: before the one sought */
            input->next_offset = record->offset + 1;
            input->lent = memory->releases;
            return QTL_OK;
        }
    }
    input->next_offset = source->row->next_offset; /* a gap may stand last */
    return QTL_EMPTY;
}
