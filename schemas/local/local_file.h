/*
 * Whole reads, whole writes and syncs of the local log's files, each with the sentence that a
 * failure needs. `name` is the path for that sentence.
 */
#ifndef QTL_SCHEMAS_LOCAL_LOCAL_FILE_H
#define QTL_SCHEMAS_LOCAL_LOCAL_FILE_H

#include "schemas/status.h"

#include <stddef.h>
#include <stdint.h>

/* All bytes at that offset, or IO. @thread any */
QTL_CHECKED enum qtl_status qtl_local_file_write(int fd, const char *name, const void *bytes,
                                                 size_t length, uint64_t offset,
                                                 struct qtl_error *error);
/* The *length bytes from that offset; *length becomes less only at the end of the file. @thread any
 */
QTL_CHECKED enum qtl_status qtl_local_file_read(int fd, const char *name, void *bytes,
                                                size_t *length, uint64_t offset,
                                                struct qtl_error *error);
/* The file's bytes and length are on the disk, or IO: never to be tried again on this file, because
 * the kernel forgets what it could not write. @thread any */
QTL_CHECKED enum qtl_status qtl_local_file_sync(int fd, const char *name, struct qtl_error *error);
/* Opens a folder, syncs it (so that files made in it stay) and closes it. @thread any */
QTL_CHECKED enum qtl_status qtl_local_file_sync_folder(int at_fd, const char *name,
                                                       struct qtl_error *error);
/* The file's size. @thread any */
QTL_CHECKED enum qtl_status qtl_local_file_size(int fd, const char *name, uint64_t *size,
                                                struct qtl_error *error);
/* Says what failed with the world's own reason (errno), and returns IO. @thread any */
enum qtl_status qtl_local_file_failed(struct qtl_error *error, const char *doing, const char *name);

#endif
