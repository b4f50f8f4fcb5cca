/*
 * Recursive descent, one function a level of precedence, loosest first:
 *
 *   or          and { "or" and }
 *   and         not { "and" not }
 *   not         { "not" } comparison
 *   comparison  sum [ op sum ]                       no chains
 *   sum         product { ("+" | "-") product }
 *   product     unary { ("*" | "/") unary }
 *   unary       { "-" } primary
 *   primary     number | duration | metric | "(" or ")"
 *
 * The text comes from outside, so every way to recurse (parentheses, `not`, `-`) counts against one
 * bound, QTL_NESTING_MAX. What cannot be read stops the expression; what is read but wrong (a name,
 * a type) gives an `unknown` operand that nothing complains about again, so that one look finds as
 * much as possible and nothing twice.
 */
#include "scoring/expression.h"

#include "scoring/base/assert.h"
#include "scoring/metric_call.h"
#include "scoring/suggestion.h"

#include <stddef.h>

struct parser {
    struct qtl_expression_context *context;
    struct qtl_lexer lexer;
    uint16_t depth;      /* open parentheses, `not`s and minuses */
    uint16_t node_count; /* of this expression */
};

struct operand {
    uint16_t node;
    enum qtl_type type;
    bool unknown;   /* wrong, reported; only `type` may be looked at */
    bool constant;  /* a literal */
    uint32_t start; /* its text */
    uint32_t end;
};

static bool parse_or(struct parser *parser, struct operand *result);

static enum qtl_token_type token(const struct parser *parser)
{
    return parser->lexer.token.type;
}

static struct qtl_place place_at(const struct parser *parser, uint32_t offset)
{
    return qtl_lexer_place(parser->lexer.source, offset);
}

static struct qtl_text operand_text(const struct parser *parser, const struct operand *operand)
{
    return (struct qtl_text){parser->lexer.source->text.bytes + operand->start,
                             operand->end - operand->start};
}

static const char *type_words(enum qtl_type type)
{
    switch (type) {
    case QTL_TYPE_CONDITION:
        return "a condition";
    case QTL_TYPE_NUMBER:
        return "a number";
    case QTL_TYPE_DURATION:
        return "a duration";
    case QTL_TYPE_INSTANT:
        return "an instant";
    case QTL_TYPE_TEXT:
        return "a text";
    }
    QTL_UNREACHABLE("a type without words");
}

/* "`x` is a number; expected ..." */
static void refuse_operand(struct parser *parser, struct operand *operand, const char *expected)
{
    if (!operand->unknown) {
        const struct qtl_text text = operand_text(parser, operand);
        qtl_problems_add(parser->context->problems, place_at(parser, operand->start),
                         "`%.*s` is %s; expected %s", qtl_problems_cut(text), text.bytes,
                         type_words(operand->type), expected);
    }
    operand->unknown = true;
}

/* Reports what stands where it cannot; the lexer's own reports are enough. */
static void refuse_token(struct parser *parser, const char *expected, const char *hint)
{
    const struct qtl_text text = qtl_lexer_text(&parser->lexer);
    const struct qtl_place place = place_at(parser, parser->lexer.token.start);
    if (token(parser) == QTL_TOKEN_END) {
        qtl_problems_add(parser->context->problems, place,
                         "the expression ends too early; expected %s%s", expected, hint);
    } else if (token(parser) != QTL_TOKEN_BROKEN) {
        qtl_problems_add(parser->context->problems, place, "unexpected `%.*s`; expected %s%s",
                         qtl_problems_cut(text), text.bytes, expected, hint);
    }
}

/* False: the bound is passed, reported. Every true one is followed by leave(). */
static bool enter(struct parser *parser)
{
    if (parser->depth == QTL_NESTING_MAX) {
        qtl_problems_add(parser->context->problems, place_at(parser, parser->lexer.token.start),
                         "the expression is nested too deeply; expected at most %d levels",
                         QTL_NESTING_MAX);
        return false;
    }
    parser->depth++;
    return true;
}

static void leave(struct parser *parser)
{
    QTL_ASSERT(parser->depth > 0);
    parser->depth--;
}

/* Appends a node; false: no room, reported. */
static bool add_node(struct parser *parser, struct qtl_node node, struct operand *result)
{
    struct qtl_rules *const rules = parser->context->rules;
    if (parser->node_count == QTL_EXPRESSION_NODES_MAX || rules->node_count == QTL_NODES_MAX) {
        qtl_problems_add(parser->context->problems, place_at(parser, result->start),
                         "too many terms; expected at most %d terms and operators in an "
                         "expression and %d in a file",
                         QTL_EXPRESSION_NODES_MAX, QTL_NODES_MAX);
        return false;
    }
    QTL_ASSERT(node.left == QTL_NODE_NONE || node.left < rules->node_count);
    QTL_ASSERT(node.right == QTL_NODE_NONE || node.right < rules->node_count);
    result->node = rules->node_count++;
    parser->node_count++;
    rules->nodes[result->node] = node;
    result->type = (enum qtl_type)node.type;
    return true;
}

static struct qtl_node operator_node(enum qtl_op op, enum qtl_type type, uint16_t left,
                                     uint16_t right)
{
    return (struct qtl_node){.op = (uint8_t)op,
                             .type = (uint8_t)type,
                             .left = left,
                             .right = right,
                             .metric = QTL_METRIC_UNKNOWN};
}

/* `left` becomes `left op right`. */
static bool combine(struct parser *parser, enum qtl_op op, enum qtl_type type, struct operand *left,
                    const struct operand *right)
{
    left->end = right->end;
    left->constant = false;
    left->unknown = left->unknown || right->unknown;
    left->type = type;
    if (left->unknown) {
        return true;
    }
    return add_node(parser, operator_node(op, type, left->node, right->node), left);
}

static bool parse_constant(struct parser *parser, enum qtl_type type, struct operand *result)
{
    const struct qtl_node node = {
        .op = QTL_OP_CONSTANT,
        .type = (uint8_t)type,
        .left = QTL_NODE_NONE,
        .right = QTL_NODE_NONE,
        .metric = QTL_METRIC_UNKNOWN,
        .constant = parser->lexer.token.value,
    };
    result->constant = true;
    qtl_lexer_next(&parser->lexer);
    return add_node(parser, node, result);
}

static bool parse_metric(struct parser *parser, struct operand *result)
{
    uint16_t metric;
    if (!qtl_metric_call_parse(parser->context, &parser->lexer, &metric)) {
        return false;
    }
    if (metric == QTL_METRIC_UNKNOWN) {
        result->unknown = true;
        return true;
    }
    return add_node(parser,
                    (struct qtl_node){.op = QTL_OP_METRIC,
                                      .type = parser->context->rules->metrics[metric].type,
                                      .left = QTL_NODE_NONE,
                                      .right = QTL_NODE_NONE,
                                      .metric = metric},
                    result);
}

static bool parse_parentheses(struct parser *parser, struct operand *result)
{
    const uint32_t start = parser->lexer.token.start;
    if (!enter(parser)) {
        return false;
    }
    qtl_lexer_next(&parser->lexer);
    if (!parse_or(parser, result)) {
        return false;
    }
    if (token(parser) != QTL_TOKEN_CLOSE) {
        refuse_token(parser, "an operator or `)`", "");
        return false;
    }
    qtl_lexer_next(&parser->lexer);
    leave(parser);
    result->start = start;
    return true;
}

static bool parse_primary(struct parser *parser, struct operand *result)
{
    *result = (struct operand){.node = QTL_NODE_NONE, .start = parser->lexer.token.start};
    bool read = false;
    if (token(parser) == QTL_TOKEN_NUMBER) {
        read = parse_constant(parser, QTL_TYPE_NUMBER, result);
    } else if (token(parser) == QTL_TOKEN_DURATION) {
        read = parse_constant(parser, QTL_TYPE_DURATION, result);
    } else if (token(parser) == QTL_TOKEN_NAME) {
        read = parse_metric(parser, result);
    } else if (token(parser) == QTL_TOKEN_OPEN) {
        read = parse_parentheses(parser, result);
    } else if (token(parser) == QTL_TOKEN_TEXT) {
        /* Nothing but attr() can stand beside it, which is reported itself; alone it is refused
         * as no condition. */
        result->type = QTL_TYPE_TEXT;
        result->constant = true;
        qtl_lexer_next(&parser->lexer);
        read = true;
    } else {
        refuse_token(parser, "a metric, a number, a duration or `(`",
                     token(parser) == QTL_TOKEN_NOT ? "; put the `not` into parentheses" : "");
    }
    result->end = parser->lexer.last_end;
    return read;
}

static bool parse_unary(struct parser *parser, struct operand *result)
{
    if (token(parser) != QTL_TOKEN_MINUS) {
        return parse_primary(parser, result);
    }
    const uint32_t start = parser->lexer.token.start;
    if (!enter(parser)) {
        return false;
    }
    qtl_lexer_next(&parser->lexer);
    if (!parse_unary(parser, result)) {
        return false;
    }
    leave(parser);
    if (!result->unknown && result->type != QTL_TYPE_NUMBER) {
        refuse_operand(parser, result, "a number after `-`");
    }
    result->start = start;
    result->constant = false;
    result->type = QTL_TYPE_NUMBER;
    if (result->unknown) {
        return true;
    }
    return add_node(
        parser, operator_node(QTL_OP_NEGATE, QTL_TYPE_NUMBER, result->node, QTL_NODE_NONE), result);
}

static bool calculate(struct parser *parser, enum qtl_op op, struct operand *left,
                      struct operand *right)
{
    static const char expected[] = "a number: only numbers are added, subtracted, multiplied and "
                                   "divided";
    if (left->type != QTL_TYPE_NUMBER) {
        refuse_operand(parser, left, expected);
    }
    if (right->type != QTL_TYPE_NUMBER) {
        refuse_operand(parser, right, expected);
    }
    return combine(parser, op, QTL_TYPE_NUMBER, left, right);
}

static bool parse_product(struct parser *parser, struct operand *result)
{
    if (!parse_unary(parser, result)) {
        return false;
    }
    while (token(parser) == QTL_TOKEN_STAR || token(parser) == QTL_TOKEN_SLASH) {
        const enum qtl_op op = token(parser) == QTL_TOKEN_STAR ? QTL_OP_MULTIPLY : QTL_OP_DIVIDE;
        struct operand right;
        qtl_lexer_next(&parser->lexer);
        if (!parse_unary(parser, &right) || !calculate(parser, op, result, &right)) {
            return false;
        }
    }
    return true;
}

static bool parse_sum(struct parser *parser, struct operand *result)
{
    if (!parse_product(parser, result)) {
        return false;
    }
    while (token(parser) == QTL_TOKEN_PLUS || token(parser) == QTL_TOKEN_MINUS) {
        const enum qtl_op op = token(parser) == QTL_TOKEN_PLUS ? QTL_OP_ADD : QTL_OP_SUBTRACT;
        struct operand right;
        qtl_lexer_next(&parser->lexer);
        if (!parse_product(parser, &right) || !calculate(parser, op, result, &right)) {
            return false;
        }
    }
    return true;
}

/* The comparison that a token is, or QTL_OP_CONSTANT. */
static enum qtl_op comparison_op(enum qtl_token_type type)
{
    static const struct {
        enum qtl_token_type type;
        enum qtl_op op;
    } comparisons[] = {
        {QTL_TOKEN_GREATER, QTL_OP_GREATER}, {QTL_TOKEN_GREATER_EQUAL, QTL_OP_GREATER_EQUAL},
        {QTL_TOKEN_LESS, QTL_OP_LESS},       {QTL_TOKEN_LESS_EQUAL, QTL_OP_LESS_EQUAL},
        {QTL_TOKEN_EQUAL, QTL_OP_EQUAL},     {QTL_TOKEN_NOT_EQUAL, QTL_OP_NOT_EQUAL},
    };
    for (size_t i = 0; i < sizeof(comparisons) / sizeof(comparisons[0]); i++) {
        if (comparisons[i].type == type) {
            return comparisons[i].op;
        }
    }
    return QTL_OP_CONSTANT;
}

static void refuse_mixed(struct parser *parser, const struct operand *left, struct operand *right)
{
    const struct qtl_text left_text = operand_text(parser, left);
    const struct qtl_text right_text = operand_text(parser, right);
    const bool unit = (left->type == QTL_TYPE_DURATION && right->type == QTL_TYPE_NUMBER) ||
                      (left->type == QTL_TYPE_NUMBER && right->type == QTL_TYPE_DURATION);
    qtl_problems_add(parser->context->problems, place_at(parser, right->start),
                     "`%.*s` is %s and `%.*s` is %s; expected two values of one type%s",
                     qtl_problems_cut(left_text), left_text.bytes, type_words(left->type),
                     qtl_problems_cut(right_text), right_text.bytes, type_words(right->type),
                     unit && (left->constant || right->constant)
                         ? "; durations have a unit, e.g. `30d`, numbers have none"
                         : "");
    right->unknown = true;
}

/* Whether the two may be compared; where not, the reason is reported and `right` unknown. */
static void check_comparison(struct parser *parser, struct operand *left, struct operand *right)
{
    static const char conditions[] =
        "a value: conditions are joined by and, or, not, never compared";
    if (left->unknown || right->unknown) {
        return;
    }
    if (left->type == QTL_TYPE_CONDITION) {
        refuse_operand(parser, left, conditions);
    } else if (right->type == QTL_TYPE_CONDITION) {
        refuse_operand(parser, right, conditions);
    } else if (left->type != right->type) {
        refuse_mixed(parser, left, right);
    } else if (left->type == QTL_TYPE_DURATION && left->constant == right->constant) {
        refuse_operand(parser, right,
                       left->constant ? "since(...), age(...) or dwell(...) beside a constant one"
                                      : "a constant duration such as `30d`");
    } else if (left->type == QTL_TYPE_TEXT) {
        refuse_operand(parser, right,
                       "a value; texts are compared with attr(...) only, which "
                       "comes with a later version");
    }
}

static bool parse_comparison(struct parser *parser, struct operand *result)
{
    if (!parse_sum(parser, result)) {
        return false;
    }
    const enum qtl_op op = comparison_op(token(parser));
    if (op == QTL_OP_CONSTANT) {
        return true;
    }
    struct operand right;
    qtl_lexer_next(&parser->lexer);
    if (!parse_sum(parser, &right)) {
        return false;
    }
    if (comparison_op(token(parser)) != QTL_OP_CONSTANT) {
        refuse_token(parser, "one comparison, they do not chain", "; join two by `and`");
        return false;
    }
    check_comparison(parser, result, &right);
    return combine(parser, op, QTL_TYPE_CONDITION, result, &right);
}

static void require_condition(struct parser *parser, struct operand *operand)
{
    if (!operand->unknown && operand->type != QTL_TYPE_CONDITION) {
        refuse_operand(parser, operand, "a condition, e.g. a comparison with `>`");
    }
}

static bool parse_not(struct parser *parser, struct operand *result)
{
    if (token(parser) != QTL_TOKEN_NOT) {
        return parse_comparison(parser, result);
    }
    const uint32_t start = parser->lexer.token.start;
    if (!enter(parser)) {
        return false;
    }
    qtl_lexer_next(&parser->lexer);
    if (!parse_not(parser, result)) {
        return false;
    }
    leave(parser);
    require_condition(parser, result);
    result->start = start;
    result->type = QTL_TYPE_CONDITION;
    if (result->unknown) {
        return true;
    }
    return add_node(
        parser, operator_node(QTL_OP_NOT, QTL_TYPE_CONDITION, result->node, QTL_NODE_NONE), result);
}

static bool parse_and(struct parser *parser, struct operand *result)
{
    if (!parse_not(parser, result)) {
        return false;
    }
    while (token(parser) == QTL_TOKEN_AND) {
        struct operand right;
        qtl_lexer_next(&parser->lexer);
        if (!parse_not(parser, &right)) {
            return false;
        }
        require_condition(parser, result);
        require_condition(parser, &right);
        if (!combine(parser, QTL_OP_AND, QTL_TYPE_CONDITION, result, &right)) {
            return false;
        }
    }
    return true;
}

static bool parse_or(struct parser *parser, struct operand *result)
{
    if (!parse_and(parser, result)) {
        return false;
    }
    while (token(parser) == QTL_TOKEN_OR) {
        struct operand right;
        qtl_lexer_next(&parser->lexer);
        if (!parse_and(parser, &right)) {
            return false;
        }
        require_condition(parser, result);
        require_condition(parser, &right);
        if (!combine(parser, QTL_OP_OR, QTL_TYPE_CONDITION, result, &right)) {
            return false;
        }
    }
    return true;
}

/* After a whole expression nothing may follow. */
static bool require_end(struct parser *parser)
{
    if (token(parser) == QTL_TOKEN_END) {
        return true;
    }
    struct qtl_suggestion suggestion;
    qtl_suggestion_init(&suggestion, qtl_lexer_text(&parser->lexer));
    if (token(parser) == QTL_TOKEN_NAME) {
        qtl_suggestion_offer(&suggestion, "and");
        qtl_suggestion_offer(&suggestion, "not");
    }
    refuse_token(parser, "an operator (and, or, a comparison, + - * /) or the end",
                 qtl_suggestion_sentence(&suggestion));
    return false;
}

uint16_t qtl_expression_parse(struct qtl_expression_context *context,
                              const struct qtl_source *source)
{
    struct parser parser = {.context = context};
    struct operand result;
    qtl_lexer_init(&parser.lexer, source, context->problems);
    qtl_lexer_next(&parser.lexer);
    if (token(&parser) == QTL_TOKEN_END) {
        qtl_problems_add(context->problems, qtl_lexer_place(source, 0),
                         "the condition is empty; expected one, e.g. `spend(365d) >= 2000`");
        return QTL_NODE_NONE;
    }
    if (!parse_or(&parser, &result) || !require_end(&parser)) {
        return QTL_NODE_NONE;
    }
    require_condition(&parser, &result);
    QTL_ASSERT(parser.depth == 0);
    QTL_ASSERT(result.unknown || result.node + 1 == context->rules->node_count);
    return result.unknown ? QTL_NODE_NONE : result.node;
}
