/*
 * Segments being written; see local_output.h.
 *
 * A transaction costs one write and one sync a file. The bytes of a very large transaction go to
 * the file early; what is not committed is cut off again by whoever opens the segment next.
 */
#include "sinks/local_output.h"

#include "schemas/assert.h"
#include "schemas/local/local_file.h"
#include "schemas/local/local_frame.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <unistd.h>

#define WRITE_BYTES (8u << 20) /* gathered at most before they are written */

static enum qtl_status cut(struct qtl_local_output *output, const struct qtl_local_layout *layout,
                           struct qtl_error *error)
{
    uint64_t size;
    const enum qtl_status status = qtl_local_file_size(output->fd, output->name.text, &size, error);
    if (status != QTL_OK || size == output->bytes) {
        return status;
    }
    if (size < output->bytes) {
        return qtl_error_set(error, QTL_CORRUPT,
                             "%s/%s: %" PRIu64 " bytes are committed, the file has %" PRIu64
                             ": it is damaged; restore the folder from a copy",
                             layout->path, output->name.text, output->bytes, size);
    }
    if (ftruncate(output->fd, (off_t)output->bytes) != 0) {
        return qtl_local_file_failed(error, "cutting off what is not committed", output->name.text);
    }
    return QTL_OK;
}

enum qtl_status qtl_local_output_touch(struct qtl_local_output *output,
                                       const struct qtl_local_layout *layout,
                                       const struct qtl_local_partition *row,
                                       struct qtl_error *error)
{
    QTL_ASSERT(!output->touched);
    QTL_ASSERT(output->buffer.length == 0);
    output->touched = true;
    output->next_offset = row->next_offset;
    if (row->segment_count == 0) {
        /* Also where the folder is there: who made it may have died before syncing. */
        output->fresh_folder = true;
        return qtl_local_output_start(output, layout, error);
    }
    const struct qtl_local_segment *const last = &row->segments[row->segment_count - 1];
    if (output->fd < 0 || output->first_offset != last->first_offset) {
        qtl_local_output_close(output);
        output->touched = true;
        output->name =
            qtl_local_layout_segment(output->topic, output->partition, last->first_offset);
        output->fd = openat(layout->folder_fd, output->name.text, O_WRONLY | O_CLOEXEC);
        if (output->fd < 0) {
            return qtl_local_file_failed(error, "opening", output->name.text);
        }
        output->first_offset = last->first_offset;
    }
    output->bytes = last->bytes;
    return cut(output, layout, error);
}

enum qtl_status qtl_local_output_start(struct qtl_local_output *output,
                                       const struct qtl_local_layout *layout,
                                       struct qtl_error *error)
{
    QTL_ASSERT(output->touched);
    QTL_ASSERT(output->buffer.length == 0);
    qtl_local_output_close(output);
    output->touched = true;
    const struct qtl_local_name folder =
        qtl_local_layout_partition(output->topic, output->partition);
    if (mkdirat(layout->folder_fd, folder.text, 0755) != 0 && errno != EEXIST) {
        return qtl_local_file_failed(error, "making the folder", folder.text);
    }
    output->name = qtl_local_layout_segment(output->topic, output->partition, output->next_offset);
    output->fd = openat(layout->folder_fd, output->name.text,
                        O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (output->fd < 0) {
        return qtl_local_file_failed(error, "making", output->name.text);
    }
    output->fresh = true;
    output->first_offset = output->next_offset;
    output->bytes = 0;
    return QTL_OK;
}

enum qtl_status qtl_local_output_append(struct qtl_local_output *output,
                                        const struct qtl_log_append *record,
                                        struct qtl_error *error)
{
    QTL_ASSERT(output->touched);
    QTL_ASSERT(record->topic == output->topic && record->partition == output->partition);
    qtl_local_frame_put_record(&output->buffer, record,
                               (uint64_t)(output->next_offset - output->first_offset));
    output->next_offset++;
    return output->buffer.length < WRITE_BYTES ? QTL_OK : qtl_local_output_write(output, error);
}

enum qtl_status qtl_local_output_write(struct qtl_local_output *output, struct qtl_error *error)
{
    QTL_ASSERT(output->fd >= 0);
    struct qtl_bytes *const buffer = &output->buffer;
    const enum qtl_status status = qtl_local_file_write(
        output->fd, output->name.text, buffer->bytes, buffer->length, output->bytes, error);
    if (status == QTL_OK) {
        output->bytes += buffer->length;
        buffer->length = 0;
    }
    return status;
}

enum qtl_status qtl_local_output_sync_folders(struct qtl_local_output *output,
                                              const struct qtl_local_layout *layout,
                                              struct qtl_error *error)
{
    enum qtl_status status = QTL_OK;
    if (status == QTL_OK && output->fresh) {
        const struct qtl_local_name folder =
            qtl_local_layout_partition(output->topic, output->partition);
        status = qtl_local_file_sync_folder(layout->folder_fd, folder.text, error);
        output->fresh = status != QTL_OK;
    }
    if (status == QTL_OK && output->fresh_folder) {
        const struct qtl_local_name folder = qtl_local_layout_topic(output->topic);
        status = qtl_local_file_sync_folder(layout->folder_fd, folder.text, error);
        output->fresh_folder = status != QTL_OK;
    }
    return status;
}

struct qtl_local_length qtl_local_output_length(const struct qtl_local_output *output)
{
    QTL_ASSERT(output->buffer.length == 0);
    return (struct qtl_local_length){
        .topic = output->topic,
        .partition = output->partition,
        .first_offset = output->first_offset,
        .bytes = output->bytes,
        .next_offset = output->next_offset,
    };
}

uint64_t qtl_local_output_bytes(const struct qtl_local_output *output)
{
    return output->bytes + output->buffer.length;
}

void qtl_local_output_close(struct qtl_local_output *output)
{
    if (output->fd >= 0) {
        close(output->fd);
    }
    output->fd = -1;
    output->buffer.length = 0;
    output->touched = false;
}
