/*
 * `quintil replay`: files in, transitions out, no server and no clock but the events' own (DESIGN
 * 3, 9). The main thread reads, cuts epochs and writes; the shards score. What comes out does not
 * depend on the number of shards or slices or on where the epochs are cut.
 */
#include "consumer/commands.h"
#include "consumer/decode.h"
#include "consumer/progress.h"
#include "consumer/replay_input.h"
#include "consumer/replay_options.h"
#include "consumer/rule_file.h"
#include "scoring/base/assert.h"
#include "scoring/base/hash.h"
#include "scoring/shards.h"
#include "sinks/replay_output.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EPOCHS_UNDER_WAY = 3, BAD_RECORDS_SHOWN = 10 };

/* One replay. */
struct replay {
    struct qtl_replay_options options;
    struct qtl_rules *rules;
    struct qtl_replay_input input;
    struct qtl_slice **slices;
    struct qtl_shards *shards;
    struct qtl_epoch *epochs[EPOCHS_UNDER_WAY];
    int64_t *clocks; /* one a slice, all the same: scratch for closing */
    struct qtl_replay_output *output;
    FILE *out;
    int64_t last; /* the last clock */
    uint64_t bad_records;
    uint64_t rejected;
};

/* Where an epoch's input ends, so that the writer knows what is complete. */
struct cut {
    size_t next;      /* the first event not in it */
    int64_t frontier; /* its clock: that event's second, or the last clock */
};

static void report_bad_record(void *context, const char *path, const struct qtl_file_record *record)
{
    struct replay *const replay = context;
    if (replay->bad_records++ < BAD_RECORDS_SHOWN) {
        fprintf(stderr, "quintil: %s:%" PRIu64 ": left out: %s\n", path, record->line,
                qtl_reason_code(record->reason));
    }
}

static enum qtl_status read_files(struct replay *replay, struct qtl_error *error)
{
    replay->input.rules = replay->rules;
    replay->input.config = &replay->options.config;
    replay->input.format = replay->options.format;
    replay->input.bad = report_bad_record;
    replay->input.context = replay;
    for (size_t i = 0; i < replay->options.file_count; i++) {
        const struct qtl_replay_file *const file = &replay->options.files[i];
        const enum qtl_status status =
            qtl_replay_input_add(&replay->input, file->path, file->stream, error);
        if (status != QTL_OK) {
            return status;
        }
    }
    qtl_replay_input_sort(&replay->input);
    for (int reason = 0; reason <= QTL_REASON_SKIPPED; reason++) {
        if (replay->input.reasons[reason] > 0) {
            fprintf(stderr, "quintil: left out %" PRIu64 " records: %s\n",
                    replay->input.reasons[reason], qtl_reason_code((enum qtl_reason)reason));
        }
    }
    return QTL_OK;
}

static void start_engine(struct replay *replay)
{
    const size_t slice_count = replay->options.slices;
    const struct qtl_slice_settings settings = {
        .rules = replay->rules, .duplicate_horizon_s = replay->options.config.duplicate_horizon_s};
    replay->slices = calloc(slice_count, sizeof(struct qtl_slice *));
    replay->clocks = calloc(slice_count, sizeof(*replay->clocks));
    QTL_ASSERT(replay->slices != NULL && replay->clocks != NULL);
    for (size_t i = 0; i < slice_count; i++) {
        replay->slices[i] = qtl_slice_new(&settings);
    }
    for (int i = 0; i < EPOCHS_UNDER_WAY; i++) {
        replay->epochs[i] = qtl_epoch_new(slice_count);
    }
    replay->shards =
        qtl_shards_start(replay->slices, slice_count, replay->options.shards, EPOCHS_UNDER_WAY);
}

static void stop_engine(struct replay *replay)
{
    for (int i = 0; i < EPOCHS_UNDER_WAY; i++) {
        qtl_epoch_free(replay->epochs[i]);
    }
    for (size_t i = 0; replay->slices != NULL && i < replay->options.slices; i++) {
        qtl_slice_free(replay->slices[i]);
    }
    free(replay->slices);
    free(replay->clocks);
}

/* Fills and submits the epoch that begins with event `from`. */
static struct cut submit_epoch(struct replay *replay, struct qtl_epoch *epoch, size_t from,
                               size_t end)
{
    struct cut cut = {.next = from, .frontier = replay->last};
    qtl_epoch_reset(epoch);
    while (cut.next < end && cut.next - from < replay->options.epoch_records) {
        struct qtl_event *const event = replay->input.events[cut.next++];
        qtl_epoch_add_borrowed(
            epoch, qtl_hash_partition(event->customer_hash, (uint32_t)replay->options.slices),
            event);
    }
    if (cut.next < end) {
        cut.frontier = replay->input.events[cut.next]->occurred_at;
    }
    for (size_t i = 0; i < replay->options.slices; i++) {
        replay->clocks[i] = cut.frontier;
    }
    qtl_epoch_close(epoch, INT64_MAX, replay->clocks, UINT32_MAX);
    qtl_shards_submit(replay->shards, epoch);
    return cut;
}

static enum qtl_status write_epoch(struct replay *replay, const struct cut *cut,
                                   struct qtl_error *error)
{
    const struct qtl_epoch *const epoch = qtl_shards_collect(replay->shards);
    for (size_t i = 0; i < epoch->slice_count; i++) {
        replay->rejected += epoch->slices[i].outcome.reject_count;
    }
    return qtl_replay_output_write(replay->output, epoch, cut->frontier, error);
}

/* Applies events [0, end) in epochs, a few of them under way at a time. */
static enum qtl_status replay_events(struct replay *replay, size_t end, struct qtl_error *error)
{
    struct cut cuts[EPOCHS_UNDER_WAY];
    size_t submitted = 0;
    size_t written = 0;
    size_t next = 0;
    enum qtl_status status = QTL_OK;
    struct qtl_progress progress;
    qtl_progress_start(&progress, "replay: events");
    while (next < end || written < submitted) {
        if (next < end && submitted - written < EPOCHS_UNDER_WAY) {
            const size_t place = submitted++ % EPOCHS_UNDER_WAY;
            cuts[place] = submit_epoch(replay, replay->epochs[place], next, end);
            next = cuts[place].next;
            continue;
        }
        const struct cut *const cut = &cuts[written++ % EPOCHS_UNDER_WAY];
        const enum qtl_status wrote = write_epoch(replay, cut, error);
        if (wrote != QTL_OK && status == QTL_OK) {
            status = wrote; /* what is under way must still come back */
            next = end;
        }
        qtl_progress_say(&progress, cut->next, cut->next, end);
    }
    qtl_progress_stop(&progress);
    qtl_shards_submit_end(replay->shards);
    QTL_ASSERT(qtl_shards_collect(replay->shards) == NULL);
    qtl_shards_stop(replay->shards);
    return status == QTL_OK ? qtl_replay_output_finish(replay->output, error) : status;
}

static enum qtl_status open_for_writing(const char *path, FILE **file, struct qtl_error *error)
{
    *file = path == NULL || strcmp(path, "-") == 0 ? stdout : fopen(path, "w");
    if (*file == NULL) {
        return qtl_error_set(error, QTL_IO, "cannot write %s: %s", path, strerror(errno));
    }
    return QTL_OK;
}

static enum qtl_status write_states(struct replay *replay, struct qtl_error *error)
{
    if (replay->options.state == NULL) {
        return QTL_OK;
    }
    FILE *file = NULL;
    enum qtl_status status = open_for_writing(replay->options.state, &file, error);
    if (status != QTL_OK) {
        return status;
    }
    status = qtl_replay_output_states(file, replay->rules, replay->slices, replay->options.slices,
                                      replay->last, error);
    if (file != stdout && fclose(file) != 0 && status == QTL_OK) {
        status = qtl_error_set(error, QTL_IO, "cannot write %s: %s", replay->options.state,
                               strerror(errno));
    }
    return status;
}

/* How many events are not after the last clock; sets it. */
static size_t set_last_clock(struct replay *replay)
{
    size_t end = replay->input.count;
    if (replay->options.to == QTL_TIME_ABSENT) {
        replay->last = end == 0 ? 0 : replay->input.events[end - 1]->occurred_at;
        return end;
    }
    replay->last = replay->options.to;
    while (end > 0 && replay->input.events[end - 1]->occurred_at > replay->last) {
        end--;
    }
    return end;
}

static enum qtl_status run(struct replay *replay, struct qtl_error *error)
{
    enum qtl_status status = read_files(replay, error);
    if (status == QTL_OK) {
        status = open_for_writing(replay->options.output, &replay->out, error);
    }
    if (status != QTL_OK) {
        return status;
    }
    replay->output = qtl_replay_output_new(replay->out, replay->rules);
    const size_t end = set_last_clock(replay);
    start_engine(replay);
    status = replay_events(replay, end, error);
    if (status == QTL_OK) {
        status = write_states(replay, error);
    }
    if (replay->out != stdout && fclose(replay->out) != 0 && status == QTL_OK) {
        status = qtl_error_set(error, QTL_IO, "cannot write %s: %s", replay->options.output,
                               strerror(errno));
    }
    if (replay->rejected > 0) {
        fprintf(stderr,
                "quintil: left out %" PRIu64 " records: %s (a total would pass its bound)\n",
                replay->rejected, qtl_reason_code(QTL_REASON_BAD_AMOUNT));
    }
    return status;
}

int qtl_command_replay(int argc, char **argv)
{
    struct replay replay = {0};
    struct qtl_error error = {0};
    int code = 0;
    if (!qtl_replay_options_parse(&replay.options, argc, argv, &code)) {
        return code;
    }
    struct qtl_problems problems = {0};
    enum qtl_status status = qtl_rule_file_read(replay.options.rules, &replay.rules, &problems);
    if (status != QTL_OK) {
        qtl_rule_file_report(replay.options.rules, &problems, stderr);
    } else {
        status = run(&replay, &error);
    }
    if (error.text[0] != '\0') {
        fprintf(stderr, "quintil replay: %s\n", error.text);
    }
    stop_engine(&replay);
    qtl_replay_output_free(replay.output);
    qtl_replay_input_fini(&replay.input);
    qtl_problems_fini(&problems);
    qtl_rules_free(replay.rules);
    qtl_replay_options_fini(&replay.options);
    return qtl_status_exit_code(status);
}
