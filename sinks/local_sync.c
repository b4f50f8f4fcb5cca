/*
 * Concurrent fdatasync; see local_sync.h. The kernel's own asynchronous I/O does it
 * (IOCB_CMD_FDSYNC, since Linux 4.18): no threads, no library, four system calls. Where a sandbox
 * forbids it or the file system does not know it, plain fdatasync does the same, later.
 *
 * Every event is collected before anything returns: the caller may close the files then.
 */
#define _GNU_SOURCE
#include "sinks/local_sync.h"

#include "schemas/assert.h"
#include "schemas/local/local_file.h"

#include <errno.h>
#include <linux/aio_abi.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { AT_ONCE = 64 };

void qtl_local_sync_fini(struct qtl_local_sync *sync)
{
    if (sync->is_open) {
        (void)syscall(SYS_io_destroy, sync->context);
    }
    *sync = (struct qtl_local_sync){0};
}

static bool is_ready(struct qtl_local_sync *sync)
{
    if (!sync->is_open && !sync->is_absent) {
        aio_context_t context = 0;
        sync->is_open = syscall(SYS_io_setup, AT_ONCE, &context) == 0;
        sync->is_absent = !sync->is_open;
        sync->context = context;
    }
    return sync->is_open;
}

static enum qtl_status sync_in_turn(const struct qtl_local_sync_file *files, size_t count,
                                    struct qtl_error *error)
{
    enum qtl_status status = QTL_OK;
    for (size_t i = 0; status == QTL_OK && i < count; i++) {
        status = qtl_local_file_sync(files[i].fd, files[i].name, error);
    }
    return status;
}

/* Hands the syncs to the kernel; returns how many it took. */
static size_t submit(const struct qtl_local_sync *sync, const struct qtl_local_sync_file *files,
                     size_t count)
{
    struct iocb requests[AT_ONCE] = {0};
    struct iocb *list[AT_ONCE];
    for (size_t i = 0; i < count; i++) {
        requests[i].aio_data = i;
        requests[i].aio_fildes = (uint32_t)files[i].fd;
        requests[i].aio_lio_opcode = IOCB_CMD_FDSYNC;
        list[i] = &requests[i];
    }
    const long taken = syscall(SYS_io_submit, sync->context, (long)count, list);
    return taken > 0 ? (size_t)taken : 0;
}

static enum qtl_status collect(const struct qtl_local_sync *sync,
                               const struct qtl_local_sync_file *files, size_t count,
                               struct qtl_error *error)
{
    enum qtl_status status = QTL_OK;
    for (size_t done = 0; done < count;) {
        struct io_event events[AT_ONCE];
        const long got =
            syscall(SYS_io_getevents, sync->context, 1L, (long)(count - done), events, NULL);
        QTL_ASSERT(got > 0 || (got < 0 && errno == EINTR));
        for (long i = 0; i < got; i++) {
            QTL_ASSERT(events[i].data < count);
            if (events[i].res != 0) {
                errno = (int)-events[i].res;
                status =
                    qtl_local_file_failed(error, "syncing to the disk", files[events[i].data].name);
            }
        }
        done += got > 0 ? (size_t)got : 0;
    }
    return status;
}

enum qtl_status qtl_local_sync_files(struct qtl_local_sync *sync,
                                     const struct qtl_local_sync_file *files, size_t count,
                                     struct qtl_error *error)
{
    if (count < 2 || !is_ready(sync)) {
        return sync_in_turn(files, count, error);
    }
    enum qtl_status status = QTL_OK;
    for (size_t at = 0; status == QTL_OK && at < count;) {
        const size_t some = count - at < AT_ONCE ? count - at : AT_ONCE;
        const size_t taken = submit(sync, files + at, some);
        status = collect(sync, files + at, taken, error);
        if (status == QTL_OK && taken < some) {
            status = sync_in_turn(files + at + taken, some - taken, error);
        }
        at += some;
    }
    return status;
}
