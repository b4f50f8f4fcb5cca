/* See sorted_records.h. */
#include "consumer/sorted_records.h"

#include "schemas/event.h"
#include "scoring/base/assert.h"

#include <stdlib.h>

void qtl_sorted_records_fini(struct qtl_sorted_records *records)
{
    free(records->items);
    qtl_arena_fini(&records->arena);
    *records = (struct qtl_sorted_records){0};
}

void qtl_sorted_records_add(struct qtl_sorted_records *records, const struct qtl_log_append *record,
                            int64_t second)
{
    if (records->count == records->capacity) {
        records->capacity = records->capacity == 0 ? 4096 : 2 * records->capacity;
        struct qtl_sorted_record *const grown =
            realloc(records->items, records->capacity * sizeof(*grown));
        QTL_ASSERT(grown != NULL);
        records->items = grown;
    }
    if (second == QTL_TIME_ABSENT && records->count > 0) {
        second = records->items[records->count - 1].second;
    }
    struct qtl_sorted_record *const item = &records->items[records->count];
    *item =
        (struct qtl_sorted_record){.record = *record, .second = second, .place = records->count};
    item->record.key = qtl_arena_copy(&records->arena, record->key);
    item->record.value = qtl_arena_copy(&records->arena, record->value);
    records->count++;
}

static int compare(const void *left, const void *right)
{
    const struct qtl_sorted_record *const a = left;
    const struct qtl_sorted_record *const b = right;
    if (a->second != b->second) {
        return a->second < b->second ? -1 : 1;
    }
    return a->place < b->place ? -1 : 1;
}

void qtl_sorted_records_sort(struct qtl_sorted_records *records)
{
    if (records->count > 1) {
        qsort(records->items, records->count, sizeof(*records->items), compare);
    }
}
