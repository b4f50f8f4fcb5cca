/*
 * A binary heap in an array. scoring's timers are no substitute: they hold one deadline a customer
 * and know customers only; here many different things wait for the same one.
 */
#include "consumer/agenda.h"

#include "scoring/base/assert.h"

#include <stdbool.h>
#include <stdlib.h>

static bool earlier(const struct qtl_happening *a, const struct qtl_happening *b)
{
    return a->at != b->at ? a->at < b->at : a->number < b->number;
}

void qtl_agenda_push(struct qtl_agenda *agenda, struct qtl_happening happening)
{
    if (agenda->count == agenda->capacity) {
        agenda->capacity = agenda->capacity == 0 ? 1024 : agenda->capacity * 2;
        struct qtl_happening *const heap =
            realloc(agenda->heap, agenda->capacity * sizeof(*agenda->heap));
        QTL_ASSERT(heap != NULL);
        agenda->heap = heap;
    }
    happening.number = agenda->pushed++;
    size_t place = agenda->count++;
    while (place > 0) {
        const size_t parent = (place - 1) / 2;
        if (!earlier(&happening, &agenda->heap[parent])) {
            break;
        }
        agenda->heap[place] = agenda->heap[parent];
        place = parent;
    }
    agenda->heap[place] = happening;
}

const struct qtl_happening *qtl_agenda_first(const struct qtl_agenda *agenda)
{
    return agenda->count == 0 ? NULL : &agenda->heap[0];
}

struct qtl_happening qtl_agenda_pop(struct qtl_agenda *agenda)
{
    QTL_ASSERT(agenda->count > 0);
    const struct qtl_happening first = agenda->heap[0];
    const struct qtl_happening last = agenda->heap[--agenda->count];
    size_t place = 0;
    for (;;) {
        size_t child = 2 * place + 1;
        if (child >= agenda->count) {
            break;
        }
        if (child + 1 < agenda->count && earlier(&agenda->heap[child + 1], &agenda->heap[child])) {
            child++;
        }
        if (!earlier(&agenda->heap[child], &last)) {
            break;
        }
        agenda->heap[place] = agenda->heap[child];
        place = child;
    }
    if (agenda->count > 0) {
        agenda->heap[place] = last;
    }
    return first;
}

void qtl_agenda_fini(struct qtl_agenda *agenda)
{
    free(agenda->heap);
    *agenda = (struct qtl_agenda){0};
}
