/*
 * The expression language: what text becomes which tree, and which text is refused where and with
 * which words. Trees are compared as text, (operator left right).
 */
#include "scoring/rule_builder.h"
#include "tests/unit/test.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX 65536

static struct qtl_source source_of(const char *text)
{
    return (struct qtl_source){.text = {text, (uint32_t)strlen(text)}};
}

static void add_flag(struct qtl_rule_builder *builder, const char *name, const char *when,
                     const char *leave_when)
{
    const uint32_t line = 1;
    struct qtl_segment_source segment = {
        .name = {name, (uint32_t)strlen(name)},
        .place = {line, 1},
        .when = source_of(when),
    };
    if (leave_when != NULL) {
        segment.leave_when = source_of(leave_when);
    }
    qtl_rule_builder_segment(builder, &segment);
}

/* Compiles flags a, b, c, ... with these conditions; NULL where there are problems. */
static struct qtl_rules *compile(const char *const *conditions, size_t count,
                                 struct qtl_problems *problems)
{
    static const char names[][2] = {"a", "b", "c", "d", "e", "g"};
    struct qtl_rule_builder *builder = qtl_rule_builder_new(problems);
    struct qtl_rules *rules = NULL;
    assert_true(count <= sizeof(names) / sizeof(names[0]));
    for (size_t i = 0; i < count; i++) {
        add_flag(builder, names[i], conditions[i], NULL);
    }
    const enum qtl_status status = qtl_rule_builder_finish(&builder, 7, &rules);
    assert_int_equal(status == QTL_OK, problems->count == 0);
    assert_int_equal(status == QTL_OK, rules != NULL);
    assert_null(builder);
    return rules;
}

static void append(char *text, const char *more)
{
    assert_true(strlen(text) + strlen(more) < TEXT_MAX);
    memcpy(text + strlen(text), more, strlen(more) + 1);
}

static void append_tree(const struct qtl_rules *rules, uint16_t number, char *text)
{
    static const char *const operators[] = {
        [QTL_OP_NEGATE] = "neg", [QTL_OP_ADD] = "+",
        [QTL_OP_SUBTRACT] = "-", [QTL_OP_MULTIPLY] = "*",
        [QTL_OP_DIVIDE] = "/",   [QTL_OP_GREATER] = ">",
        [QTL_OP_LESS] = "<",     [QTL_OP_GREATER_EQUAL] = ">=",
        [QTL_OP_EQUAL] = "==",   [QTL_OP_LESS_EQUAL] = "<=",
        [QTL_OP_NOT] = "not",    [QTL_OP_NOT_EQUAL] = "!=",
        [QTL_OP_AND] = "and",    [QTL_OP_OR] = "or",
    };
    const struct qtl_node *const node = &rules->nodes[number];
    assert_true(node->left == QTL_NODE_NONE || node->left < number);
    assert_true(node->right == QTL_NODE_NONE || node->right < number);
    char constant[32];
    if (node->op == QTL_OP_METRIC) {
        append(text, rules->metrics[node->metric].text);
    } else if (node->op == QTL_OP_CONSTANT) {
        snprintf(constant, sizeof(constant), "%" PRId64 "%s", node->constant,
                 node->type == QTL_TYPE_DURATION ? "s" : "");
        append(text, constant);
    } else {
        append(text, "(");
        append(text, operators[node->op]);
        append(text, " ");
        append_tree(rules, node->left, text);
        if (node->right != QTL_NODE_NONE) {
            append(text, " ");
            append_tree(rules, node->right, text);
        }
        append(text, ")");
    }
}

static void assert_tree(const char *expression, const char *expected)
{
    static char text[TEXT_MAX];
    struct qtl_problems problems = {0};
    struct qtl_rules *const rules = compile(&expression, 1, &problems);
    if (rules == NULL) {
        fail_msg("%s: %s", expression, problems.items[0].sentence);
        return; /* never reached; says so to the analyzer */
    }
    text[0] = '\0';
    append_tree(rules, rules->segments[0].when, text);
    assert_string_equal(text, expected);
    assert_int_equal(rules->nodes[rules->segments[0].when].type, QTL_TYPE_CONDITION);
    qtl_rules_free(rules);
    qtl_problems_fini(&problems);
}

static void precedence(void **state)
{
    (void)state;
    assert_tree("spend() > 1", "(> spend() 10000)");
    assert_tree("spend() + 2 * 3 > 1", "(> (+ spend() (* 20000 30000)) 10000)");
    assert_tree("(spend() + 2) * 3 > 1", "(> (* (+ spend() 20000) 30000) 10000)");
    assert_tree("spend() - 2 - 3 > 1", "(> (- (- spend() 20000) 30000) 10000)");
    assert_tree("spend() / 2 * 3 > 1", "(> (* (/ spend() 20000) 30000) 10000)");
    assert_tree("- spend() * 2 > -1", "(> (* (neg spend()) 20000) (neg 10000))");
    assert_tree("--spend()>1", "(> (neg (neg spend())) 10000)");
    assert_tree("not spend() > 1 and orders() < 2",
                "(and (not (> spend() 10000)) (< orders() 20000))");
    assert_tree("not not spend() > 1", "(not (not (> spend() 10000)))");
    assert_tree("spend() > 1 or orders() > 2 and items() > 3",
                "(or (> spend() 10000) (and (> orders() 20000) (> items() 30000)))");
    assert_tree("(spend() > 1 or orders() > 2) and items() > 3",
                "(and (or (> spend() 10000) (> orders() 20000)) (> items() 30000))");
    assert_tree("spend() > 1 and orders() > 2 and items() > 3",
                "(and (and (> spend() 10000) (> orders() 20000)) (> items() 30000))");
}

static void every_comparison(void **state)
{
    (void)state;
    assert_tree("spend() > 1", "(> spend() 10000)");
    assert_tree("spend() >= 1", "(>= spend() 10000)");
    assert_tree("spend() < 1", "(< spend() 10000)");
    assert_tree("spend() <= 1", "(<= spend() 10000)");
    assert_tree("spend() == 1", "(== spend() 10000)");
    assert_tree("spend() != 1", "(!= spend() 10000)");
    assert_tree("2h <= since(order)", "(<= 7200s since(order))");
    assert_tree("last(cart_add) > last(order)", "(> last(cart_add) last(order))");
    assert_tree("first(order) == last(order)", "(== first(order) last(order))");
}

static void numbers_and_durations(void **state)
{
    (void)state;
    assert_tree("spend() > 0.0001", "(> spend() 1)");
    assert_tree("spend() > 12.3", "(> spend() 123000)");
    assert_tree("spend() > 922337203685477.5807", "(> spend() 9223372036854775807)");
    assert_tree("spend()>5-3", "(> spend() (- 50000 30000))");
    assert_tree("age(order) > 30s", "(> age(order) 30s)");
    assert_tree("age(order) > 15m", "(> age(order) 900s)");
    assert_tree("age(order) > 2h", "(> age(order) 7200s)");
    assert_tree("age(order) > 90d", "(> age(order) 7776000s)");
    assert_tree("age(order) > (6w)", "(> age(order) 3628800s)");
    assert_tree("age(order) > 36525d", "(> age(order) 3155760000s)");
}

static void canonical_texts(void **state)
{
    (void)state;
    assert_tree("spend( 2w ) > 1", "(> spend(14d) 10000)");
    assert_tree("spend(24h) > 1", "(> spend(1d) 10000)");
    assert_tree("spend(90m) > 1", "(> spend(90m) 10000)");
    assert_tree("spend(120s) > 1", "(> spend(2m) 10000)");
    assert_tree("spend(61s) > 1", "(> spend(61s) 10000)");
    assert_tree("count( email_open , 30d ) > 1", "(> count(email_open,30d) 10000)");
    assert_tree("value(cart_add) > 1", "(> value(cart_add) 10000)");
    assert_tree("since(any) > 1d", "(> since(any) 86400s)");
    assert_tree("aov(400d) >= margin() + discount() - returns()",
                "(>= aov(400d) (- (+ margin() discount()) returns()))");
}

/* What a problem of the only condition looks like: its column and its sentence. */
struct refusal {
    const char *expression;
    uint32_t column;
    const char *sentence;
};

static void assert_refused(const struct refusal *refusals, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct qtl_problems problems = {0};
        assert_null(compile(&refusals[i].expression, 1, &problems));
        assert_int_equal(problems.count, 1);
        assert_string_equal(problems.items[0].sentence, refusals[i].sentence);
        assert_int_equal(problems.items[0].place.line, 1);
        assert_int_equal(problems.items[0].place.column, refusals[i].column);
        qtl_problems_fini(&problems);
    }
}

#define ASSERT_REFUSED(refusals) assert_refused(refusals, sizeof(refusals) / sizeof(refusals[0]))

static void tokens_that_are_none(void **state)
{
    (void)state;
    static const struct refusal refusals[] = {
        {"spend() = 1", 9, "unexpected `=`; expected `==`"},
        {"spend() => 1", 9, "unexpected `=>`; expected `>=`"},
        {"spend() <> 1", 9, "unexpected `<>`; expected `!=`"},
        {"spend() > 1 && in(b)", 13, "unexpected `&&`; expected `and`"},
        {"spend() > 1 || in(b)", 13, "unexpected `||`; expected `or`"},
        {"!in(b)", 1, "unexpected `!`; expected `not`"},
        {"spend() \xe2\x89\xa5 1", 9, "unexpected `\xe2\x89\xa5`; expected `>=`"},
        {"spend() > 1 # many", 13, "unexpected `#`; expected no comment within an expression"},
        {"spend() > $5", 11,
         "unexpected `$`; expected a metric, a number, a duration or an operator"},
        {"spend() > \xff", 11, "unexpected byte 0xff; expected an expression"},
        {"spend() > \x01", 11, "unexpected byte 0x01; expected an expression"},
        {"\"abc", 1, "the text that begins here does not end; expected a closing `\"`"},
        {"\"abc\\\"", 1, "the text that begins here does not end; expected a closing `\"`"},
    };
    ASSERT_REFUSED(refusals);
}

static void constants_out_of_range(void **state)
{
    (void)state;
    static const struct refusal refusals[] = {
        {"spend() > 1.23456", 11, "`1.23456` has more than four decimals; expected at most four"},
        {"spend() > 922337203685477.5808", 11,
         "`922337203685477.5808` is too large; expected at most 922337203685477"},
        {"spend() > 99999999999999999999", 11,
         "`99999999999999999999` is too large; expected at most 922337203685477"},
        {"since(order) > 36526d", 16,
         "`36526d` is too long; expected a duration of at most 36525d"},
        {"since(order) > 99999999999999999999d", 16,
         "`99999999999999999999d` is too long; expected a duration of at most 36525d"},
        {"since(order) > 1.5d", 16,
         "`1.5d` has a fraction; expected a whole number of a smaller unit, e.g. `36h` for a day "
         "and a half"},
        {"since(order) > 90days", 16,
         "unknown unit in `90days`; expected a duration in s, m, h, d or w; did you mean `90d`?"},
        {"since(order) > 2H", 16,
         "unknown unit in `2H`; expected a duration in s, m, h, d or w; did you mean `2h`?"},
        {"since(order) > 3months", 16,
         "unknown unit in `3months`; expected a duration in s, m, h, d or w (months and years in "
         "days)"},
        {"spend(0d) > 1", 7, "the window is empty; expected a duration above 0 such as `30d`"},
        {"spend(401d) > 1", 7,
         "the window `401d` is longer than the retention of 400d; expected at most that, or a "
         "longer `retention:` at the top of the file"},
    };
    ASSERT_REFUSED(refusals);
}

static void names_that_are_unknown(void **state)
{
    (void)state;
    static const struct refusal refusals[] = {
        {"spned(3d) > 1", 1,
         "unknown metric `spned`; expected one of orders, spend, margin, items, discount, "
         "returns, aov, count, value, since, first, last, age, in, dwell; did you mean `spend`?"},
        {"zzz > 1", 1,
         "unknown metric `zzz`; expected one of orders, spend, margin, items, discount, returns, "
         "aov, count, value, since, first, last, age, in, dwell"},
        {"count(emial_open) > 1", 7,
         "unknown kind `emial_open` in `count(`; expected a kind of engagement, e.g. "
         "`email_open`; did you mean `email_open`?"},
        {"count(order) > 1", 7,
         "unknown kind `order` in `count(`; expected a kind of engagement, e.g. `email_open`; for "
         "orders use `orders(30d)` or `spend(30d)`"},
        {"since(orderr) > 1d", 7,
         "unknown kind `orderr` in `since(`; expected `order`, `any` or a kind of engagement, "
         "e.g. `email_open`; did you mean `order`?"},
        {"last(any) > last(order)", 6,
         "unknown kind `any` in `last(`; expected `order` or a kind of engagement, e.g. "
         "`email_open`"},
        {"age(email_open) > 1d", 5, "unknown kind `email_open` in `age(`; expected `order`"},
        {"in(vip)", 4, "unknown segment `vip` in `in(`; expected the name of a segment"},
        {"a", 1, "`a` is a segment; expected a metric; did you mean `in(a)`?"},
        {"in(a.gold)", 5, "rungs come with ladders in a later version; expected `)`"},
        {"spend(2026-11-01..2026-12-01) > 1", 7,
         "windows between dates come with a later version; expected a duration such as `30d`"},
        {"count(email_open, 2026-11-01..2026-12-01) > 1", 19,
         "windows between dates come with a later version; expected a duration such as `30d`"},
    };
    ASSERT_REFUSED(refusals);
    static const char *const later[] = {
        "r > 3",
        "f > 3",
        "m > 3",
        "top(5%, spend(3d)) and spend() > 1",
        "birthday(7d)",
        "birthday()",
        "subscribed",
        "attr(\"a)\") == \"b\"",
        "\"x\" == attr(\"\\\"\")",
    };
    for (size_t i = 0; i < sizeof(later) / sizeof(later[0]); i++) {
        struct qtl_problems problems = {0};
        assert_null(compile(&later[i], 1, &problems));
        assert_int_equal(problems.count, 1);
        assert_non_null(strstr(problems.items[0].sentence, "comes with a later version"));
        qtl_problems_fini(&problems);
    }
}

static void grammar(void **state)
{
    (void)state;
    static const struct refusal refusals[] = {
        {"", 1, "the condition is empty; expected one, e.g. `spend(365d) >= 2000`"},
        {" ", 1, "the condition is empty; expected one, e.g. `spend(365d) >= 2000`"},
        {"spend(3d", 9, "the expression ends within `spend(`; expected `)`"},
        {"spend() >", 10,
         "the expression ends too early; expected a metric, a number, a duration or `(`"},
        {"(spend() > 1", 13, "the expression ends too early; expected an operator or `)`"},
        {"spend() > 1)", 12,
         "unexpected `)`; expected an operator (and, or, a comparison, + - * /) or the end"},
        {"spend() > 1 And orders() > 1", 13,
         "unexpected `And`; expected an operator (and, or, a comparison, + - * /) or the end; did "
         "you mean `and`?"},
        {"1 < spend() < 5", 13,
         "unexpected `<`; expected one comparison, they do not chain; join two by `and`"},
        {"5 > not spend()", 5,
         "unexpected `not`; expected a metric, a number, a duration or `(`; put the `not` into "
         "parentheses"},
        {"spend > 1", 7, "`spend` has no parentheses; expected `(` after it"},
        {"spend(30) > 1", 7, "the window `30` has no unit; expected a duration such as `30d`"},
        {"spend(order) > 1", 7,
         "unexpected `order` within `spend(`; expected a window such as `30d`"},
        {"spend(3d, 4d) > 1", 9, "`spend` takes no more arguments; expected `)`"},
        {"since(order, 3d) > 1d", 12, "`since` takes no window; expected `)`"},
        {"since() > 1d", 7,
         "unexpected `)` within `since(`; expected `order`, `any` or a kind of engagement, e.g. "
         "`email_open`"},
        {"count(email_open 3d) > 1", 18,
         "unexpected `3d` within `count(`; expected `,` and a window, or `)`"},
    };
    ASSERT_REFUSED(refusals);
}

static void types(void **state)
{
    (void)state;
    static const struct refusal refusals[] = {
        {"spend(3d)", 1,
         "`spend(3d)` is a number; expected a condition, e.g. a comparison with `>`"},
        {"not spend(3d)", 5,
         "`spend(3d)` is a number; expected a condition, e.g. a comparison with `>`"},
        {"spend() > 1 and 3d", 17,
         "`3d` is a duration; expected a condition, e.g. a comparison with `>`"},
        {"last(order) or spend() > 1", 1,
         "`last(order)` is an instant; expected a condition, e.g. a comparison with `>`"},
        {"since(order) > 30", 16,
         "`since(order)` is a duration and `30` is a number; expected two values of one type; "
         "durations have a unit, e.g. `30d`, numbers have none"},
        {"spend() > last(order)", 11,
         "`spend()` is a number and `last(order)` is an instant; expected two values of one type"},
        {"since(order) > since(any)", 16,
         "`since(any)` is a duration; expected a constant duration such as `30d`"},
        {"2d > 1d", 6,
         "`1d` is a duration; expected since(...), age(...) or dwell(...) beside a constant one"},
        {"since(order) + 1 > 1", 1,
         "`since(order)` is a duration; expected a number: only numbers are added, subtracted, "
         "multiplied and divided"},
        {"spend() * (orders() > 1) > 2", 11,
         "`(orders() > 1)` is a condition; expected a number: only numbers are added, subtracted, "
         "multiplied and divided"},
        {"since(order) > -2h", 17, "`2h` is a duration; expected a number after `-`"},
        {"(spend() > 1) == (orders() > 1)", 1,
         "`(spend() > 1)` is a condition; expected a value: conditions are joined by and, or, "
         "not, never compared"},
        {"\"x\"", 1, "`\"x\"` is a text; expected a condition, e.g. a comparison with `>`"},
        {"\"x\" == \"y\"", 8,
         "`\"y\"` is a text; expected a value; texts are compared with attr(...) only, which "
         "comes with a later version"},
    };
    ASSERT_REFUSED(refusals);
}

static void many_problems_of_one_expression(void **state)
{
    (void)state;
    const char *const expression = "spned() > 1 and since(ordr) > 3 or count(x, 9) == 2 and 5d";
    struct qtl_problems problems = {0};
    assert_null(compile(&expression, 1, &problems));
    assert_int_equal(problems.count, 5);
    const uint32_t columns[] = {1, 23, 42, 45, 57};
    qtl_problems_sort(&problems);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(problems.items[i].place.column, columns[i]);
    }
    qtl_problems_fini(&problems);
}

/* `count` times `open`, then the middle, then `count` times `close`. */
static char *nested(const char *open, const char *middle, const char *close, size_t count)
{
    char *const text = calloc(1, TEXT_MAX);
    assert_non_null(text);
    for (size_t i = 0; i < count; i++) {
        append(text, open);
    }
    append(text, middle);
    for (size_t i = 0; i < count; i++) {
        append(text, close);
    }
    return text;
}

/* As deep as may be, and one more; an `open` is so many levels. */
static void assert_nesting(const char *open, size_t levels, const char *middle, const char *close)
{
    const size_t most = QTL_NESTING_MAX / levels;
    for (size_t count = most; count <= most + 1; count++) {
        char *const text = nested(open, middle, close, count);
        const char *const expression = text;
        struct qtl_problems problems = {0};
        struct qtl_rules *const rules = compile(&expression, 1, &problems);
        if (count == most) {
            assert_non_null(rules);
        } else {
            assert_int_equal(problems.count, 1);
            assert_string_equal(problems.items[0].sentence,
                                "the expression is nested too deeply; expected at most 64 levels");
        }
        qtl_rules_free(rules);
        qtl_problems_fini(&problems);
        free(text);
    }
}

static void nesting_is_bounded_on_every_path(void **state)
{
    (void)state;
    assert_nesting("(", 1, "spend() > 1", ")");
    assert_nesting("not ", 1, "spend() > 1", "");
    assert_nesting("-", 1, "spend() > 1", "");
    assert_nesting("(not ", 2, "spend() > 1", ")");
}

static void terms_are_bounded(void **state)
{
    (void)state;
    /* A term and its operator are two nodes: 512 terms are 1,023. */
    char *const text = nested("1+", "1 > ", "", 509);
    append(text, "spend()");
    const char *expression = text;
    struct qtl_problems problems = {0};
    struct qtl_rules *const rules = compile(&expression, 1, &problems);
    assert_non_null(rules);
    assert_int_equal(rules->node_count, 1021);
    qtl_rules_free(rules);
    append(text, "+1+1");
    assert_null(compile(&expression, 1, &problems));
    assert_int_equal(problems.count, 1);
    assert_string_equal(problems.items[0].sentence,
                        "too many terms; expected at most 1024 terms and operators in an "
                        "expression and 16384 in a file");
    qtl_problems_fini(&problems);
    free(text);
}

static void distinct_metrics_are_bounded(void **state)
{
    (void)state;
    static char texts[6][TEXT_MAX];
    const char *conditions[6];
    char term[64];
    for (unsigned i = 0; i < 6; i++) {
        texts[i][0] = '\0';
        for (unsigned j = 0; j < 200; j++) {
            snprintf(term, sizeof(term), "spend(%us)+", i * 200 + j + 1);
            append(texts[i], term);
        }
        append(texts[i], "0>1");
        conditions[i] = texts[i];
    }
    struct qtl_problems problems = {0};
    struct qtl_rules *const rules = compile(conditions, 5, &problems);
    assert_non_null(rules);
    assert_int_equal(rules->metric_count, 1000);
    qtl_rules_free(rules);
    assert_null(compile(conditions, 6, &problems));
    assert_string_equal(problems.items[0].sentence,
                        "too many metrics; expected at most 1024 distinct ones in a file");
    qtl_problems_fini(&problems);
}

static void metrics_are_shared(void **state)
{
    (void)state;
    struct qtl_problems problems = {0};
    struct qtl_rule_builder *builder = qtl_rule_builder_new(&problems);
    struct qtl_rules *rules = NULL;
    add_flag(builder, "a", "spend(2w) > 1 and orders() > 2", "spend(14d) < 1 or aov() < 1");
    add_flag(builder, "b", "orders() > 5 and spend(336h) > 3 and orders() < 9", NULL);
    assert_int_equal(qtl_rule_builder_finish(&builder, 7, &rules), QTL_OK);
    assert_int_equal(rules->version, 7);
    assert_int_equal(rules->metric_count, 3);
    assert_string_equal(rules->metrics[0].text, "spend(14d)");
    assert_string_equal(rules->metrics[1].text, "orders()");
    assert_string_equal(rules->metrics[2].text, "aov()");
    assert_int_equal(rules->metrics[0].window_s, 14 * 86400);
    assert_int_equal(rules->segments[0].evidence_count, 3);
    assert_int_equal(rules->segments[0].evidence[2], 2);
    assert_int_equal(rules->segments[1].evidence_count, 2);
    assert_int_equal(rules->segments[1].evidence[0], 1);
    assert_int_equal(rules->segments[1].evidence[1], 0);
    qtl_rules_free(rules);
}

static void order_follows_references(void **state)
{
    (void)state;
    static const char *const conditions[] = {"spend() > 1", "in(d) or dwell(c) > 1d", "not in(e)",
                                             "orders() > 1", "in(a)"};
    static const uint16_t expected[] = {0, 3, 4, 2, 1};
    struct qtl_problems problems = {0};
    struct qtl_rules *const rules = compile(conditions, 5, &problems);
    assert_non_null(rules);
    assert_memory_equal(rules->order, expected, sizeof(expected));
    const struct qtl_metric *const in = &rules->metrics[rules->segments[4].evidence[0]];
    assert_string_equal(in->text, "in(a)");
    assert_int_equal(in->segment, 0);
    assert_int_equal(in->state, QTL_STATE_IN);
    assert_int_equal(in->type, QTL_TYPE_CONDITION);
    qtl_rules_free(rules);
}

static void circles_are_refused_with_their_names(void **state)
{
    (void)state;
    static const char *const conditions[] = {"spend() > 1 and in(b)",
                                             "spend() > 1 or dwell(c) > 1d", "in(b)", "in(d)"};
    struct qtl_problems problems = {0};
    assert_null(compile(conditions, 4, &problems));
    assert_int_equal(problems.count, 2);
    assert_string_equal(problems.items[0].sentence,
                        "segments refer to each other in a circle: b -> c -> b; expected in(...) "
                        "and dwell(...) without one");
    assert_int_equal(problems.items[0].place.column, 1);
    assert_string_equal(problems.items[1].sentence,
                        "segments refer to each other in a circle: d -> d; expected in(...) and "
                        "dwell(...) without one");
    qtl_problems_fini(&problems);
}

/* Names of the user's may begin with a digit or be a word of the language. */
static void names_in_arguments(void **state)
{
    (void)state;
    struct qtl_problems problems = {0};
    struct qtl_rule_builder *builder = qtl_rule_builder_new(&problems);
    struct qtl_rules *rules = NULL;
    qtl_rule_builder_kind(builder, (struct qtl_text){"2nd-look", 8}, (struct qtl_place){1, 1});
    qtl_rule_builder_kind(builder, (struct qtl_text){"sms_sent", 8}, (struct qtl_place){1, 1});
    add_flag(builder, "30d", "count(2nd-look,7d) > 1", NULL);
    add_flag(builder, "not", "in( 30d ) and since(sms_sent)>2d", NULL);
    add_flag(builder, "last-one", "dwell(not) > 1d", NULL);
    assert_int_equal(qtl_rule_builder_finish(&builder, 7, &rules), QTL_OK);
    assert_string_equal(rules->metrics[0].text, "count(2nd-look,7d)");
    assert_string_equal(rules->metrics[1].text, "in(30d)");
    assert_string_equal(rules->metrics[3].text, "dwell(not)");
    assert_int_equal(rules->metrics[3].segment, 1);
    assert_int_equal(qtl_rules_kind(rules, (struct qtl_text){"2nd-look", 8}), 20);
    assert_int_equal(qtl_rules_kind(rules, (struct qtl_text){"2nd-loo", 7}), -1);
    assert_int_equal(qtl_rules_segment(rules, (struct qtl_text){"last-one", 8}), 2);
    assert_int_equal(qtl_rules_segment(rules, (struct qtl_text){"nobody", 6}), -1);
    /* email_sent, offer_sent, sms_sent */
    assert_int_equal(rules->kinds_sent, 1U | 1U << 3 | 1U << 21);
    assert_string_equal(qtl_rules_state_name(rules, 1, QTL_STATE_IN), "in");
    assert_string_equal(qtl_rules_state_name(rules, 1, QTL_STATE_OUT), "out");
    qtl_rules_free(rules);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(precedence),
        cmocka_unit_test(every_comparison),
        cmocka_unit_test(numbers_and_durations),
        cmocka_unit_test(canonical_texts),
        cmocka_unit_test(tokens_that_are_none),
        cmocka_unit_test(constants_out_of_range),
        cmocka_unit_test(names_that_are_unknown),
        cmocka_unit_test(grammar),
        cmocka_unit_test(types),
        cmocka_unit_test(many_problems_of_one_expression),
        cmocka_unit_test(nesting_is_bounded_on_every_path),
        cmocka_unit_test(terms_are_bounded),
        cmocka_unit_test(distinct_metrics_are_bounded),
        cmocka_unit_test(metrics_are_shared),
        cmocka_unit_test(order_follows_references),
        cmocka_unit_test(circles_are_refused_with_their_names),
        cmocka_unit_test(names_in_arguments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
