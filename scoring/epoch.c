/*
 * See epoch.h. Lists double and stay; texts go to the arena.
 */
#include "scoring/epoch.h"

#include "scoring/base/assert.h"

#include <stdlib.h>

struct qtl_epoch *qtl_epoch_new(size_t slice_count)
{
    QTL_ASSERT(slice_count > 0);
    struct qtl_epoch *const epoch = calloc(1, sizeof(*epoch));
    QTL_ASSERT(epoch != NULL);
    epoch->slice_count = slice_count;
    epoch->slices = calloc(slice_count, sizeof(*epoch->slices));
    QTL_ASSERT(epoch->slices != NULL);
    return epoch;
}

void qtl_epoch_free(struct qtl_epoch *epoch)
{
    if (epoch == NULL) {
        return;
    }
    for (size_t i = 0; i < epoch->slice_count; i++) {
        for (int stream = 0; stream < QTL_STREAMS; stream++) {
            free(epoch->slices[i].lists[stream].events);
        }
        free(epoch->slices[i].dead_letters);
        qtl_outcome_fini(&epoch->slices[i].outcome);
    }
    free(epoch->slices);
    qtl_arena_fini(&epoch->arena);
    free(epoch);
}

void qtl_epoch_reset(struct qtl_epoch *epoch)
{
    for (size_t i = 0; i < epoch->slice_count; i++) {
        struct qtl_epoch_slice *const slice = &epoch->slices[i];
        for (int stream = 0; stream < QTL_STREAMS; stream++) {
            slice->lists[stream].count = 0;
            slice->first_offset[stream] = slice->next_offset[stream] = 0;
        }
        slice->dead_letter_count = 0;
        slice->skipped = 0;
        slice->input = (struct qtl_slice_input){0};
        qtl_outcome_reset(&slice->outcome);
    }
    qtl_arena_reset(&epoch->arena);
    epoch->records = 0;
}

void qtl_epoch_add_borrowed(struct qtl_epoch *epoch, size_t slice, struct qtl_event *event)
{
    QTL_ASSERT(slice < epoch->slice_count);
    struct qtl_event_list *const list = &epoch->slices[slice].lists[event->stream];
    if (list->count == list->capacity) {
        const size_t capacity = list->capacity == 0 ? 256 : 2 * list->capacity;
        struct qtl_event **const grown =
            realloc(list->events, capacity * sizeof(struct qtl_event *));
        QTL_ASSERT(grown != NULL);
        list->events = grown;
        list->capacity = capacity;
    }
    list->events[list->count++] = event;
    epoch->records++;
}

struct qtl_event *qtl_epoch_add(struct qtl_epoch *epoch, size_t slice,
                                const struct qtl_event *event)
{
    struct qtl_event *const copy = qtl_arena_take(&epoch->arena, sizeof(*copy));
    *copy = *event;
    copy->customer_id = qtl_arena_copy(&epoch->arena, event->customer_id);
    copy->event_id = qtl_arena_copy(&epoch->arena, event->event_id);
    copy->order_id = qtl_arena_copy(&epoch->arena, event->order_id);
    copy->raw = qtl_arena_copy(&epoch->arena, event->raw);
    qtl_epoch_add_borrowed(epoch, slice, copy);
    return copy;
}

void qtl_epoch_add_dead_letter(struct qtl_epoch *epoch, size_t slice,
                               const struct qtl_dead_letter *letter)
{
    QTL_ASSERT(slice < epoch->slice_count);
    struct qtl_epoch_slice *const part = &epoch->slices[slice];
    if (part->dead_letter_count == part->dead_letter_capacity) {
        const size_t capacity =
            part->dead_letter_capacity == 0 ? 64 : 2 * part->dead_letter_capacity;
        struct qtl_dead_letter *const grown =
            realloc(part->dead_letters, capacity * sizeof(*grown));
        QTL_ASSERT(grown != NULL);
        part->dead_letters = grown;
        part->dead_letter_capacity = capacity;
    }
    struct qtl_dead_letter copy = *letter;
    if (copy.raw.length > QTL_DEAD_LETTER_BYTES_MAX) {
        copy.raw.length = QTL_DEAD_LETTER_BYTES_MAX;
    }
    copy.raw = qtl_arena_copy(&epoch->arena, copy.raw);
    copy.key = qtl_arena_copy(&epoch->arena, copy.key);
    part->dead_letters[part->dead_letter_count++] = copy;
    epoch->records++;
}

void qtl_epoch_close(struct qtl_epoch *epoch, int64_t wall, const int64_t *clocks,
                     uint32_t deadlines_max)
{
    epoch->wall = wall;
    for (size_t i = 0; i < epoch->slice_count; i++) {
        struct qtl_epoch_slice *const slice = &epoch->slices[i];
        slice->input.wall = wall;
        slice->input.clock = clocks[i];
        slice->input.deadlines_max = deadlines_max;
        slice->input.has_read = false;
        for (int stream = 0; stream < QTL_STREAMS; stream++) {
            slice->input.events[stream] = slice->lists[stream].events;
            slice->input.counts[stream] = slice->lists[stream].count;
            if (slice->next_offset[stream] > slice->first_offset[stream]) {
                slice->input.has_read = true;
            }
        }
    }
}
