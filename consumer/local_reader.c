/*
 * Reading the local log; see local_reader.h.
 *
 * Two commit logs are followed, the intake's and the engine's, into one table. The mark of each
 * says without a system call whether there is more; inotify on the marks ends a wait. Everything
 * that hands out or reports follows first, so that no answer is older than the question.
 */
#define _GNU_SOURCE
#include "consumer/local_reader.h"

#include "consumer/local_input.h"
#include "schemas/assert.h"
#include "schemas/local/local_commits.h"
#include "schemas/local/local_file.h"
#include "schemas/local/local_lock.h"
#include "schemas/topic.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <time.h>
#include <unistd.h>

#define CHUNK_BYTES_MAX ((size_t)256 << 10)
#define CHUNK_BYTES_MIN ((size_t)32 << 10)
#define CHUNKS_BYTES ((size_t)64 << 20) /* about this much for all partitions together */
#define OPEN_FILES_MAX 256

struct local_reader {
    struct qtl_log_reader base; /* first: the two are converted into each other */
    /* Immutable after open. */
    struct qtl_local_layout layout;
    bool wait_outputs;
    int inotify_fd;
    int wake_fd; /* written by any thread, in wake() */
    /* Owned by the reader's thread. */
    struct qtl_local_table table;
    struct qtl_local_commits commits[QTL_LOCAL_KINDS];
    struct qtl_local_input *inputs; /* topic x partition */
    struct qtl_local_memory memory;
    struct qtl_local_token token;
    int32_t reported;    /* partitions whose assignment was handed out */
    uint32_t open_files; /* of inputs */
};

static struct local_reader *self_of(struct qtl_log_reader *reader)
{
    QTL_ASSERT(reader != NULL);
    return (struct local_reader *)reader;
}

static size_t input_count(const struct local_reader *self)
{
    return (size_t)QTL_TOPICS * (size_t)self->layout.partitions;
}

static struct qtl_local_input *input_of(const struct local_reader *self, enum qtl_topic topic,
                                        int32_t partition)
{
    QTL_ASSERT(topic < QTL_TOPICS);
    QTL_ASSERT(partition >= 0 && partition < self->layout.partitions);
    return &self->inputs[(size_t)topic * (size_t)self->layout.partitions + (size_t)partition];
}

static enum qtl_status follow(struct local_reader *self, enum qtl_topic topic,
                              struct qtl_error *error)
{
    return qtl_local_layout_blame(
        &self->layout, qtl_local_commits_follow(&self->commits[qtl_local_log_kind(topic)], error),
        error);
}

/* Whether wait() has something to report; reports it. */
static bool announce(struct local_reader *self)
{
    bool news = self->reported < self->layout.partitions;
    for (enum qtl_topic topic = 0; topic < QTL_TOPICS; topic++) {
        if (!qtl_topic_is_input(topic) && !self->wait_outputs) {
            continue;
        }
        if (follow(self, topic, NULL) != QTL_OK) {
            return true; /* read() says what is wrong */
        }
        for (int32_t i = 0; i < self->layout.partitions; i++) {
            struct qtl_local_input *const input = input_of(self, topic, i);
            const int64_t end = qtl_local_table_row(&self->table, topic, i)->next_offset;
            news = news || (end > input->next_offset && end > input->announced);
            input->announced = end;
        }
    }
    return news;
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Empties a descriptor that became readable. */
static void drain(int fd)
{
    char bytes[4096] __attribute__((aligned(8)));
    while (read(fd, bytes, sizeof(bytes)) == (ssize_t)sizeof(bytes)) {
    }
}

static enum qtl_status wait_for_news(struct qtl_log_reader *reader, int timeout_ms)
{
    struct local_reader *const self = self_of(reader);
    QTL_ASSERT(self->inotify_fd >= 0);
    const int64_t deadline = timeout_ms < 0 ? INT64_MAX : now_ms() + timeout_ms;
    int left_ms = timeout_ms;
    for (;;) {
        if (announce(self)) {
            return QTL_OK;
        }
        struct pollfd sources[2] = {{.fd = self->wake_fd, .events = POLLIN},
                                    {.fd = self->inotify_fd, .events = POLLIN}};
        const int ready = poll(sources, 2, left_ms);
        if (ready < 0) {
            return QTL_OK; /* a signal: let the caller look around */
        }
        if (ready == 0) {
            return QTL_EMPTY;
        }
        if (sources[0].revents != 0) {
            drain(self->wake_fd);
            return QTL_OK;
        }
        drain(self->inotify_fd);
        if (timeout_ms >= 0) {
            const int64_t left = deadline - now_ms();
            left_ms = left > 0 ? (int)left : 0;
        }
    }
}

static void wake(struct qtl_log_reader *reader)
{
    const uint64_t one = 1;
    const ssize_t written = write(self_of(reader)->wake_fd, &one, sizeof(one));
    (void)written; /* fails only where the count is at its limit: then it is readable already */
}

static enum qtl_status change(struct qtl_log_reader *reader, struct qtl_log_change *next)
{
    struct local_reader *const self = self_of(reader);
    if (self->reported == self->layout.partitions) {
        return QTL_EMPTY;
    }
    if (self->reported == 0) {
        const enum qtl_status status =
            qtl_local_lock_generation(&self->layout, &self->token.generation, NULL);
        if (status != QTL_OK) {
            return status;
        }
    }
    *next = (struct qtl_log_change){.type = QTL_LOG_ASSIGNED, .partition = self->reported++};
    return QTL_OK;
}

static void revoke_done(struct qtl_log_reader *reader, int32_t partition)
{
    (void)reader;
    (void)partition;
    QTL_UNREACHABLE("the local log never revokes");
}

static const struct qtl_log_token *token(struct qtl_log_reader *reader)
{
    return (const struct qtl_log_token *)&self_of(reader)->token;
}

static enum qtl_status committed(struct qtl_log_reader *reader, enum qtl_topic topic,
                                 int32_t partition, int64_t *next_offset, struct qtl_error *error)
{
    struct local_reader *const self = self_of(reader);
    QTL_ASSERT(qtl_topic_is_input(topic));
    const enum qtl_status status = follow(self, QTL_TOPIC_STATE, error); /* the engine's */
    *next_offset = qtl_local_table_row(&self->table, topic, partition)->position;
    return status;
}

static uint64_t committed_sequence(struct qtl_log_reader *reader)
{
    (void)reader;
    return 0; /* not kept: records are readable as soon as their offsets are */
}

static enum qtl_status range(struct qtl_log_reader *reader, enum qtl_topic topic, int32_t partition,
                             int64_t *first, int64_t *end, struct qtl_error *error)
{
    struct local_reader *const self = self_of(reader);
    const enum qtl_status status = follow(self, topic, error);
    const struct qtl_local_partition *const row =
        qtl_local_table_row(&self->table, topic, partition);
    *first = row->segment_count == 0 ? row->next_offset : row->segments[0].first_offset;
    *end = row->next_offset;
    return status;
}

static enum qtl_status seek(struct qtl_log_reader *reader, enum qtl_topic topic, int32_t partition,
                            int64_t offset, struct qtl_error *error)
{
    struct local_reader *const self = self_of(reader);
    int64_t first;
    int64_t end;
    const enum qtl_status status = range(reader, topic, partition, &first, &end, error);
    if (status != QTL_OK) {
        return status;
    }
    if (offset < first || offset > end) {
        return qtl_error_set(error, QTL_IO,
                             "%s: topic %s, partition %" PRId32 ": offset %" PRId64
                             " is not there, the log has %" PRId64 " to %" PRId64
                             ": what was read before is gone; restore the folder from a copy",
                             self->layout.path, qtl_topic_name(topic), partition, offset, first,
                             end);
    }
    struct qtl_local_input *const input = input_of(self, topic, partition);
    self->open_files -= input->fd >= 0 ? 1 : 0;
    qtl_local_input_seek(input, &self->memory, qtl_local_table_row(&self->table, topic, partition),
                         offset);
    return QTL_OK;
}

/* Keeps the number of open files within bounds where there are very many partitions. */
static void count_files(struct local_reader *self, struct qtl_local_input *input, bool was_open)
{
    if (!was_open && input->fd >= 0 && ++self->open_files > OPEN_FILES_MAX) {
        qtl_local_input_close(input);
        self->open_files--;
    } else if (was_open && input->fd < 0) {
        self->open_files--;
    }
}

static enum qtl_status read_records(struct qtl_log_reader *reader, enum qtl_topic topic,
                                    int32_t partition, size_t max, struct qtl_log_record *records,
                                    size_t *count, struct qtl_error *error)
{
    struct local_reader *const self = self_of(reader);
    struct qtl_local_input *const input = input_of(self, topic, partition);
    const struct qtl_local_source source = {
        .layout = &self->layout,
        .row = qtl_local_table_row(&self->table, topic, partition),
        .topic = topic,
        .partition = partition,
    };
    *count = 0;
    enum qtl_status status = QTL_OK;
    if (input->next_offset >= source.row->next_offset) {
        status = follow(self, topic, error);
    }
    const bool was_open = input->fd >= 0;
    while (status == QTL_OK && *count < max) {
        status = qtl_local_input_next(input, &source, &self->memory, &records[*count], error);
        *count += status == QTL_OK ? 1 : 0;
    }
    count_files(self, input, was_open);
    if (*count > 0) {
        return QTL_OK; /* what is wrong behind good records comes next time */
    }
    return qtl_local_layout_blame(&self->layout, status, error);
}

static void release(struct qtl_log_reader *reader)
{
    qtl_local_memory_release(&self_of(reader)->memory);
}

static bool ended(struct qtl_log_reader *reader, enum qtl_topic topic, int32_t partition)
{
    struct local_reader *const self = self_of(reader);
    return follow(self, topic, NULL) == QTL_OK &&
           input_of(self, topic, partition)->next_offset >=
               qtl_local_table_row(&self->table, topic, partition)->next_offset;
}

static bool holds_clock(struct qtl_log_reader *reader, enum qtl_topic topic, int32_t partition)
{
    (void)reader;
    (void)topic;
    (void)partition;
    return false; /* what is appended is committed at once */
}

static int32_t partitions(struct qtl_log_reader *reader, enum qtl_topic topic)
{
    QTL_ASSERT(topic < QTL_TOPICS);
    return self_of(reader)->layout.partitions;
}

static void free_reader(struct qtl_log_reader *reader)
{
    if (reader == NULL) {
        return;
    }
    struct local_reader *const self = self_of(reader);
    for (size_t i = 0; self->inputs != NULL && i < input_count(self); i++) {
        qtl_local_input_fini(&self->inputs[i], &self->memory);
    }
    free(self->inputs);
    qtl_local_memory_fini(&self->memory);
    for (enum qtl_local_kind kind = 0; kind < QTL_LOCAL_KINDS; kind++) {
        qtl_local_commits_close(&self->commits[kind]);
    }
    qtl_local_table_fini(&self->table);
    if (self->inotify_fd >= 0) {
        close(self->inotify_fd);
    }
    if (self->wake_fd >= 0) {
        close(self->wake_fd);
    }
    qtl_local_layout_close(&self->layout);
    free(self);
}

static const struct qtl_log_reader_ops local_reader_ops = {
    .wait = wait_for_news,
    .wake = wake,
    .change = change,
    .revoke_done = revoke_done,
    .token = token,
    .committed = committed,
    .committed_sequence = committed_sequence,
    .range = range,
    .seek = seek,
    .read = read_records,
    .release = release,
    .ended = ended,
    .holds_clock = holds_clock,
    .partitions = partitions,
    .free = free_reader,
};

static struct local_reader *new_reader(void)
{
    struct local_reader *const self = calloc(1, sizeof(*self));
    QTL_ASSERT(self != NULL);
    self->base.ops = &local_reader_ops;
    self->inotify_fd = -1;
    self->wake_fd = -1;
    self->layout.folder_fd = -1;
    for (enum qtl_local_kind kind = 0; kind < QTL_LOCAL_KINDS; kind++) {
        self->commits[kind].fd = -1;
        self->commits[kind].mark.fd = -1;
    }
    return self;
}

static void make_inputs(struct local_reader *self)
{
    const size_t count = input_count(self);
    size_t chunk_bytes = CHUNKS_BYTES / count;
    chunk_bytes = chunk_bytes > CHUNK_BYTES_MAX ? CHUNK_BYTES_MAX : chunk_bytes;
    chunk_bytes = chunk_bytes < CHUNK_BYTES_MIN ? CHUNK_BYTES_MIN : chunk_bytes;
    qtl_local_memory_init(&self->memory, chunk_bytes);
    self->inputs = calloc(count, sizeof(*self->inputs));
    QTL_ASSERT(self->inputs != NULL);
    for (size_t i = 0; i < count; i++) {
        qtl_local_input_init(&self->inputs[i]);
    }
}

/* Has the kernel tell of every move of the marks that wait() is about. */
static enum qtl_status watch(struct local_reader *self, struct qtl_error *error)
{
    self->inotify_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    self->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (self->inotify_fd < 0 || self->wake_fd < 0) {
        return qtl_local_file_failed(error, "watching (inotify, eventfd)", self->layout.path);
    }
    for (enum qtl_local_kind kind = 0; kind < QTL_LOCAL_KINDS; kind++) {
        if (kind == QTL_LOCAL_ENGINE && !self->wait_outputs) {
            continue;
        }
        char *path;
        const struct qtl_local_name name = qtl_local_layout_mark(kind);
        QTL_ASSERT(asprintf(&path, "%s/%s", self->layout.path, name.text) > 0);
        const int watched = inotify_add_watch(self->inotify_fd, path, IN_MODIFY);
        free(path);
        if (watched < 0) {
            return qtl_local_file_failed(error, "watching (inotify)", name.text);
        }
    }
    return QTL_OK;
}

enum qtl_status qtl_local_reader_open(const char *path,
                                      const struct qtl_local_reader_options *options,
                                      struct qtl_log_reader **reader, struct qtl_error *error)
{
    static const struct qtl_local_reader_options none = {0};
    const struct qtl_local_reader_options *const chosen = options == NULL ? &none : options;
    struct local_reader *const self = new_reader();
    *reader = NULL;
    self->wait_outputs = chosen->wait_outputs;
    enum qtl_status status = qtl_local_layout_open(&self->layout, path, chosen->partitions, error);
    if (status == QTL_OK) {
        qtl_local_table_init(&self->table, self->layout.partitions);
        make_inputs(self);
        status = chosen->never_waits ? QTL_OK : watch(self, error);
    }
    for (enum qtl_local_kind kind = 0; status == QTL_OK && kind < QTL_LOCAL_KINDS; kind++) {
        status = qtl_local_commits_open(&self->commits[kind], &self->layout, &self->table, kind,
                                        false, error);
    }
    if (status != QTL_OK) {
        status = qtl_local_layout_blame(&self->layout, status, error);
        free_reader(&self->base);
        return status;
    }
    *reader = &self->base;
    return QTL_OK;
}
