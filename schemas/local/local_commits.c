/*
 * Following, recovering, appending and rolling commit files; see local_commits.h.
 *
 * Torn or damaged? A record is synced before the next is written, so only the last can be torn by a
 * crash. A bad one is therefore damage if a good one stands behind it, or if the mark, which is
 * written after the sync, says that it was durable. Otherwise it is torn, nobody was ever told
 * of it, and it is cut off.
 *
 * Readers cannot see a half-made change: a frame with a wrong checksum at the end is "not yet".
 */
#include "schemas/local/local_commits.h"

#include "schemas/assert.h"
#include "schemas/local/local_file.h"
#include "schemas/local/local_frame.h"
#include "schemas/local/local_lock.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The number in "<kind>-<number>.log"; 0: another file. */
static uint64_t number_of(const char *file, enum qtl_local_kind kind)
{
    const char *const word = qtl_local_layout_kind(kind);
    const size_t length = strlen(word);
    if (strncmp(file, word, length) != 0 || file[length] != '-') {
        return 0;
    }
    char *end;
    const uint64_t number = strtoull(file + length + 1, &end, 10);
    return strcmp(end, ".log") == 0 ? number : 0;
}

static DIR *open_folder(const struct qtl_local_commits *commits, struct qtl_error *error)
{
    const int fd = openat(commits->layout->folder_fd, QTL_LOCAL_COMMITS_FOLDER,
                          O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *const folder = fd < 0 ? NULL : fdopendir(fd);
    if (folder == NULL) {
        (void)qtl_local_file_failed(error, "opening", QTL_LOCAL_COMMITS_FOLDER);
        if (fd >= 0) {
            close(fd);
        }
    }
    return folder;
}

static enum qtl_status find_newest(const struct qtl_local_commits *commits, uint64_t *newest,
                                   struct qtl_error *error)
{
    DIR *const folder = open_folder(commits, error);
    if (folder == NULL) {
        return QTL_IO;
    }
    *newest = 0;
    for (const struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        const uint64_t number = number_of(entry->d_name, commits->kind);
        *newest = number > *newest ? number : *newest;
    }
    closedir(folder);
    return QTL_OK;
}

/* Opens the newest file, unless it is the one that is open already. */
static enum qtl_status open_newest(struct qtl_local_commits *commits, struct qtl_error *error)
{
    for (;;) {
        uint64_t number;
        const enum qtl_status status = find_newest(commits, &number, error);
        if (status != QTL_OK) {
            return status;
        }
        if (number == 0) {
            return qtl_error_set(error, QTL_CORRUPT,
                                 "%s/" QTL_LOCAL_COMMITS_FOLDER
                                 ": there is no %s-<number>.log: the log "
                                 "is not whole; restore the folder from a copy",
                                 commits->layout->path, qtl_local_layout_kind(commits->kind));
        }
        if (number == commits->number) {
            return QTL_OK;
        }
        const struct qtl_local_name name = qtl_local_layout_commits(commits->kind, number);
        const int fd = openat(commits->layout->folder_fd, name.text,
                              (commits->writable ? O_RDWR : O_RDONLY) | O_CLOEXEC);
        if (fd < 0 && errno == ENOENT) {
            continue; /* the writer rolled between the two calls: look again */
        }
        if (fd < 0) {
            return qtl_local_file_failed(error, "opening", name.text);
        }
        if (commits->fd >= 0) {
            close(commits->fd);
        }
        commits->fd = fd;
        commits->number = number;
        commits->read_bytes = 0;
        commits->name = name;
        return QTL_OK;
    }
}

static enum qtl_status refuse(const struct qtl_local_commits *commits, const char *why,
                              struct qtl_error *error)
{
    return qtl_error_set(error, QTL_CORRUPT,
                         "%s/%s: byte %" PRIu64
                         ": %s: the file is damaged; restore the folder from a "
                         "copy",
                         commits->layout->path, commits->name.text, commits->read_bytes, why);
}

/* Takes one frame into the table. END: it is beyond `until`. */
static enum qtl_status take(struct qtl_local_commits *commits, struct qtl_text payload,
                            uint64_t until, struct qtl_error *error)
{
    enum qtl_local_commit_type type;
    uint64_t sequence;
    if (qtl_local_table_peek(payload, &type, &sequence) != QTL_OK) {
        return refuse(commits, "this is no commit record", error);
    }
    const bool first = commits->read_bytes == 0;
    if (first != (type == QTL_LOCAL_SNAPSHOT)) {
        return refuse(commits, "a snapshot stands first in each file and nowhere else", error);
    }
    if (sequence > until && !first) {
        return QTL_END;
    }
    if (first ? sequence < commits->sequence : sequence != commits->sequence + 1) {
        return refuse(commits, "a commit is missing before this one", error);
    }
    if (qtl_local_table_apply(commits->table, commits->kind, payload) != QTL_OK) {
        return refuse(commits, "the commit record contradicts those before it", error);
    }
    commits->sequence = sequence;
    return QTL_OK;
}

/* Takes in the records of the open file with sequences up to `until`, as far as they are whole. */
static enum qtl_status read_file(struct qtl_local_commits *commits, uint64_t until,
                                 struct qtl_error *error)
{
    uint64_t size;
    enum qtl_status status = qtl_local_file_size(commits->fd, commits->name.text, &size, error);
    if (status != QTL_OK || size <= commits->read_bytes) {
        return status;
    }
    struct qtl_bytes *const buffer = &commits->buffer;
    buffer->length = 0;
    qtl_bytes_reserve(buffer, size - commits->read_bytes);
    buffer->length = size - commits->read_bytes;
    status = qtl_local_file_read(commits->fd, commits->name.text, buffer->bytes, &buffer->length,
                                 commits->read_bytes, error);
    size_t at = 0;
    while (status == QTL_OK) {
        struct qtl_text payload;
        size_t frame_bytes;
        if (qtl_local_frame_get(buffer->bytes + at, buffer->length - at, &payload, &frame_bytes) !=
            QTL_OK) {
            break;
        }
        status = take(commits, payload, until, error);
        if (status == QTL_OK) {
            at += frame_bytes;
            commits->read_bytes += frame_bytes;
        }
    }
    return status == QTL_END ? QTL_OK : status;
}

/* Reads on until `until`, in newer files too. */
static enum qtl_status read_until(struct qtl_local_commits *commits, uint64_t until,
                                  struct qtl_error *error)
{
    enum qtl_status status = read_file(commits, until, error);
    while (status == QTL_OK && (commits->sequence < until || commits->read_bytes == 0)) {
        const uint64_t number = commits->number;
        status = open_newest(commits, error);
        if (status == QTL_OK && commits->number == number) {
            break; /* there is no newer file */
        }
        if (status == QTL_OK) {
            status = read_file(commits, until, error);
        }
    }
    return status;
}

static enum qtl_status expect_mark(const struct qtl_local_commits *commits, uint64_t mark,
                                   struct qtl_error *error)
{
    if (commits->read_bytes == 0) {
        return refuse(commits, "the snapshot that should stand first is not whole", error);
    }
    if (commits->sequence < mark) {
        return refuse(commits, "a commit that was made durable is not whole", error);
    }
    return QTL_OK;
}

/* A reader's first look: what the mark vouches for. */
static enum qtl_status read_marked(struct qtl_local_commits *commits, struct qtl_error *error)
{
    uint64_t mark;
    if (!qtl_local_mark_load(&commits->mark, &mark)) {
        mark = 0; /* it is being written, or was torn */
    }
    const enum qtl_status status = read_until(commits, mark, error);
    return status != QTL_OK ? status : expect_mark(commits, mark, error);
}

/* A reader's second look: what stands behind it. While somebody writes, that is a commit under way.
 * If nobody does, whole records there were durable before a power cut set the mark back, or their
 * writer died between sync and mark: they are made durable and count. */
static enum qtl_status read_unmarked(struct qtl_local_commits *commits, struct qtl_error *error)
{
    uint64_t size;
    enum qtl_status status = qtl_local_file_size(commits->fd, commits->name.text, &size, error);
    if (status != QTL_OK || size <= commits->read_bytes) {
        return status;
    }
    int lock_fd;
    status = qtl_local_lock_share(commits->layout, commits->kind, &lock_fd, error);
    if (status != QTL_OK) {
        return status == QTL_FULL ? QTL_OK : status;
    }
    status = read_until(commits, UINT64_MAX, error);
    if (status == QTL_OK) {
        status = qtl_local_file_sync(commits->fd, commits->name.text, error);
    }
    close(lock_fd);
    return status;
}

enum qtl_status qtl_local_commits_open(struct qtl_local_commits *commits,
                                       const struct qtl_local_layout *layout,
                                       struct qtl_local_table *table, enum qtl_local_kind kind,
                                       bool writable, struct qtl_error *error)
{
    QTL_ASSERT(table->partitions == layout->partitions);
    *commits = (struct qtl_local_commits){
        .layout = layout, .table = table, .kind = kind, .fd = -1, .writable = writable};
    enum qtl_status status = qtl_local_mark_open(&commits->mark, layout, kind, writable, error);
    if (status == QTL_OK) {
        status = open_newest(commits, error);
    }
    if (status == QTL_OK && !writable) {
        status = read_marked(commits, error);
    }
    if (status == QTL_OK && !writable) {
        status = read_unmarked(commits, error);
    }
    if (status != QTL_OK) {
        qtl_local_commits_close(commits);
    }
    return status;
}

void qtl_local_commits_close(struct qtl_local_commits *commits)
{
    qtl_local_mark_close(&commits->mark);
    qtl_bytes_fini(&commits->buffer);
    if (commits->fd >= 0) {
        close(commits->fd);
    }
    commits->fd = -1;
}

bool qtl_local_commits_news(const struct qtl_local_commits *commits)
{
    uint64_t mark;
    return qtl_local_mark_load(&commits->mark, &mark) && mark > commits->sequence;
}

enum qtl_status qtl_local_commits_follow(struct qtl_local_commits *commits, struct qtl_error *error)
{
    uint64_t mark;
    if (!qtl_local_mark_load(&commits->mark, &mark) || mark <= commits->sequence) {
        return QTL_OK;
    }
    const enum qtl_status status = read_until(commits, mark, error);
    return status != QTL_OK ? status : expect_mark(commits, mark, error);
}

/* Whether a good record of a later commit stands somewhere in these bytes. */
static bool has_later_commit(const struct qtl_local_commits *commits, const char *bytes,
                             size_t size)
{
    for (size_t at = 1; at + QTL_LOCAL_FRAME_HEADER < size; at++) {
        struct qtl_text payload;
        size_t frame_bytes;
        enum qtl_local_commit_type found;
        uint64_t sequence;
        if (qtl_local_frame_get(bytes + at, size - at, &payload, &frame_bytes) == QTL_OK &&
            qtl_local_table_peek(payload, &found, &sequence) == QTL_OK &&
            sequence > commits->sequence) {
            return true;
        }
    }
    return false;
}

/* Cuts off what stands behind the last whole record; CORRUPT where that is damage. */
static enum qtl_status cut_tail(struct qtl_local_commits *commits, struct qtl_error *error)
{
    uint64_t size;
    enum qtl_status status = qtl_local_file_size(commits->fd, commits->name.text, &size, error);
    if (status != QTL_OK || size == commits->read_bytes) {
        return status;
    }
    if (size < commits->read_bytes) {
        return refuse(commits, "the file has become shorter", error);
    }
    /* read_file() left what it could not take at the end of the buffer. */
    const struct qtl_bytes *const buffer = &commits->buffer;
    const size_t tail = size - commits->read_bytes;
    QTL_ASSERT(buffer->length >= tail);
    if (has_later_commit(commits, buffer->bytes + buffer->length - tail, tail)) {
        return refuse(commits, "a commit record is bad, and a good one stands behind it", error);
    }
    if (ftruncate(commits->fd, (off_t)commits->read_bytes) != 0) {
        status =
            qtl_local_file_failed(error, "cutting off a torn commit record", commits->name.text);
    }
    return status;
}

/* Removes older commit files, and new ones that a crash left half-written. */
static enum qtl_status remove_others(const struct qtl_local_commits *commits,
                                     struct qtl_error *error)
{
    DIR *const folder = open_folder(commits, error);
    if (folder == NULL) {
        return QTL_IO;
    }
    const struct qtl_local_name half = qtl_local_layout_commits(commits->kind, 0);
    for (const struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        const uint64_t number = number_of(entry->d_name, commits->kind);
        const bool is_half =
            strcmp(entry->d_name, half.text + strlen(QTL_LOCAL_COMMITS_FOLDER "/")) == 0;
        if (is_half || (number != 0 && number < commits->number)) {
            (void)unlinkat(dirfd(folder), entry->d_name, 0); /* a leftover costs only its room */
        }
    }
    closedir(folder);
    return QTL_OK;
}

enum qtl_status qtl_local_commits_recover(struct qtl_local_commits *commits,
                                          struct qtl_error *error)
{
    QTL_ASSERT(commits->writable);
    uint64_t mark = 0;
    const bool marked = qtl_local_mark_load(&commits->mark, &mark);
    const uint64_t before = commits->sequence;
    enum qtl_status status = read_until(commits, UINT64_MAX, error);
    if (status == QTL_OK) {
        status = expect_mark(commits, marked ? mark : 0, error);
    }
    if (status == QTL_OK) {
        status = cut_tail(commits, error);
    }
    if (status != QTL_OK || (marked && mark == commits->sequence && before != 0)) {
        return status; /* the usual turn: whoever had the lock before finished its work */
    }
    status = qtl_local_file_sync(commits->fd, commits->name.text, error);
    if (status == QTL_OK) {
        status = remove_others(commits, error);
    }
    if (status == QTL_OK) {
        status = qtl_local_mark_store(&commits->mark, commits->sequence, error);
    }
    return status;
}

enum qtl_status qtl_local_commits_append(struct qtl_local_commits *commits,
                                         const struct qtl_local_commit *commit,
                                         struct qtl_error *error)
{
    QTL_ASSERT(commits->writable);
    QTL_ASSERT(commit->sequence == commits->sequence + 1);
    struct qtl_bytes *const buffer = &commits->buffer;
    buffer->length = 0;
    qtl_local_table_put_change(buffer, commit);
    enum qtl_status status = qtl_local_file_write(commits->fd, commits->name.text, buffer->bytes,
                                                  buffer->length, commits->read_bytes, error);
    if (status == QTL_OK) {
        status = qtl_local_file_sync(commits->fd, commits->name.text, error);
    }
    if (status != QTL_OK) {
        /* Nobody was told of it. What the kernel keeps in memory must not pass for durable later;
         * where even this fails, the mark still says so. */
        const int cut = ftruncate(commits->fd, (off_t)commits->read_bytes);
        (void)cut;
        return status;
    }
    const struct qtl_text payload = {.bytes = buffer->bytes + QTL_LOCAL_FRAME_HEADER,
                                     .length = (uint32_t)(buffer->length - QTL_LOCAL_FRAME_HEADER)};
    status = qtl_local_table_apply(commits->table, commits->kind, payload);
    QTL_ASSERT(status == QTL_OK);
    commits->read_bytes += buffer->length;
    commits->sequence = commit->sequence;
    return qtl_local_mark_store(&commits->mark, commit->sequence, error);
}

static enum qtl_status write_snapshot(struct qtl_local_commits *commits, const char *name,
                                      struct qtl_error *error)
{
    const int fd =
        openat(commits->layout->folder_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0) {
        return qtl_local_file_failed(error, "making", name);
    }
    struct qtl_bytes *const buffer = &commits->buffer;
    buffer->length = 0;
    qtl_local_table_put_snapshot(buffer, commits->table, commits->kind, commits->sequence);
    enum qtl_status status =
        qtl_local_file_write(fd, name, buffer->bytes, buffer->length, 0, error);
    if (status == QTL_OK) {
        status = qtl_local_file_sync(fd, name, error);
    }
    close(fd);
    return status;
}

enum qtl_status qtl_local_commits_roll(struct qtl_local_commits *commits, struct qtl_error *error)
{
    QTL_ASSERT(commits->writable);
    const int folder_fd = commits->layout->folder_fd;
    const struct qtl_local_name half = qtl_local_layout_commits(commits->kind, 0);
    const struct qtl_local_name next = qtl_local_layout_commits(commits->kind, commits->number + 1);
    enum qtl_status status = write_snapshot(commits, half.text, error);
    if (status == QTL_OK && renameat(folder_fd, half.text, folder_fd, next.text) != 0) {
        status = qtl_local_file_failed(error, "renaming to", next.text);
    }
    if (status == QTL_OK) {
        status = qtl_local_file_sync_folder(folder_fd, QTL_LOCAL_COMMITS_FOLDER, error);
    }
    if (status == QTL_OK) {
        status = open_newest(commits, error);
    }
    if (status == QTL_OK) {
        status = read_file(commits, UINT64_MAX, error);
    }
    if (status == QTL_OK) {
        status = remove_others(commits, error);
    }
    return status;
}
