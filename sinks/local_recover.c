/*
 * Recovery of segment files; see local_recover.h. The commit log is the truth; a file that has more
 * than it says lost its writer on the way, one that has less lost data. Sizes are compared for
 * every segment; checksums only in the newest ones, where a crash can have been, because a start
 * must not read the whole history. Readers check every frame they hand out.
 */
#include "sinks/local_recover.h"

#include "schemas/assert.h"
#include "schemas/local/local_file.h"
#include "schemas/local/local_frame.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define VERIFY_BYTES ((size_t)1 << 20)

static bool is_committed(const struct qtl_local_partition *row, int64_t first_offset)
{
    return row->segment_count > 0 &&
           row->segments[qtl_local_table_find(row, first_offset)].first_offset == first_offset;
}

/* Removes the segments that no commit names. */
static enum qtl_status remove_uncommitted(const struct qtl_local_layout *layout,
                                          const struct qtl_local_partition *row,
                                          const struct qtl_local_name *name,
                                          struct qtl_error *error)
{
    const int fd = openat(layout->folder_fd, name->text, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT) {
        return QTL_OK; /* no segment yet; or segments are missing, which check_segments() says */
    }
    DIR *const folder = fd < 0 ? NULL : fdopendir(fd);
    if (folder == NULL) {
        const enum qtl_status status = qtl_local_file_failed(error, "opening", name->text);
        if (fd >= 0) {
            close(fd);
        }
        return status;
    }
    enum qtl_status status = QTL_OK;
    for (const struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        char *end;
        const int64_t first_offset = strtoll(entry->d_name, &end, 10);
        if (end != entry->d_name && strcmp(end, ".log") == 0 && !is_committed(row, first_offset) &&
            unlinkat(dirfd(folder), entry->d_name, 0) != 0) {
            status = qtl_local_file_failed(error, "removing an uncommitted segment", name->text);
        }
    }
    closedir(folder);
    return status;
}

static enum qtl_status check_segment(const struct qtl_local_layout *layout,
                                     const struct qtl_local_name *name, uint64_t bytes,
                                     struct qtl_error *error)
{
    struct stat facts;
    const bool found = fstatat(layout->folder_fd, name->text, &facts, 0) == 0;
    if (!found && errno != ENOENT) {
        return qtl_local_file_failed(error, "looking at", name->text);
    }
    const uint64_t size = found ? (uint64_t)facts.st_size : 0;
    if (size < bytes) {
        return qtl_error_set(error, QTL_CORRUPT,
                             "%s/%s: %" PRIu64 " bytes are committed, the file has %" PRIu64
                             ": it is damaged; restore the folder from a copy",
                             layout->path, name->text, bytes, size);
    }
    if (size == bytes) {
        return QTL_OK;
    }
    const int fd = openat(layout->folder_fd, name->text, O_WRONLY | O_CLOEXEC);
    enum qtl_status status = QTL_OK;
    if (fd < 0 || ftruncate(fd, (off_t)bytes) != 0) {
        status = qtl_local_file_failed(error, "cutting off what is not committed", name->text);
    }
    if (fd >= 0) {
        close(fd);
    }
    return status;
}

enum qtl_status qtl_local_recover_partition(const struct qtl_local_layout *layout,
                                            const struct qtl_local_table *table,
                                            enum qtl_topic topic, int32_t partition,
                                            struct qtl_error *error)
{
    const struct qtl_local_partition *const row = qtl_local_table_row(table, topic, partition);
    const struct qtl_local_name folder = qtl_local_layout_partition(topic, partition);
    enum qtl_status status = remove_uncommitted(layout, row, &folder, error);
    for (uint32_t i = 0; status == QTL_OK && i < row->segment_count; i++) {
        const struct qtl_local_name name =
            qtl_local_layout_segment(topic, partition, row->segments[i].first_offset);
        status = check_segment(layout, &name, row->segments[i].bytes, error);
    }
    return status;
}

/* How many bytes of good frames there are; `next` says how many the one after them needs. CORRUPT
 * where that one is bad. */
static enum qtl_status count_frames(const char *bytes, size_t size, size_t *used, size_t *next)
{
    *used = 0;
    for (;;) {
        struct qtl_text payload;
        const enum qtl_status status =
            qtl_local_frame_get(bytes + *used, size - *used, &payload, next);
        if (status != QTL_OK) {
            return status;
        }
        *used += *next;
    }
}

/* Every frame of the open segment, up to its committed length. */
static enum qtl_status verify_frames(int fd, const char *name, uint64_t bytes,
                                     struct qtl_bytes *buffer, struct qtl_error *error)
{
    size_t wanted = VERIFY_BYTES;
    for (uint64_t at = 0; at < bytes;) {
        const size_t length = bytes - at < wanted ? (size_t)(bytes - at) : wanted;
        size_t count = length;
        qtl_bytes_reserve(buffer, length);
        const enum qtl_status status =
            qtl_local_file_read(fd, name, buffer->bytes, &count, at, error);
        if (status != QTL_OK) {
            return status;
        }
        size_t used;
        size_t next;
        const enum qtl_status frame = count_frames(buffer->bytes, count, &used, &next);
        at += used;
        wanted = next > VERIFY_BYTES ? next : VERIFY_BYTES;
        const bool stuck = used == 0 && (count < length || next > bytes - at);
        if (frame == QTL_CORRUPT || stuck) {
            return qtl_error_set(error, QTL_CORRUPT,
                                 "%s: byte %" PRIu64 ": a committed record fails its checksum: the "
                                 "file is damaged; restore the folder from a copy",
                                 name, at);
        }
    }
    return QTL_OK;
}

static enum qtl_status verify_newest(const struct qtl_local_layout *layout,
                                     const struct qtl_local_table *table, enum qtl_topic topic,
                                     int32_t partition, struct qtl_error *error)
{
    const struct qtl_local_partition *const row = qtl_local_table_row(table, topic, partition);
    if (row->segment_count == 0) {
        return QTL_OK;
    }
    const struct qtl_local_segment *const last = &row->segments[row->segment_count - 1];
    const struct qtl_local_name name =
        qtl_local_layout_segment(topic, partition, last->first_offset);
    const int fd = openat(layout->folder_fd, name.text, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return qtl_local_file_failed(error, "opening", name.text);
    }
    struct qtl_bytes buffer = {0};
    const enum qtl_status status = verify_frames(fd, name.text, last->bytes, &buffer, error);
    qtl_bytes_fini(&buffer);
    close(fd);
    return status;
}

enum qtl_status qtl_local_recover_all(const struct qtl_local_layout *layout,
                                      const struct qtl_local_table *table, enum qtl_local_kind kind,
                                      bool verify, struct qtl_error *error)
{
    QTL_ASSERT(table->partitions == layout->partitions);
    enum qtl_status status = QTL_OK;
    for (enum qtl_topic topic = 0; status == QTL_OK && topic < QTL_TOPICS; topic++) {
        const bool ours = qtl_local_log_kind(topic) == kind;
        for (int32_t i = 0; ours && status == QTL_OK && i < table->partitions; i++) {
            status = qtl_local_recover_partition(layout, table, topic, i, error);
            if (status == QTL_OK && verify) {
                status = verify_newest(layout, table, topic, i, error);
            }
        }
    }
    return status;
}
