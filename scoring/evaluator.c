/*
 * See evaluator.h. A tree walk over an array of nodes; its depth is bounded by the parser, which
 * takes at most 64 levels of nesting and 1,024 nodes an expression. Comparisons with a constant are
 * prepared when the evaluator is made, and compared instants are read without a detour.
 *
 * and / or stop at the operand that decides: as long as it stays so, the whole does, so its `next`
 * alone is the answer.
 *
 * Rejected: keeping what a metric was within an evaluation for the next rule that names it. Reading
 * it again from lines that are in the cache costs less than the bookkeeping.
 *
 * Thread: any.
 */
#include "scoring/evaluator.h"

#include "scoring/base/assert.h"
#include "scoring/base/i128.h"

#include <stdlib.h>

struct qtl_evaluator {
    const struct qtl_rules *rules;
    /* One a node; `metric` is NULL where the node is no comparison of a metric with a constant. */
    struct qtl_comparison *comparisons;
};

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

static void prepare(struct qtl_evaluator *evaluator, uint16_t index)
{
    const struct qtl_rules *const rules = evaluator->rules;
    const struct qtl_node *const node = &rules->nodes[index];
    if (node->op < QTL_OP_GREATER || node->op > QTL_OP_NOT_EQUAL) {
        return;
    }
    const struct qtl_node *const left = &rules->nodes[node->left];
    const struct qtl_node *const right = &rules->nodes[node->right];
    const enum qtl_op op = (enum qtl_op)node->op;
    if (left->op == QTL_OP_METRIC && right->op == QTL_OP_CONSTANT) {
        evaluator->comparisons[index] =
            qtl_comparison_prepare(&rules->metrics[left->metric], op, right->constant);
    } else if (left->op == QTL_OP_CONSTANT && right->op == QTL_OP_METRIC) {
        evaluator->comparisons[index] =
            qtl_comparison_prepare(&rules->metrics[right->metric], mirrored(op), left->constant);
    }
}

struct qtl_evaluator *qtl_evaluator_new(const struct qtl_rules *rules)
{
    struct qtl_evaluator *const evaluator = calloc(1, sizeof(*evaluator));
    QTL_ASSERT(evaluator != NULL);
    evaluator->rules = rules;
    evaluator->comparisons = calloc(rules->node_count + 1U, sizeof(*evaluator->comparisons));
    QTL_ASSERT(evaluator->comparisons != NULL);
    for (uint16_t i = 0; i < rules->node_count; i++) {
        prepare(evaluator, i);
    }
    return evaluator;
}

void qtl_evaluator_free(struct qtl_evaluator *evaluator)
{
    if (evaluator != NULL) {
        free(evaluator->comparisons);
        free(evaluator);
    }
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

static struct qtl_reading evaluate_number(const struct qtl_evaluator *evaluator,
                                          const struct qtl_view *view, uint16_t index);

static struct qtl_reading evaluate_arithmetic(const struct qtl_evaluator *evaluator,
                                              const struct qtl_view *view,
                                              const struct qtl_node *node)
{
    const struct qtl_reading left = evaluate_number(evaluator, view, node->left);
    const struct qtl_reading right = evaluate_number(evaluator, view, node->right);
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

static struct qtl_reading evaluate_number(const struct qtl_evaluator *evaluator,
                                          const struct qtl_view *view, uint16_t index)
{
    const struct qtl_node *const node = &evaluator->rules->nodes[index];
    if (node->op == QTL_OP_CONSTANT) {
        return (struct qtl_reading){.value = node->constant, .next = QTL_FOREVER, .defined = true};
    }
    if (node->op == QTL_OP_METRIC) {
        return qtl_metric_read(view, &evaluator->rules->metrics[node->metric]);
    }
    if (node->op == QTL_OP_NEGATE) {
        const struct qtl_reading operand = evaluate_number(evaluator, view, node->left);
        return operand.defined ? narrowed(-(qtl_i128)operand.value, operand.next) : operand;
    }
    return evaluate_arithmetic(evaluator, view, node);
}

static struct qtl_verdict evaluate_comparison(const struct qtl_evaluator *evaluator,
                                              const struct qtl_view *view, uint16_t index)
{
    if (evaluator->comparisons[index].metric != NULL) {
        return qtl_comparison_decide(&evaluator->comparisons[index], view);
    }
    const struct qtl_rules *const rules = evaluator->rules;
    const struct qtl_node *const node = &rules->nodes[index];
    const struct qtl_node *const left = &rules->nodes[node->left];
    const struct qtl_node *const right = &rules->nodes[node->right];
    const enum qtl_op op = (enum qtl_op)node->op;
    if (left->type == QTL_TYPE_INSTANT && left->op == QTL_OP_METRIC && right->op == QTL_OP_METRIC) {
        return (struct qtl_verdict){.next = QTL_FOREVER,
                                    .holds = qtl_comparison_holds(
                                        op, qtl_metric_instant(view, &rules->metrics[left->metric]),
                                        qtl_metric_instant(view, &rules->metrics[right->metric]))};
    }
    const struct qtl_reading a = evaluate_number(evaluator, view, node->left);
    const struct qtl_reading b = evaluate_number(evaluator, view, node->right);
    return (struct qtl_verdict){.next = sooner(a.next, b.next),
                                .holds = a.defined && b.defined &&
                                         qtl_comparison_holds(op, a.value, b.value)};
}

static struct qtl_verdict evaluate_both(const struct qtl_evaluator *evaluator,
                                        const struct qtl_view *view, const struct qtl_node *node)
{
    const bool decides = node->op == QTL_OP_OR; /* the truth that settles it */
    const struct qtl_verdict left = qtl_evaluator_condition(evaluator, view, node->left);
    if (left.holds == decides) {
        return left;
    }
    const struct qtl_verdict right = qtl_evaluator_condition(evaluator, view, node->right);
    if (right.holds == decides) {
        return right;
    }
    return (struct qtl_verdict){.next = sooner(left.next, right.next), .holds = !decides};
}

struct qtl_verdict qtl_evaluator_condition(const struct qtl_evaluator *evaluator,
                                           const struct qtl_view *view, uint16_t index)
{
    QTL_ASSERT(index < evaluator->rules->node_count);
    const struct qtl_node *const node = &evaluator->rules->nodes[index];
    QTL_ASSERT(node->type == QTL_TYPE_CONDITION);
    switch ((enum qtl_op)node->op) {
    case QTL_OP_NOT: {
        const struct qtl_verdict operand = qtl_evaluator_condition(evaluator, view, node->left);
        return (struct qtl_verdict){.next = operand.next, .holds = !operand.holds};
    }
    case QTL_OP_AND:
    case QTL_OP_OR:
        return evaluate_both(evaluator, view, node);
    case QTL_OP_METRIC: {
        const struct qtl_reading reading =
            qtl_metric_read(view, &evaluator->rules->metrics[node->metric]);
        return (struct qtl_verdict){.next = reading.next,
                                    .holds = reading.defined && reading.value != 0};
    }
    case QTL_OP_CONSTANT:
        return (struct qtl_verdict){.next = QTL_FOREVER, .holds = node->constant != 0};
    case QTL_OP_GREATER:
    case QTL_OP_GREATER_EQUAL:
    case QTL_OP_LESS:
    case QTL_OP_LESS_EQUAL:
    case QTL_OP_EQUAL:
    case QTL_OP_NOT_EQUAL:
        return evaluate_comparison(evaluator, view, index);
    case QTL_OP_NEGATE:
    case QTL_OP_ADD:
    case QTL_OP_SUBTRACT:
    case QTL_OP_MULTIPLY:
    case QTL_OP_DIVIDE:
        break;
    }
    QTL_UNREACHABLE("a condition of no known operator");
}
