/*
 * Look-ups in a compiled rule set, and its end; see rules.h. Linear: at most 32 kinds and 256
 * segments, asked at start-up and by the decoder, which keeps what it found.
 */
#include "scoring/rules.h"

#include "scoring/base/assert.h"

#include <stdlib.h>
#include <string.h>

void qtl_rules_free(struct qtl_rules *rules)
{
    if (rules == NULL) {
        return;
    }
    for (uint16_t i = 0; i < rules->kind_count; i++) {
        free(rules->kinds[i]);
    }
    for (uint16_t i = 0; i < rules->segment_count; i++) {
        free(rules->segments[i].name);
        free(rules->segments[i].evidence);
    }
    for (uint16_t i = 0; i < rules->metric_count; i++) {
        free(rules->metrics[i].text);
    }
    free(rules->time_zone);
    free(rules->segments);
    free(rules->order);
    free(rules->nodes);
    free(rules->metrics);
    free(rules);
}

static int equals(struct qtl_text text, const char *name)
{
    return strlen(name) == text.length &&
           (text.length == 0 || memcmp(name, text.bytes, text.length) == 0);
}

int qtl_rules_kind(const struct qtl_rules *rules, struct qtl_text name)
{
    for (uint16_t i = 0; i < rules->kind_count; i++) {
        if (equals(name, rules->kinds[i])) {
            return i;
        }
    }
    return -1;
}

int qtl_rules_segment(const struct qtl_rules *rules, struct qtl_text name)
{
    for (uint16_t i = 0; i < rules->segment_count; i++) {
        if (equals(name, rules->segments[i].name)) {
            return i;
        }
    }
    return -1;
}

const char *qtl_rules_state_name(const struct qtl_rules *rules, uint16_t segment, uint8_t state)
{
    QTL_ASSERT(segment < rules->segment_count);
    QTL_ASSERT(rules->segments[segment].type == QTL_SEGMENT_FLAG);
    QTL_ASSERT(state == QTL_STATE_OUT || state == QTL_STATE_IN);
    return state == QTL_STATE_IN ? "in" : "out";
}
