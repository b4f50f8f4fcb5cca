/*
 * Files of the local log; see local_file.h. Everything is pread and pwrite on explicit offsets: no
 * file position is shared by anybody.
 */
#define _GNU_SOURCE /* strerror_r that returns the text */
#include "schemas/local/local_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum qtl_status qtl_local_file_failed(struct qtl_error *error, const char *doing, const char *name)
{
    const int reason = errno;
    char text[128];
    const char *const hint =
        reason == ENOSPC || reason == EDQUOT || reason == EFBIG
            ? "; nothing of this transaction was kept: make room and start again"
            : "";
    return qtl_error_set(error, QTL_IO, "%s: %s failed: %s%s", name, doing,
                         strerror_r(reason, text, sizeof(text)), hint);
}

enum qtl_status qtl_local_file_write(int fd, const char *name, const void *bytes, size_t length,
                                     uint64_t offset, struct qtl_error *error)
{
    const char *at = bytes;
    while (length > 0) {
        const ssize_t written = pwrite(fd, at, length, (off_t)offset);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written <= 0) {
            errno = written == 0 ? ENOSPC : errno;
            return qtl_local_file_failed(error, "writing", name);
        }
        at += written;
        length -= (size_t)written;
        offset += (uint64_t)written;
    }
    return QTL_OK;
}

enum qtl_status qtl_local_file_read(int fd, const char *name, void *bytes, size_t *length,
                                    uint64_t offset, struct qtl_error *error)
{
    char *const at = bytes;
    size_t count = 0;
    while (count < *length) {
        const ssize_t got = pread(fd, at + count, *length - count, (off_t)(offset + count));
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return qtl_local_file_failed(error, "reading", name);
        }
        if (got == 0) {
            break;
        }
        count += (size_t)got;
    }
    *length = count;
    return QTL_OK;
}

enum qtl_status qtl_local_file_sync(int fd, const char *name, struct qtl_error *error)
{
    if (fdatasync(fd) != 0) {
        return qtl_local_file_failed(error, "syncing to the disk", name);
    }
    return QTL_OK;
}

enum qtl_status qtl_local_file_sync_folder(int at_fd, const char *name, struct qtl_error *error)
{
    const int fd = openat(at_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return qtl_local_file_failed(error, "opening the folder", name);
    }
    enum qtl_status status = QTL_OK;
    if (fsync(fd) != 0) {
        status = qtl_local_file_failed(error, "syncing the folder to the disk", name);
    }
    close(fd);
    return status;
}

enum qtl_status qtl_local_file_size(int fd, const char *name, uint64_t *size,
                                    struct qtl_error *error)
{
    struct stat facts;
    if (fstat(fd, &facts) != 0) {
        return qtl_local_file_failed(error, "looking at the size", name);
    }
    *size = (uint64_t)facts.st_size;
    return QTL_OK;
}
