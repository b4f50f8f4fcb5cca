/*
 * Any bytes as a rule file: no crash, no leak, and either rules whose invariants hold or problems
 * with places inside the file, in order.
 */
#include "consumer/rule_file.h"
#include "scoring/base/assert.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void check_expression(const struct qtl_rules *rules, uint16_t root)
{
    QTL_ASSERT(root < rules->node_count);
    QTL_ASSERT(rules->nodes[root].type == QTL_TYPE_CONDITION);
}

static void check_nodes(const struct qtl_rules *rules)
{
    for (uint16_t i = 0; i < rules->node_count; i++) {
        const struct qtl_node *const node = &rules->nodes[i];
        QTL_ASSERT(node->left == QTL_NODE_NONE || node->left < i);
        QTL_ASSERT(node->right == QTL_NODE_NONE || node->right < i);
        QTL_ASSERT((node->op == QTL_OP_METRIC) == (node->metric < rules->metric_count));
    }
}

static void check_metrics(const struct qtl_rules *rules)
{
    for (uint16_t i = 0; i < rules->metric_count; i++) {
        const struct qtl_metric *const metric = &rules->metrics[i];
        QTL_ASSERT(metric->window_s >= 0 && metric->window_s <= rules->retention_s);
        for (uint16_t j = 0; j < i; j++) {
            QTL_ASSERT(strcmp(metric->text, rules->metrics[j].text) != 0);
        }
        if (metric->function == QTL_METRIC_IN || metric->function == QTL_METRIC_DWELL) {
            QTL_ASSERT(metric->segment < rules->segment_count);
        }
    }
}

/* Every segment stands in the order once, after those it names. */
static void check_order(const struct qtl_rules *rules)
{
    bool seen[QTL_SEGMENTS_MAX] = {false};
    for (uint16_t i = 0; i < rules->segment_count; i++) {
        const struct qtl_segment *const segment = &rules->segments[rules->order[i]];
        QTL_ASSERT(!seen[rules->order[i]]);
        for (uint16_t j = 0; j < segment->evidence_count; j++) {
            const struct qtl_metric *const metric = &rules->metrics[segment->evidence[j]];
            const bool reference =
                metric->function == QTL_METRIC_IN || metric->function == QTL_METRIC_DWELL;
            QTL_ASSERT(!reference || seen[metric->segment]);
        }
        seen[rules->order[i]] = true;
    }
}

static void check_rules(const struct qtl_rules *rules)
{
    check_nodes(rules);
    check_metrics(rules);
    check_order(rules);
    for (uint16_t i = 0; i < rules->segment_count; i++) {
        const struct qtl_segment *const segment = &rules->segments[i];
        check_expression(rules, segment->when);
        if (segment->leave_when != QTL_NODE_NONE) {
            check_expression(rules, segment->leave_when);
        }
        QTL_ASSERT(segment->hold_s >= 0 && segment->holdout_e4 <= 10000);
        QTL_ASSERT(qtl_rules_segment(
                       rules, (struct qtl_text){segment->name, (uint32_t)strlen(segment->name)}) ==
                   i);
    }
}

static void check_problems(const struct qtl_problems *problems, size_t length)
{
    for (size_t i = 0; i < problems->count; i++) {
        const struct qtl_place place = problems->items[i].place;
        QTL_ASSERT(place.line <= length + 1 && place.column <= length + 1);
        QTL_ASSERT(problems->items[i].sentence[0] != '\0');
        QTL_ASSERT(i == 0 || problems->items[i - 1].place.line <= place.line);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct qtl_problems problems = {0};
    struct qtl_rules *rules = NULL;
    const enum qtl_status status = qtl_rule_file_parse(
        (struct qtl_text){(const char *)bytes, (uint32_t)length}, &rules, &problems);
    QTL_ASSERT((status == QTL_OK) == (rules != NULL));
    QTL_ASSERT((status == QTL_OK) == (problems.count == 0));
    if (rules != NULL) {
        check_rules(rules);
    }
    check_problems(&problems, length);
    qtl_rules_free(rules);
    qtl_problems_fini(&problems);
    return 0;
}
