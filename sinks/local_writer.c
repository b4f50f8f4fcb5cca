/*
 * Transactions on the local log; see local_writer.h.
 *
 *   begin    [intake: take the lock, catch up with what others committed] [roll the commit file]
 *   append   frames into the buffer of the partition's output
 *   commit   write all outputs; sync all outputs and new folders; commit record, synced; mark
 *
 * The commit file is rolled at the next begin, not at the commit that filled it: so commit either
 * made the transaction durable or it did not, and rolling hides behind the scoring.
 *
 * Invariant: the table is what is committed. Outputs may be ahead of it, within a transaction only;
 * abort and touch bring files back to it.
 */
#include "sinks/local_writer.h"

#include "schemas/assert.h"
#include "schemas/local/local_commits.h"
#include "schemas/local/local_file.h"
#include "schemas/local/local_lock.h"
#include "schemas/topic.h"
#include "sinks/local_output.h"
#include "sinks/local_recover.h"
#include "sinks/local_sync.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SEGMENT_BYTES_DEFAULT (UINT64_C(64) << 20)
#define COMMIT_BYTES_DEFAULT (UINT64_C(4) << 20)
#define OPEN_FILES_MAX 256 /* kept between transactions; processes may have 1,024 */

struct local_writer {
    struct qtl_log_writer base; /* first: the two are converted into each other */
    /* Immutable after open. */
    struct qtl_local_layout layout;
    enum qtl_local_kind kind;
    uint64_t segment_bytes;
    uint64_t commit_bytes;
    uint64_t generation;
    /* Owned by the writer's thread. */
    int lock_fd;
    struct qtl_local_table table;
    struct qtl_local_commits commits;
    struct qtl_local_output *outputs; /* topic x partition */
    struct qtl_local_output **touched;
    size_t touched_count;
    struct qtl_local_sync sync;
    struct qtl_local_sync_file *sync_files; /* scratch: one an output */
    struct qtl_local_length *lengths; /* of segments, in the order in which they were finished */
    size_t length_count;
    size_t length_capacity;
    struct qtl_log_position *positions;
    size_t position_count;
    size_t position_capacity;
    bool is_open; /* a transaction */
    bool is_dead;
};

static struct local_writer *self_of(struct qtl_log_writer *writer)
{
    QTL_ASSERT(writer != NULL);
    return (struct local_writer *)writer;
}

static size_t output_count(const struct local_writer *self)
{
    return (size_t)QTL_TOPICS * (size_t)self->layout.partitions;
}

static enum qtl_status dead(struct qtl_error *error)
{
    return qtl_error_set(
        error, QTL_IO,
        "the local log's writer failed before and takes nothing more: it has to be "
        "opened anew");
}

/* What the functions below end with: whatever fails is the end of the writer. */
static enum qtl_status settle(struct local_writer *self, enum qtl_status status,
                              struct qtl_error *error)
{
    self->is_dead = status != QTL_OK;
    return qtl_local_layout_blame(&self->layout, status, error);
}

static void keep_positions(struct local_writer *self, const struct qtl_log_position *positions,
                           size_t count)
{
    if (self->position_count + count > self->position_capacity) {
        self->position_capacity = self->position_count + count;
        self->positions =
            realloc(self->positions, self->position_capacity * sizeof(*self->positions));
        QTL_ASSERT(self->positions != NULL);
    }
    for (size_t i = 0; i < count; i++) {
        QTL_ASSERT(qtl_topic_is_input(positions[i].topic));
        QTL_ASSERT(positions[i].partition >= 0 && positions[i].partition < self->layout.partitions);
        QTL_ASSERT(positions[i].next_offset >= 0);
        self->positions[self->position_count++] = positions[i];
    }
}

static void keep_length(struct local_writer *self, const struct qtl_local_output *output)
{
    if (self->length_count == self->length_capacity) {
        self->length_capacity = self->length_capacity == 0 ? 64 : self->length_capacity * 2;
        self->lengths = realloc(self->lengths, self->length_capacity * sizeof(*self->lengths));
        QTL_ASSERT(self->lengths != NULL);
    }
    self->lengths[self->length_count++] = qtl_local_output_length(output);
}

static enum qtl_status begin(struct qtl_log_writer *writer, const struct qtl_log_token *token,
                             const struct qtl_log_position *positions, size_t count,
                             struct qtl_error *error)
{
    struct local_writer *const self = self_of(writer);
    QTL_ASSERT(self->kind == QTL_LOCAL_ENGINE || count == 0);
    if (self->is_dead) {
        return dead(error);
    }
    QTL_ASSERT(!self->is_open);
    const struct qtl_local_token *const ours = (const struct qtl_local_token *)token;
    if (ours != NULL && ours->generation != self->generation) {
        return qtl_error_set(error, QTL_LOST,
                             "%s: the partitions were assigned under generation %" PRIu64
                             " of the engine's lock, this writer has %" PRIu64
                             ": reader and writer have to be opened anew",
                             self->layout.path, ours->generation, self->generation);
    }
    keep_positions(self, positions, count);
    self->is_open = true;
    enum qtl_status status = QTL_OK;
    if (self->kind == QTL_LOCAL_INTAKE) {
        status = qtl_local_lock_wait(self->lock_fd, error);
        if (status == QTL_OK) {
            status = qtl_local_commits_recover(&self->commits, error);
        }
    }
    if (status == QTL_OK && self->commits.read_bytes >= self->commit_bytes) {
        status = qtl_local_commits_roll(&self->commits, error);
    }
    return settle(self, status, error);
}

static enum qtl_status add_positions(struct qtl_log_writer *writer,
                                     const struct qtl_log_token *token,
                                     const struct qtl_log_position *positions, size_t count,
                                     struct qtl_error *error)
{
    struct local_writer *const self = self_of(writer);
    (void)token; /* looked at by begin() */
    if (self->is_dead) {
        return dead(error);
    }
    QTL_ASSERT(self->is_open && self->kind == QTL_LOCAL_ENGINE);
    keep_positions(self, positions, count);
    return QTL_OK;
}

static uint64_t record_bytes(const struct qtl_log_append *record)
{
    uint64_t bytes = (uint64_t)record->key.length + record->value.length;
    for (uint32_t i = 0; i < record->header_count; i++) {
        bytes += (uint64_t)record->headers[i].name.length + record->headers[i].value.length;
    }
    return bytes + (uint64_t)record->header_count * 2;
}

/* The output has a segment with room for the record. */
static enum qtl_status ready(struct local_writer *self, struct qtl_local_output *output,
                             struct qtl_error *error)
{
    if (!output->touched) {
        self->touched[self->touched_count++] = output;
        const enum qtl_status status = qtl_local_output_touch(
            output, &self->layout,
            qtl_local_table_row(&self->table, output->topic, output->partition), error);
        if (status != QTL_OK) {
            return status;
        }
    }
    if (qtl_local_output_bytes(output) < self->segment_bytes) {
        return QTL_OK;
    }
    enum qtl_status status = qtl_local_output_write(output, error);
    if (status == QTL_OK) {
        status = qtl_local_file_sync(output->fd, output->name.text, error);
    }
    if (status == QTL_OK) {
        status = qtl_local_output_sync_folders(output, &self->layout, error);
    }
    if (status == QTL_OK) {
        keep_length(self, output);
        status = qtl_local_output_start(output, &self->layout, error);
    }
    return status;
}

static enum qtl_status append(struct qtl_log_writer *writer, const struct qtl_log_append *record,
                              struct qtl_error *error)
{
    struct local_writer *const self = self_of(writer);
    QTL_ASSERT(qtl_local_log_kind(record->topic) == self->kind);
    QTL_ASSERT(record->partition >= 0 && record->partition < self->layout.partitions);
    if (self->is_dead) {
        return dead(error);
    }
    QTL_ASSERT(self->is_open);
    if (record_bytes(record) > QTL_LOCAL_RECORD_BYTES_MAX) {
        return qtl_error_set(error, QTL_MALFORMED,
                             "a record of %" PRIu64 " bytes: the local log takes up to %d",
                             record_bytes(record), QTL_LOCAL_RECORD_BYTES_MAX);
    }
    struct qtl_local_output *const output =
        &self->outputs[(size_t)record->topic * (size_t)self->layout.partitions +
                       (size_t)record->partition];
    enum qtl_status status = ready(self, output, error);
    if (status == QTL_OK) {
        status = qtl_local_output_append(output, record, error);
    }
    return settle(self, status, error);
}

static enum qtl_status write_outputs(struct local_writer *self, struct qtl_error *error)
{
    enum qtl_status status = QTL_OK;
    for (size_t i = 0; status == QTL_OK && i < self->touched_count; i++) {
        const struct qtl_local_output *const output = self->touched[i];
        self->sync_files[i] =
            (struct qtl_local_sync_file){.fd = output->fd, .name = output->name.text};
        status = qtl_local_output_write(self->touched[i], error);
    }
    if (status == QTL_OK) {
        status = qtl_local_sync_files(&self->sync, self->sync_files, self->touched_count, error);
    }
    for (size_t i = 0; status == QTL_OK && i < self->touched_count; i++) {
        status = qtl_local_output_sync_folders(self->touched[i], &self->layout, error);
        if (status == QTL_OK) {
            keep_length(self, self->touched[i]);
        }
    }
    return status;
}

/* The transaction is over, either way. */
static void close_transaction(struct local_writer *self)
{
    const bool many = self->touched_count > OPEN_FILES_MAX;
    for (size_t i = 0; i < self->touched_count; i++) {
        self->touched[i]->touched = false;
        if (many) {
            qtl_local_output_close(self->touched[i]);
        }
    }
    self->touched_count = 0;
    self->length_count = 0;
    self->position_count = 0;
    self->is_open = false;
    if (self->kind == QTL_LOCAL_INTAKE) {
        qtl_local_lock_release(self->lock_fd);
    }
}

static enum qtl_status commit(struct qtl_log_writer *writer, struct qtl_error *error)
{
    struct local_writer *const self = self_of(writer);
    if (self->is_dead) {
        return dead(error);
    }
    QTL_ASSERT(self->is_open);
    enum qtl_status status = write_outputs(self, error);
    if (status == QTL_OK && self->touched_count + self->position_count > 0) {
        const struct qtl_local_commit record = {
            .sequence = self->commits.sequence + 1,
            .lengths = self->lengths,
            .length_count = self->length_count,
            .positions = self->positions,
            .position_count = self->position_count,
        };
        status = qtl_local_commits_append(&self->commits, &record, error);
    }
    if (status == QTL_OK) {
        close_transaction(self);
    }
    return settle(self, status, error);
}

static void abort_transaction(struct qtl_log_writer *writer)
{
    struct local_writer *const self = self_of(writer);
    if (!self->is_open) {
        return;
    }
    for (size_t i = 0; i < self->touched_count; i++) {
        struct qtl_local_output *const output = self->touched[i];
        qtl_local_output_close(output);
        /* Only tidiness: what stays is cut off by the next to write there. */
        const enum qtl_status status = qtl_local_recover_partition(
            &self->layout, &self->table, output->topic, output->partition, NULL);
        (void)status;
    }
    close_transaction(self);
}

static void free_writer(struct qtl_log_writer *writer)
{
    if (writer == NULL) {
        return;
    }
    struct local_writer *const self = self_of(writer);
    abort_transaction(writer);
    for (size_t i = 0; self->outputs != NULL && i < output_count(self); i++) {
        qtl_local_output_close(&self->outputs[i]);
        qtl_bytes_fini(&self->outputs[i].buffer);
    }
    free(self->outputs);
    free(self->touched);
    free(self->sync_files);
    qtl_local_sync_fini(&self->sync);
    free(self->lengths);
    free(self->positions);
    qtl_local_commits_close(&self->commits);
    qtl_local_table_fini(&self->table);
    if (self->lock_fd >= 0) {
        close(self->lock_fd); /* which lets go of the engine's lock */
    }
    qtl_local_layout_close(&self->layout);
    free(self);
}

static int64_t transitions_end(struct qtl_log_writer *writer, int32_t partition)
{
    (void)writer;
    (void)partition;
    return 0; /* a commit is visible when it returns */
}

static const struct qtl_log_writer_ops local_writer_ops = {
    .begin = begin,
    .add_positions = add_positions,
    .append = append,
    .commit = commit,
    .transitions_end = transitions_end,
    .abort = abort_transaction,
    .free = free_writer,
};

static struct local_writer *new_writer(enum qtl_local_kind kind,
                                       const struct qtl_local_writer_options *options)
{
    static const struct qtl_local_writer_options none = {0};
    const struct qtl_local_writer_options *const chosen = options == NULL ? &none : options;
    struct local_writer *const self = calloc(1, sizeof(*self));
    QTL_ASSERT(self != NULL);
    self->base.ops = &local_writer_ops;
    self->kind = kind;
    self->segment_bytes =
        chosen->segment_bytes == 0 ? SEGMENT_BYTES_DEFAULT : chosen->segment_bytes;
    self->commit_bytes = chosen->commit_bytes == 0 ? COMMIT_BYTES_DEFAULT : chosen->commit_bytes;
    self->lock_fd = -1;
    self->layout.folder_fd = -1;
    self->commits.fd = -1;
    self->commits.mark.fd = -1;
    return self;
}

static void make_outputs(struct local_writer *self)
{
    self->outputs = calloc(output_count(self), sizeof(*self->outputs));
    self->touched = calloc(output_count(self), sizeof(struct qtl_local_output *));
    self->sync_files = calloc(output_count(self), sizeof(*self->sync_files));
    QTL_ASSERT(self->outputs != NULL && self->touched != NULL && self->sync_files != NULL);
    for (size_t i = 0; i < output_count(self); i++) {
        self->outputs[i].topic = (enum qtl_topic)(i / (size_t)self->layout.partitions);
        self->outputs[i].partition = (int32_t)(i % (size_t)self->layout.partitions);
        self->outputs[i].fd = -1;
    }
}

/* Takes the lock and brings everything to what is committed. */
static enum qtl_status take_over(struct local_writer *self, struct qtl_error *error)
{
    const bool engine = self->kind == QTL_LOCAL_ENGINE;
    enum qtl_status status =
        engine ? qtl_local_lock_take(&self->layout, self->lock_fd, &self->generation, error)
               : qtl_local_lock_wait(self->lock_fd, error);
    if (status == QTL_OK) {
        status = qtl_local_commits_open(&self->commits, &self->layout, &self->table, self->kind,
                                        true, error);
    }
    if (status == QTL_OK) {
        status = qtl_local_commits_recover(&self->commits, error);
    }
    if (status == QTL_OK) {
        status = qtl_local_recover_all(&self->layout, &self->table, self->kind, engine, error);
    }
    if (!engine) {
        qtl_local_lock_release(self->lock_fd);
    }
    return status;
}

enum qtl_status qtl_local_writer_open(const char *path, enum qtl_local_kind kind,
                                      const struct qtl_local_writer_options *options,
                                      struct qtl_log_writer **writer, struct qtl_error *error)
{
    QTL_ASSERT(kind < QTL_LOCAL_KINDS);
    struct local_writer *const self = new_writer(kind, options);
    *writer = NULL;
    enum qtl_status status = qtl_local_layout_open(
        &self->layout, path, options == NULL ? 0 : options->partitions, error);
    if (status == QTL_OK) {
        qtl_local_table_init(&self->table, self->layout.partitions);
        make_outputs(self);
        status = qtl_local_lock_open(&self->layout, kind, &self->lock_fd, error);
    }
    if (status == QTL_OK) {
        status = take_over(self, error);
    }
    if (status != QTL_OK) {
        status = qtl_local_layout_blame(&self->layout, status, error);
        free_writer(&self->base);
        return status;
    }
    *writer = &self->base;
    return QTL_OK;
}
