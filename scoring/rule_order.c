/*
 * Depth first in the order of the file, with a stack of our own: a chain of references may be as
 * long as there are segments. A segment met again while it is still on the stack closes a circle.
 */
#include "scoring/rule_order.h"

#include "scoring/base/assert.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define CIRCLE_TEXT_MAX 512

enum visit { VISIT_NOT_YET, VISIT_OPEN, VISIT_DONE };

struct walk {
    const struct qtl_rules *rules;
    struct qtl_problems *problems;
    struct qtl_place *const *places;
    uint8_t visits[QTL_SEGMENTS_MAX]; /* enum visit */
    uint16_t stack[QTL_SEGMENTS_MAX]; /* open segments, each named by the one before */
    uint16_t next[QTL_SEGMENTS_MAX];  /* their next entry of evidence to look at */
    uint16_t depth;
};

/* "a -> b -> a", cut with "..." in the middle of a very long one. */
static void write_circle(const struct walk *walk, uint16_t first, char text[CIRCLE_TEXT_MAX])
{
    size_t length = 0;
    text[0] = '\0';
    for (uint16_t i = first; i < walk->depth; i++) {
        const char *const name = walk->rules->segments[walk->stack[i]].name;
        if (length + strlen(name) + 100 > CIRCLE_TEXT_MAX) {
            length += (size_t)snprintf(text + length, CIRCLE_TEXT_MAX - length, "... -> ");
            break;
        }
        length += (size_t)snprintf(text + length, CIRCLE_TEXT_MAX - length, "%s -> ", name);
    }
    snprintf(text + length, CIRCLE_TEXT_MAX - length, "%s",
             walk->rules->segments[walk->stack[first]].name);
}

static void refuse_circle(struct walk *walk, uint16_t to, struct qtl_place place)
{
    char text[CIRCLE_TEXT_MAX];
    uint16_t first = 0;
    while (walk->stack[first] != to) {
        first++;
        QTL_ASSERT(first < walk->depth);
    }
    write_circle(walk, first, text);
    qtl_problems_add(walk->problems, place,
                     "segments refer to each other in a circle: %s; expected in(...) and "
                     "dwell(...) without one",
                     text);
}

static void open_segment(struct walk *walk, uint16_t segment)
{
    QTL_ASSERT(walk->visits[segment] == VISIT_NOT_YET);
    QTL_ASSERT(walk->depth < QTL_SEGMENTS_MAX);
    walk->visits[segment] = VISIT_OPEN;
    walk->stack[walk->depth] = segment;
    walk->next[walk->depth] = 0;
    walk->depth++;
}

static bool is_reference(const struct qtl_metric *metric)
{
    return metric->function == QTL_METRIC_IN || metric->function == QTL_METRIC_DWELL;
}

/* Looks at the next evidence of the top segment; false: it has no more. */
static bool step(struct walk *walk)
{
    const uint16_t top = walk->stack[walk->depth - 1];
    const struct qtl_segment *const segment = &walk->rules->segments[top];
    const uint16_t number = walk->next[walk->depth - 1]++;
    if (number >= segment->evidence_count) {
        return false;
    }
    const struct qtl_metric *const metric = &walk->rules->metrics[segment->evidence[number]];
    if (!is_reference(metric)) {
        return true;
    }
    if (walk->visits[metric->segment] == VISIT_OPEN) {
        refuse_circle(walk, metric->segment, walk->places[top][number]);
    } else if (walk->visits[metric->segment] == VISIT_NOT_YET) {
        open_segment(walk, metric->segment);
    }
    return true;
}

void qtl_rule_order_find(const struct qtl_rules *rules, struct qtl_place *const *places,
                         struct qtl_problems *problems, uint16_t *order)
{
    struct walk walk = {.rules = rules, .problems = problems, .places = places};
    uint16_t count = 0;
    QTL_ASSERT(rules->segment_count <= QTL_SEGMENTS_MAX);
    for (uint16_t i = 0; i < rules->segment_count; i++) {
        if (walk.visits[i] == VISIT_NOT_YET) {
            open_segment(&walk, i);
        }
        while (walk.depth > 0) {
            if (!step(&walk)) {
                const uint16_t done = walk.stack[--walk.depth];
                walk.visits[done] = VISIT_DONE;
                order[count++] = done;
            }
        }
    }
    QTL_ASSERT(count == rules->segment_count);
}
