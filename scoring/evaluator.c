/*
 * See evaluator.h. A tree walk over an array of nodes; its depth is bounded by the parser, which
 * takes at most 64 levels of nesting and 1,024 nodes an expression. Nearly every rule, though, is a
 * list of comparisons joined by `and`, or by `or`: these are prepared when the evaluator is made
 * and gone through one by one.
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

enum plan_kind {
    PLAN_TREE, /* by the nodes */
    PLAN_ALL,  /* steps joined by `and`, or a single one */
    PLAN_ANY,  /* by `or` */
};

/* How a condition is evaluated. */
struct plan {
    uint8_t kind;
    uint16_t first; /* step */
    uint16_t count;
};

struct qtl_evaluator {
    const struct qtl_rules *rules;
    struct plan *plans; /* one a node; set for roots, and for conditions below a tree */
    struct qtl_comparison *steps;
    uint16_t step_count;
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

/* Adds a node to the steps, where it is a comparison that can be prepared. */
static bool add_step(struct qtl_evaluator *evaluator, const struct qtl_node *node)
{
    const struct qtl_rules *const rules = evaluator->rules;
    if (node->op < QTL_OP_GREATER || node->op > QTL_OP_NOT_EQUAL) {
        return false;
    }
    const struct qtl_node *const left = &rules->nodes[node->left];
    const struct qtl_node *const right = &rules->nodes[node->right];
    const enum qtl_op op = (enum qtl_op)node->op;
    struct qtl_comparison *const step = &evaluator->steps[evaluator->step_count];
    if (left->op == QTL_OP_METRIC && right->op == QTL_OP_CONSTANT) {
        *step = qtl_comparison_prepare(&rules->metrics[left->metric], op, right->constant);
    } else if (left->op == QTL_OP_CONSTANT && right->op == QTL_OP_METRIC) {
        *step =
            qtl_comparison_prepare(&rules->metrics[right->metric], mirrored(op), left->constant);
    } else if (left->type == QTL_TYPE_INSTANT && left->op == QTL_OP_METRIC &&
               right->op == QTL_OP_METRIC) {
        *step = qtl_comparison_prepare_instants(&rules->metrics[left->metric], op,
                                                &rules->metrics[right->metric]);
    } else {
        return false;
    }
    evaluator->step_count++;
    return true;
}

/* Adds what is joined by `op` to the steps; false where something else is among it. */
static bool flatten(struct qtl_evaluator *evaluator, enum qtl_op op, uint16_t index)
{
    const struct qtl_node *const node = &evaluator->rules->nodes[index];
    if (node->op == op) {
        return flatten(evaluator, op, node->left) && flatten(evaluator, op, node->right);
    }
    return add_step(evaluator, node);
}

static void plan(struct qtl_evaluator *evaluator, uint16_t index)
{
    if (index == QTL_NODE_NONE) {
        return;
    }
    const struct qtl_node *const node = &evaluator->rules->nodes[index];
    const uint16_t first = evaluator->step_count;
    const enum qtl_op op = node->op == QTL_OP_OR ? QTL_OP_OR : QTL_OP_AND;
    if (flatten(evaluator, op, index)) {
        evaluator->plans[index] = (struct plan){.kind = op == QTL_OP_OR ? PLAN_ANY : PLAN_ALL,
                                                .first = first,
                                                .count = (uint16_t)(evaluator->step_count - first)};
        return;
    }
    evaluator->step_count = first;
    if (node->op == QTL_OP_AND || node->op == QTL_OP_OR || node->op == QTL_OP_NOT) {
        plan(evaluator, node->left);
        plan(evaluator, node->op == QTL_OP_NOT ? QTL_NODE_NONE : node->right);
    }
}

struct qtl_evaluator *qtl_evaluator_new(const struct qtl_rules *rules)
{
    struct qtl_evaluator *const evaluator = calloc(1, sizeof(*evaluator));
    QTL_ASSERT(evaluator != NULL);
    evaluator->rules = rules;
    evaluator->plans = calloc(rules->node_count + 1U, sizeof(*evaluator->plans));
    evaluator->steps = calloc(rules->node_count + 1U, sizeof(*evaluator->steps));
    QTL_ASSERT(evaluator->plans != NULL && evaluator->steps != NULL);
    for (uint16_t i = 0; i < rules->segment_count; i++) {
        plan(evaluator, rules->segments[i].when);
        plan(evaluator, rules->segments[i].leave_when);
    }
    return evaluator;
}

void qtl_evaluator_free(struct qtl_evaluator *evaluator)
{
    if (evaluator != NULL) {
        free(evaluator->plans);
        free(evaluator->steps);
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
                                              const struct qtl_view *view,
                                              const struct qtl_node *node)
{
    const struct qtl_reading a = evaluate_number(evaluator, view, node->left);
    const struct qtl_reading b = evaluate_number(evaluator, view, node->right);
    return (struct qtl_verdict){.next = sooner(a.next, b.next),
                                .holds =
                                    a.defined && b.defined &&
                                    qtl_comparison_holds((enum qtl_op)node->op, a.value, b.value)};
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

static struct qtl_verdict evaluate_tree(const struct qtl_evaluator *evaluator,
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
        return evaluate_comparison(evaluator, view, node);
    case QTL_OP_NEGATE:
    case QTL_OP_ADD:
    case QTL_OP_SUBTRACT:
    case QTL_OP_MULTIPLY:
    case QTL_OP_DIVIDE:
        break;
    }
    QTL_UNREACHABLE("a condition of no known operator");
}

struct qtl_verdict qtl_evaluator_condition(const struct qtl_evaluator *evaluator,
                                           const struct qtl_view *view, uint16_t index)
{
    QTL_ASSERT(index < evaluator->rules->node_count);
    const struct plan plan = evaluator->plans[index];
    if (plan.kind == PLAN_TREE) {
        return evaluate_tree(evaluator, view, index);
    }
    const bool decides = plan.kind == PLAN_ANY; /* the truth that settles it */
    const struct qtl_comparison *const steps = evaluator->steps + plan.first;
    int64_t next = QTL_FOREVER;
    for (uint16_t i = 0; i < plan.count; i++) {
        const struct qtl_verdict verdict = qtl_comparison_decide(&steps[i], view);
        if (verdict.holds == decides) {
            return verdict;
        }
        next = sooner(next, verdict.next);
    }
    return (struct qtl_verdict){.next = next, .holds = !decides};
}
