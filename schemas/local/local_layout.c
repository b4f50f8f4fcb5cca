/*
 * Names of the local log's files, and log.json; the tree is drawn in schemas/local_log.h.
 *
 * log.json is written last when a log is made, by rename: a folder with it is whole. It is read
 * back with the exact form in which we write it; nobody else has a reason to edit it.
 */
#define _GNU_SOURCE
#include "schemas/local/local_layout.h"

#include "schemas/assert.h"
#include "schemas/local/local_file.h"
#include "schemas/topic.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FORMAT 1

const char *qtl_local_layout_kind(enum qtl_local_kind kind)
{
    QTL_ASSERT(kind < QTL_LOCAL_KINDS);
    return kind == QTL_LOCAL_ENGINE ? "engine" : "intake";
}

struct qtl_local_name qtl_local_layout_topic(enum qtl_topic topic)
{
    struct qtl_local_name name;
    snprintf(name.text, sizeof(name.text), QTL_LOCAL_TOPICS_FOLDER "/%s", qtl_topic_name(topic));
    return name;
}

struct qtl_local_name qtl_local_layout_partition(enum qtl_topic topic, int32_t partition)
{
    struct qtl_local_name name;
    snprintf(name.text, sizeof(name.text), QTL_LOCAL_TOPICS_FOLDER "/%s/%" PRId32,
             qtl_topic_name(topic), partition);
    return name;
}

struct qtl_local_name qtl_local_layout_segment(enum qtl_topic topic, int32_t partition,
                                               int64_t first_offset)
{
    struct qtl_local_name name;
    snprintf(name.text, sizeof(name.text),
             QTL_LOCAL_TOPICS_FOLDER "/%s/%" PRId32 "/%020" PRId64 ".log", qtl_topic_name(topic),
             partition, first_offset);
    return name;
}

struct qtl_local_name qtl_local_layout_commits(enum qtl_local_kind kind, uint64_t number)
{
    struct qtl_local_name name;
    snprintf(name.text, sizeof(name.text), QTL_LOCAL_COMMITS_FOLDER "/%s-%" PRIu64 ".log",
             qtl_local_layout_kind(kind), number);
    return name;
}

struct qtl_local_name qtl_local_layout_mark(enum qtl_local_kind kind)
{
    struct qtl_local_name name;
    snprintf(name.text, sizeof(name.text), QTL_LOCAL_COMMITS_FOLDER "/%s.mark",
             qtl_local_layout_kind(kind));
    return name;
}

struct qtl_local_name qtl_local_layout_lock(enum qtl_local_kind kind)
{
    struct qtl_local_name name;
    snprintf(name.text, sizeof(name.text), "%s.lock", qtl_local_layout_kind(kind));
    return name;
}

static enum qtl_status read_facts(struct qtl_local_layout *layout, struct qtl_error *error)
{
    const int fd = openat(layout->folder_fd, "log.json", O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT) {
        return qtl_error_set(
            error, QTL_BAD_CONF,
            "%s: there is no log here: 'quintil append' or 'quintil generate' makes "
            "one",
            layout->path);
    }
    if (fd < 0) {
        return qtl_local_file_failed(error, "opening", "log.json");
    }
    char text[256] = {0};
    size_t length = sizeof(text) - 1;
    const enum qtl_status status = qtl_local_file_read(fd, "log.json", text, &length, 0, error);
    close(fd);
    if (status != QTL_OK) {
        return status;
    }
    int format = 0;
    const int found = sscanf(text, " { \"format\" : %d , \"partitions\" : %" SCNd32 " }", &format,
                             &layout->partitions);
    if (found >= 1 && format != FORMAT) {
        return qtl_error_set(error, QTL_BAD_CONF,
                             "%s/log.json: format %d, this program knows %d: use the program that "
                             "made it",
                             layout->path, format, FORMAT);
    }
    if (found != 2 || layout->partitions < 1 || layout->partitions > QTL_PARTITIONS_MAX) {
        return qtl_error_set(error, QTL_CORRUPT,
                             "%s/log.json: not as it was written; it should say "
                             "{\"format\":%d,\"partitions\":<1 to %d>}",
                             layout->path, FORMAT, QTL_PARTITIONS_MAX);
    }
    return QTL_OK;
}

enum qtl_status qtl_local_layout_open(struct qtl_local_layout *layout, const char *path,
                                      int32_t partitions, struct qtl_error *error)
{
    QTL_ASSERT(partitions >= 0);
    *layout = (struct qtl_local_layout){.folder_fd = -1};
    layout->path = strdup(path);
    QTL_ASSERT(layout->path != NULL);
    layout->folder_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    enum qtl_status status;
    if (layout->folder_fd < 0) {
        status =
            qtl_error_set(error, QTL_BAD_CONF,
                          "%s: %s: no folder with a log; 'quintil append' or 'quintil generate' "
                          "makes one",
                          path, strerror(errno));
    } else {
        status = read_facts(layout, error);
    }
    if (status == QTL_OK && partitions != 0 && partitions != layout->partitions) {
        status = qtl_error_set(error, QTL_BAD_CONF,
                               "%s: the log has %" PRId32 " partitions, not %" PRId32
                               ": their number is fixed when a log is made; use that number, or "
                               "another folder",
                               path, layout->partitions, partitions);
    }
    if (status != QTL_OK) {
        qtl_local_layout_close(layout);
    }
    return status;
}

enum qtl_status qtl_local_layout_blame(const struct qtl_local_layout *layout,
                                       enum qtl_status status, struct qtl_error *error)
{
    const size_t length = layout->path == NULL ? 0 : strlen(layout->path);
    if ((status == QTL_IO || status == QTL_CORRUPT) && error != NULL && length > 0 &&
        strncmp(error->text, layout->path, length) != 0) {
        const struct qtl_error plain = *error;
        return qtl_error_set(error, status, "%s/%s", layout->path, plain.text);
    }
    return status;
}

void qtl_local_layout_close(struct qtl_local_layout *layout)
{
    if (layout->folder_fd >= 0) {
        close(layout->folder_fd);
    }
    free(layout->path);
    *layout = (struct qtl_local_layout){.folder_fd = -1};
}
