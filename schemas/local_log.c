/*
 * Making and describing a local log; see local_log.h. Everything is made and synced first and
 * log.json renamed into place last, under a lock on the folder itself: a crash on the way leaves a
 * folder without log.json, which the next attempt makes anew, and two processes cannot make two
 * logs in one.
 */
#include "schemas/local_log.h"

#include "schemas/assert.h"
#include "schemas/local/local_file.h"
#include "schemas/local/local_layout.h"
#include "schemas/local/local_table.h"
#include "schemas/topic.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum qtl_local_kind qtl_local_log_kind(enum qtl_topic topic)
{
    return qtl_topic_is_input(topic) ? QTL_LOCAL_INTAKE : QTL_LOCAL_ENGINE;
}

enum qtl_status qtl_local_log_partitions(const char *path, int32_t *partitions,
                                         struct qtl_error *error)
{
    struct qtl_local_layout layout;
    const enum qtl_status status = qtl_local_layout_open(&layout, path, 0, error);
    if (status == QTL_OK) {
        *partitions = layout.partitions;
        qtl_local_layout_close(&layout);
    }
    return status;
}

/* mkdir -p. */
static enum qtl_status make_path(const char *path, struct qtl_error *error)
{
    char *const copy = strdup(path);
    QTL_ASSERT(copy != NULL);
    enum qtl_status status = QTL_OK;
    for (char *at = copy; status == QTL_OK && *at != '\0'; at++) {
        char *const next = at + 1 + strcspn(at + 1, "/");
        const char kept = *next;
        *next = '\0';
        if (mkdir(copy, 0755) != 0 && errno != EEXIST) {
            status = qtl_local_file_failed(error, "making the folder", copy);
        }
        *next = kept;
        at = next - 1;
    }
    free(copy);
    return status;
}

static enum qtl_status make_folder(int folder_fd, const char *name, struct qtl_error *error)
{
    if (mkdirat(folder_fd, name, 0755) != 0 && errno != EEXIST) {
        return qtl_local_file_failed(error, "making the folder", name);
    }
    return QTL_OK;
}

/* A whole file with these bytes, durable. */
static enum qtl_status make_file(int folder_fd, const char *name, const void *bytes, size_t length,
                                 struct qtl_error *error)
{
    const int fd = openat(folder_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0) {
        return qtl_local_file_failed(error, "making", name);
    }
    enum qtl_status status = qtl_local_file_write(fd, name, bytes, length, 0, error);
    if (status == QTL_OK) {
        status = qtl_local_file_sync(fd, name, error);
    }
    close(fd);
    return status;
}

/* The first commit file and the mark of one kind of writer. */
static enum qtl_status make_commits(int folder_fd, int32_t partitions, enum qtl_local_kind kind,
                                    struct qtl_error *error)
{
    struct qtl_local_table table;
    struct qtl_bytes buffer = {0};
    qtl_local_table_init(&table, partitions);
    qtl_local_table_put_snapshot(&buffer, &table, kind, 0);
    enum qtl_status status = make_file(folder_fd, qtl_local_layout_commits(kind, 1).text,
                                       buffer.bytes, buffer.length, error);
    if (status == QTL_OK) {
        const uint64_t mark[2] = {0, UINT64_MAX};
        status = make_file(folder_fd, qtl_local_layout_mark(kind).text, mark, sizeof(mark), error);
    }
    qtl_bytes_fini(&buffer);
    qtl_local_table_fini(&table);
    return status;
}

static enum qtl_status make_tree(int folder_fd, int32_t partitions, struct qtl_error *error)
{
    enum qtl_status status = make_folder(folder_fd, QTL_LOCAL_TOPICS_FOLDER, error);
    for (enum qtl_topic topic = 0; status == QTL_OK && topic < QTL_TOPICS; topic++) {
        status = make_folder(folder_fd, qtl_local_layout_topic(topic).text, error);
    }
    if (status == QTL_OK) {
        status = qtl_local_file_sync_folder(folder_fd, QTL_LOCAL_TOPICS_FOLDER, error);
    }
    if (status == QTL_OK) {
        status = make_folder(folder_fd, QTL_LOCAL_COMMITS_FOLDER, error);
    }
    for (enum qtl_local_kind kind = 0; status == QTL_OK && kind < QTL_LOCAL_KINDS; kind++) {
        status = make_commits(folder_fd, partitions, kind, error);
        if (status == QTL_OK) {
            status = make_file(folder_fd, qtl_local_layout_lock(kind).text, NULL, 0, error);
        }
    }
    if (status == QTL_OK) {
        status = qtl_local_file_sync_folder(folder_fd, QTL_LOCAL_COMMITS_FOLDER, error);
    }
    return status;
}

static enum qtl_status make_log(int folder_fd, int32_t partitions, struct qtl_error *error)
{
    char text[64];
    const int length =
        snprintf(text, sizeof(text), "{\"format\":1,\"partitions\":%" PRId32 "}\n", partitions);
    enum qtl_status status = make_tree(folder_fd, partitions, error);
    if (status == QTL_OK) {
        status = make_file(folder_fd, "log.json.new", text, (size_t)length, error);
    }
    if (status == QTL_OK && renameat(folder_fd, "log.json.new", folder_fd, "log.json") != 0) {
        status = qtl_local_file_failed(error, "making", "log.json");
    }
    if (status == QTL_OK) {
        status = qtl_local_file_sync_folder(folder_fd, ".", error);
    }
    if (status == QTL_OK) {
        status = qtl_local_file_sync_folder(folder_fd, "..", error);
    }
    return status;
}

enum qtl_status qtl_local_log_create(const char *path, int32_t partitions, struct qtl_error *error)
{
    if (partitions < 0 || partitions > QTL_PARTITIONS_MAX) {
        return qtl_error_set(error, QTL_BAD_CONF, "%" PRId32 " partitions: 1 to %d are possible",
                             partitions, QTL_PARTITIONS_MAX);
    }
    enum qtl_status status = make_path(path, error);
    if (status != QTL_OK) {
        return status;
    }
    const int folder_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder_fd < 0 || flock(folder_fd, LOCK_EX) != 0) {
        status = qtl_local_file_failed(error, "opening", path);
    } else if (faccessat(folder_fd, "log.json", F_OK, 0) != 0) {
        status =
            make_log(folder_fd, partitions == 0 ? QTL_LOCAL_PARTITIONS_DEFAULT : partitions, error);
    }
    if (folder_fd >= 0) {
        close(folder_fd);
    }
    struct qtl_local_layout layout;
    if (status == QTL_OK) {
        status = qtl_local_layout_open(&layout, path, partitions, error);
    }
    if (status == QTL_OK) {
        qtl_local_layout_close(&layout);
    }
    return status;
}
