/*
 * See replay_input.h. Everything is read before anything is applied: files need not be in the order
 * of time, and one late line would make a merge of sorted files wrong.
 */
#include "consumer/replay_input.h"

#include "consumer/config.h"
#include "consumer/decode.h"
#include "consumer/progress.h"
#include "scoring/base/assert.h"

#include <stdio.h>
#include <stdlib.h>

void qtl_replay_input_fini(struct qtl_replay_input *input)
{
    free(input->events);
    qtl_arena_fini(&input->arena);
    *input = (struct qtl_replay_input){0};
}

static void add_event(struct qtl_replay_input *input, const struct qtl_event *event)
{
    if (input->count == input->capacity) {
        input->capacity = input->capacity == 0 ? 4096 : 2 * input->capacity;
        struct qtl_event **const grown =
            realloc(input->events, input->capacity * sizeof(struct qtl_event *));
        QTL_ASSERT(grown != NULL);
        input->events = grown;
    }
    struct qtl_event *const copy = qtl_arena_take(&input->arena, sizeof(*copy));
    *copy = *event;
    copy->customer_id = qtl_arena_copy(&input->arena, event->customer_id);
    copy->event_id = qtl_arena_copy(&input->arena, event->event_id);
    copy->order_id = qtl_arena_copy(&input->arena, event->order_id);
    copy->raw = (struct qtl_text){0};
    copy->stamp = event->occurred_at;
    copy->offset = (int64_t)input->lines[event->stream]++;
    input->events[input->count++] = copy;
}

static enum qtl_status read_all(struct qtl_replay_input *input, struct qtl_record_file *file,
                                const char *path, struct qtl_error *error)
{
    struct qtl_file_record record;
    struct qtl_progress progress;
    qtl_progress_start(&progress, path);
    for (uint64_t records = 1;; records++) {
        const enum qtl_status status = qtl_record_file_next(file, &record, error);
        if (status != QTL_OK) {
            qtl_progress_stop(&progress);
            return status == QTL_END ? QTL_OK : status;
        }
        qtl_progress_step(&progress, records, qtl_record_file_bytes_done(file),
                          qtl_record_file_bytes_all(file));
        if (record.reason == QTL_REASON_NONE) {
            add_event(input, &record.event);
            continue;
        }
        input->reasons[record.reason]++;
        input->bad(input->context, path, &record);
    }
}

enum qtl_status qtl_replay_input_add(struct qtl_replay_input *input, const char *path,
                                     enum qtl_stream stream, struct qtl_error *error)
{
    struct qtl_decoder *const decoder =
        qtl_decoder_new(stream, &input->config->streams[stream], input->rules);
    struct qtl_record_file *file = NULL;
    enum qtl_status status = qtl_record_file_open(path, input->format, decoder, &file, error);
    if (status == QTL_OK) {
        if (qtl_record_file_warning(file) != NULL) {
            fprintf(stderr, "quintil: warning: %s: %s\n", path, qtl_record_file_warning(file));
        }
        status = read_all(input, file, path, error);
    }
    qtl_record_file_close(file);
    qtl_decoder_free(decoder);
    return status;
}

static int compare_events(const void *left, const void *right)
{
    const struct qtl_event *const a = *(struct qtl_event *const *)left;
    const struct qtl_event *const b = *(struct qtl_event *const *)right;
    if (a->occurred_at != b->occurred_at) {
        return a->occurred_at < b->occurred_at ? -1 : 1;
    }
    if (a->stream != b->stream) {
        return (int)a->stream - (int)b->stream;
    }
    return a->offset < b->offset ? -1 : a->offset > b->offset;
}

void qtl_replay_input_sort(struct qtl_replay_input *input)
{
    int64_t first = INT64_MAX;
    for (size_t i = 0; i < input->count; i++) {
        const int64_t second = input->events[i]->occurred_at;
        if (second != QTL_TIME_ABSENT && second < first) {
            first = second;
        }
    }
    for (size_t i = 0; i < input->count && first != INT64_MAX; i++) {
        if (input->events[i]->occurred_at == QTL_TIME_ABSENT) {
            input->events[i]->occurred_at = input->events[i]->stamp = first;
        }
    }
    if (input->count > 0) {
        qsort(input->events, input->count, sizeof(*input->events), compare_events);
    }
}
