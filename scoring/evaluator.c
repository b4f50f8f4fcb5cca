/*
 * See evaluator.h. A tree walk over an array of nodes; its depth is bounded by the parser, which
 * takes at most 64 levels of nesting and 1,024 nodes an expression. Each distinct metric is read at
 * most once an evaluation, however many rules name it.
 *
 * and / or stop at the operand that decides: as long as it stays so, the whole does, so its `next`
 * alone is the answer.
 *
 * Thread: the slice's owner.
 */
#include "scoring/evaluator.h"

#include "scoring/base/assert.h"
#include "scoring/base/i128.h"

#include <stdlib.h>

struct qtl_evaluator {
    const struct qtl_rules *rules; /* Immutable after new. */
    const struct qtl_view *view;
    uint32_t round; /* of begin(); a reading is fresh where its round is this one */
    uint32_t *rounds;
    struct qtl_reading *readings;
};

struct qtl_evaluator *qtl_evaluator_new(const struct qtl_rules *rules)
{
    struct qtl_evaluator *const evaluator = calloc(1, sizeof(*evaluator));
    QTL_ASSERT(evaluator != NULL);
    evaluator->rules = rules;
    evaluator->rounds = calloc(rules->metric_count + 1U, sizeof(*evaluator->rounds));
    evaluator->readings = calloc(rules->metric_count + 1U, sizeof(*evaluator->readings));
    QTL_ASSERT(evaluator->rounds != NULL && evaluator->readings != NULL);
    return evaluator;
}

void qtl_evaluator_free(struct qtl_evaluator *evaluator)
{
    if (evaluator == NULL) {
        return;
    }
    free(evaluator->rounds);
    free(evaluator->readings);
    free(evaluator);
}

void qtl_evaluator_begin(struct qtl_evaluator *evaluator, const struct qtl_view *view)
{
    evaluator->view = view;
    evaluator->round++;
    if (evaluator->round == 0) { /* wrapped: no old round may look fresh */
        for (uint16_t i = 0; i < evaluator->rules->metric_count; i++) {
            evaluator->rounds[i] = 0;
        }
        evaluator->round = 1;
    }
}

const struct qtl_reading *qtl_evaluator_metric(struct qtl_evaluator *evaluator, uint16_t metric)
{
    QTL_ASSERT(metric < evaluator->rules->metric_count);
    const struct qtl_metric *const definition = &evaluator->rules->metrics[metric];
    struct qtl_reading *const reading = &evaluator->readings[metric];
    const bool changes =
        definition->function == QTL_METRIC_IN || definition->function == QTL_METRIC_DWELL;
    if (changes || evaluator->rounds[metric] != evaluator->round) {
        *reading = qtl_metric_read(evaluator->view, definition);
        evaluator->rounds[metric] = evaluator->round;
    }
    return reading;
}

static int64_t sooner(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static struct qtl_reading narrowed(qtl_i128 value, int64_t next)
{
    const bool fits = value >= INT64_MIN && value <= INT64_MAX;
    return (struct qtl_reading){.value = fits ? (int64_t)value : 0, .next = next, .defined = fits};
}

static struct qtl_reading evaluate_number(struct qtl_evaluator *evaluator, uint16_t index);

static struct qtl_reading evaluate_arithmetic(struct qtl_evaluator *evaluator,
                                              const struct qtl_node *node)
{
    const struct qtl_reading left = evaluate_number(evaluator, node->left);
    const struct qtl_reading right = evaluate_number(evaluator, node->right);
    const int64_t next = sooner(left.next, right.next);
    if (!left.defined || !right.defined) {
        return (struct qtl_reading){.next = next};
    }
    const qtl_i128 a = left.value;
    const qtl_i128 b = right.value;
    if (node->op == QTL_OP_ADD) {
        return narrowed(a + b, next);
    }
    if (node->op == QTL_OP_SUBTRACT) {
        return narrowed(a - b, next);
    }
    if (node->op == QTL_OP_MULTIPLY) {
        return narrowed(a * b / 10000, next);
    }
    QTL_ASSERT(node->op == QTL_OP_DIVIDE);
    if (b == 0) {
        return (struct qtl_reading){.next = next};
    }
    return narrowed(a * 10000 / b, next);
}

static struct qtl_reading evaluate_number(struct qtl_evaluator *evaluator, uint16_t index)
{
    const struct qtl_node *const node = &evaluator->rules->nodes[index];
    if (node->op == QTL_OP_CONSTANT) {
        return (struct qtl_reading){.value = node->constant, .next = QTL_FOREVER, .defined = true};
    }
    if (node->op == QTL_OP_METRIC) {
        return *qtl_evaluator_metric(evaluator, node->metric);
    }
    if (node->op == QTL_OP_NEGATE) {
        const struct qtl_reading operand = evaluate_number(evaluator, node->left);
        return operand.defined ? narrowed(-(qtl_i128)operand.value, operand.next) : operand;
    }
    return evaluate_arithmetic(evaluator, node);
}

static enum qtl_op mirrored(enum qtl_op op)
{
    if (op == QTL_OP_GREATER) {
        return QTL_OP_LESS;
    }
    if (op == QTL_OP_GREATER_EQUAL) {
        return QTL_OP_LESS_EQUAL;
    }
    if (op == QTL_OP_LESS) {
        return QTL_OP_GREATER;
    }
    if (op == QTL_OP_LESS_EQUAL) {
        return QTL_OP_GREATER_EQUAL;
    }
    return op;
}

/* When `second - base OP length` next changes: at base + length for >= and <, one second later for
 * > and <=, at both for == and !=. */
static int64_t next_of_duration(enum qtl_op op, int64_t base, int64_t length, int64_t second)
{
    const int64_t reached = base + length;
    const bool at_reached = op != QTL_OP_GREATER && op != QTL_OP_LESS_EQUAL;
    const bool behind = op != QTL_OP_GREATER_EQUAL && op != QTL_OP_LESS;
    if (at_reached && reached > second) {
        return reached;
    }
    return behind && reached + 1 > second ? reached + 1 : QTL_FOREVER;
}

static struct qtl_verdict compare_metric(struct qtl_evaluator *evaluator, enum qtl_op op,
                                         uint16_t metric, int64_t constant)
{
    const struct qtl_metric *const definition = &evaluator->rules->metrics[metric];
    const struct qtl_reading *const reading = qtl_evaluator_metric(evaluator, metric);
    if (!reading->defined) {
        return (struct qtl_verdict){.next = reading->next};
    }
    const bool holds = qtl_metric_compare(op, reading->value, constant);
    if (definition->type == QTL_TYPE_DURATION) {
        return (struct qtl_verdict){
            .next = next_of_duration(op, reading->base, constant, evaluator->view->second),
            .holds = holds};
    }
    return (struct qtl_verdict){
        .next = qtl_metric_crossing(evaluator->view, definition, op, constant, reading->next),
        .holds = holds};
}

static struct qtl_verdict evaluate_comparison(struct qtl_evaluator *evaluator,
                                              const struct qtl_node *node)
{
    const struct qtl_node *const left = &evaluator->rules->nodes[node->left];
    const struct qtl_node *const right = &evaluator->rules->nodes[node->right];
    const enum qtl_op op = (enum qtl_op)node->op;
    if (left->op == QTL_OP_METRIC && right->op == QTL_OP_CONSTANT) {
        return compare_metric(evaluator, op, left->metric, right->constant);
    }
    if (left->op == QTL_OP_CONSTANT && right->op == QTL_OP_METRIC) {
        return compare_metric(evaluator, mirrored(op), right->metric, left->constant);
    }
    const struct qtl_reading a = evaluate_number(evaluator, node->left);
    const struct qtl_reading b = evaluate_number(evaluator, node->right);
    return (struct qtl_verdict){.next = sooner(a.next, b.next),
                                .holds = a.defined && b.defined &&
                                         qtl_metric_compare(op, a.value, b.value)};
}

static struct qtl_verdict evaluate_both(struct qtl_evaluator *evaluator,
                                        const struct qtl_node *node)
{
    const bool decides = node->op == QTL_OP_OR; /* the truth that settles it */
    const struct qtl_verdict left = qtl_evaluator_condition(evaluator, node->left);
    if (left.holds == decides) {
        return left;
    }
    const struct qtl_verdict right = qtl_evaluator_condition(evaluator, node->right);
    if (right.holds == decides) {
        return right;
    }
    return (struct qtl_verdict){.next = sooner(left.next, right.next), .holds = !decides};
}

struct qtl_verdict qtl_evaluator_condition(struct qtl_evaluator *evaluator, uint16_t index)
{
    QTL_ASSERT(index < evaluator->rules->node_count);
    const struct qtl_node *const node = &evaluator->rules->nodes[index];
    QTL_ASSERT(node->type == QTL_TYPE_CONDITION);
    switch ((enum qtl_op)node->op) {
    case QTL_OP_NOT: {
        const struct qtl_verdict operand = qtl_evaluator_condition(evaluator, node->left);
        return (struct qtl_verdict){.next = operand.next, .holds = !operand.holds};
    }
    case QTL_OP_AND:
    case QTL_OP_OR:
        return evaluate_both(evaluator, node);
    case QTL_OP_METRIC: {
        const struct qtl_reading *const reading = qtl_evaluator_metric(evaluator, node->metric);
        return (struct qtl_verdict){.next = reading->next,
                                    .holds = reading->defined && reading->value != 0};
    }
    case QTL_OP_CONSTANT:
        return (struct qtl_verdict){.next = QTL_FOREVER, .holds = node->constant != 0};
    case QTL_OP_GREATER:
    case QTL_OP_GREATER_EQUAL:
    case QTL_OP_LESS:
    case QTL_OP_LESS_EQUAL:
    case QTL_OP_EQUAL:
    case QTL_OP_NOT_EQUAL:
        return evaluate_comparison(evaluator, node);
    case QTL_OP_NEGATE:
    case QTL_OP_ADD:
    case QTL_OP_SUBTRACT:
    case QTL_OP_MULTIPLY:
    case QTL_OP_DIVIDE:
        break;
    }
    QTL_UNREACHABLE("a condition of no known operator");
}
