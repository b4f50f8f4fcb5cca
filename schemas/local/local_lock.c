/*
 * Locks of the local log; see local_lock.h. The file's text is "<process> <generation>", for the
 * sentence and the token only: the lock itself is the kernel's.
 */
#include "schemas/local/local_lock.h"

#include "schemas/local/local_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define LOCK_TEXT_MAX 64

enum qtl_status qtl_local_lock_open(const struct qtl_local_layout *layout, enum qtl_local_kind kind,
                                    int *fd, struct qtl_error *error)
{
    const struct qtl_local_name name = qtl_local_layout_lock(kind);
    *fd = openat(layout->folder_fd, name.text, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    return *fd >= 0 ? QTL_OK : qtl_local_file_failed(error, "opening", name.text);
}

static enum qtl_status read_text(int fd, long *process, uint64_t *generation,
                                 struct qtl_error *error)
{
    char text[LOCK_TEXT_MAX] = {0};
    size_t length = sizeof(text) - 1;
    const enum qtl_status status = qtl_local_file_read(fd, "the lock", text, &length, 0, error);
    if (status != QTL_OK || sscanf(text, "%ld %" SCNu64, process, generation) != 2) {
        *process = 0;
        *generation = 0;
    }
    return status;
}

enum qtl_status qtl_local_lock_take(const struct qtl_local_layout *layout, int fd,
                                    uint64_t *generation, struct qtl_error *error)
{
    long process;
    const int taken = flock(fd, LOCK_EX | LOCK_NB);
    const int reason = errno;
    enum qtl_status status = read_text(fd, &process, generation, error);
    if (taken != 0 && reason == EWOULDBLOCK) {
        return qtl_error_set(
            error, QTL_LOST,
            "%s: process %ld runs on this log already: stop it first, or use another "
            "folder",
            layout->path, process);
    }
    if (taken != 0) {
        return qtl_local_file_failed(error, "taking the lock", layout->path);
    }
    if (status != QTL_OK) {
        return status;
    }
    *generation += 1;
    char text[LOCK_TEXT_MAX] = {0};
    snprintf(text, sizeof(text), "%ld %" PRIu64 "\n", (long)getpid(), *generation);
    return qtl_local_file_write(fd, "the lock", text, sizeof(text), 0, error);
}

enum qtl_status qtl_local_lock_wait(int fd, struct qtl_error *error)
{
    while (flock(fd, LOCK_EX) != 0) {
        if (errno != EINTR) {
            return qtl_local_file_failed(error, "taking", "the lock");
        }
    }
    return QTL_OK;
}

void qtl_local_lock_release(int fd)
{
    (void)flock(fd, LOCK_UN);
}

enum qtl_status qtl_local_lock_share(const struct qtl_local_layout *layout,
                                     enum qtl_local_kind kind, int *fd, struct qtl_error *error)
{
    const struct qtl_local_name name = qtl_local_layout_lock(kind);
    *fd = openat(layout->folder_fd, name.text, O_RDONLY | O_CLOEXEC);
    if (*fd < 0) {
        return qtl_local_file_failed(error, "opening", name.text);
    }
    if (flock(*fd, LOCK_SH | LOCK_NB) == 0) {
        return QTL_OK;
    }
    const bool taken = errno == EWOULDBLOCK;
    const enum qtl_status status =
        taken ? QTL_FULL : qtl_local_file_failed(error, "sharing", name.text);
    close(*fd);
    *fd = -1;
    return status;
}

enum qtl_status qtl_local_lock_generation(const struct qtl_local_layout *layout,
                                          uint64_t *generation, struct qtl_error *error)
{
    *generation = 0;
    const struct qtl_local_name name = qtl_local_layout_lock(QTL_LOCAL_ENGINE);
    const int fd = openat(layout->folder_fd, name.text, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return errno == ENOENT ? QTL_OK : qtl_local_file_failed(error, "opening", name.text);
    }
    long process;
    const enum qtl_status status = read_text(fd, &process, generation, error);
    close(fd);
    return status;
}
