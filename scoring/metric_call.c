/*
 * Table-driven: what a function takes stands in schemas/metrics.def, so that a new metric is a row
 * there and a case in scoring/metric.c. A wrong name or argument does not stop the parse: the
 * metric is unknown, the rest of the expression is still looked at.
 */
#include "scoring/metric_call.h"

#include "scoring/base/assert.h"
#include "scoring/suggestion.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define METRIC_TEXT_MAX 256

enum subject {
    SUBJECT_NONE,
    SUBJECT_KIND,
    SUBJECT_ORDER_KIND,
    SUBJECT_ORDER_KIND_ANY,
    SUBJECT_ORDER,
    SUBJECT_SEGMENT,
    SUBJECT_SEGMENT_STATE,
};

enum window { WINDOW_FIXED, WINDOW_WINDOW };

static const struct function {
    const char *name;
    enum qtl_metric_function number;
    enum qtl_type type;
    enum subject subject;
    enum window window;
    const char *meaning;
} functions[] = {
#define QTL_METRIC(name, text, type, subject, window, meaning)                                     \
    {text, QTL_METRIC_##name, QTL_TYPE_##type, SUBJECT_##subject, WINDOW_##window, meaning},
#include "schemas/metrics.def"
#undef QTL_METRIC
};

#define FUNCTION_COUNT (sizeof(functions) / sizeof(functions[0]))

/* Metrics of DESIGN 4 that this version does not have. */
static const char *const later[] = {"r", "f", "m", "top", "birthday", "attr", "subscribed"};

/* One call while it is read. */
struct call {
    struct qtl_expression_context *context;
    struct qtl_lexer *lexer;
    const struct function *function;
    struct qtl_place place; /* of the name */
    struct qtl_metric metric;
    char subject[QTL_SUGGESTION_NAME_MAX + 1];
    bool wrong; /* reported; the metric is unknown */
};

static bool equals(struct qtl_text text, const char *name)
{
    return strlen(name) == text.length && memcmp(name, text.bytes, text.length) == 0;
}

static const struct function *find_function(struct qtl_text name)
{
    for (size_t i = 0; i < FUNCTION_COUNT; i++) {
        if (equals(name, functions[i].name)) {
            return &functions[i];
        }
    }
    return NULL;
}

static bool is_later(struct qtl_text name)
{
    for (size_t i = 0; i < sizeof(later) / sizeof(later[0]); i++) {
        if (equals(name, later[i])) {
            return true;
        }
    }
    return false;
}

static struct qtl_place token_place(const struct qtl_lexer *lexer)
{
    return qtl_lexer_place(lexer->source, lexer->token.start);
}

/* Reports "expected `what`, found ..."; nothing where the lexer has reported already. */
static void expect(struct qtl_lexer *lexer, const char *function, const char *what)
{
    const struct qtl_text text = qtl_lexer_text(lexer);
    if (lexer->token.type == QTL_TOKEN_END) {
        qtl_problems_add(lexer->problems, token_place(lexer),
                         "the expression ends within `%s(`; expected %s", function, what);
    } else if (lexer->token.type != QTL_TOKEN_BROKEN) {
        qtl_problems_add(lexer->problems, token_place(lexer),
                         "unexpected `%.*s` within `%s(`; expected %s", qtl_problems_cut(text),
                         text.bytes, function, what);
    }
}

/* Goes behind the `)` that closes an argument list; the lexer stands inside it. */
static bool skip_arguments(struct qtl_lexer *lexer, const char *function)
{
    uint32_t open = 1;
    while (lexer->token.type != QTL_TOKEN_END && lexer->token.type != QTL_TOKEN_BROKEN) {
        if (lexer->token.type == QTL_TOKEN_OPEN) {
            open++;
        } else if (lexer->token.type == QTL_TOKEN_CLOSE && --open == 0) {
            qtl_lexer_next(lexer);
            return true;
        }
        qtl_lexer_next(lexer);
    }
    expect(lexer, function, "`)`");
    return false;
}

/* A name that is no function: says what it may have been. */
static void refuse_name(struct qtl_expression_context *context, const struct qtl_lexer *lexer)
{
    const struct qtl_text name = qtl_lexer_text(lexer);
    const int shown = qtl_problems_cut(name);
    if (is_later(name)) {
        qtl_problems_add(context->problems, token_place(lexer),
                         "`%.*s` comes with a later version; expected orders, spend, margin, "
                         "items, discount, returns, aov, count, value, since, first, last, age, "
                         "in or dwell",
                         shown, name.bytes);
        return;
    }
    if (qtl_rules_segment(context->rules, name) >= 0) {
        qtl_problems_add(context->problems, token_place(lexer),
                         "`%.*s` is a segment; expected a metric; did you mean `in(%.*s)`?", shown,
                         name.bytes, shown, name.bytes);
        return;
    }
    struct qtl_suggestion suggestion;
    qtl_suggestion_init(&suggestion, name);
    for (size_t i = 0; i < FUNCTION_COUNT && !qtl_problems_full(context->problems); i++) {
        qtl_suggestion_offer(&suggestion, functions[i].name);
    }
    qtl_problems_add(context->problems, token_place(lexer),
                     "unknown metric `%.*s`; expected one of orders, spend, margin, items, "
                     "discount, returns, aov, count, value, since, first, last, age, in, dwell%s",
                     shown, name.bytes, qtl_suggestion_sentence(&suggestion));
}

static const char *subject_wanted(const struct function *function)
{
    switch (function->subject) {
    case SUBJECT_NONE:
        return "a window such as `30d`, or `)`";
    case SUBJECT_KIND:
        return "a kind of engagement, e.g. `email_open`";
    case SUBJECT_ORDER_KIND:
        return "`order` or a kind of engagement, e.g. `email_open`";
    case SUBJECT_ORDER_KIND_ANY:
        return "`order`, `any` or a kind of engagement, e.g. `email_open`";
    case SUBJECT_ORDER:
        return "`order`";
    case SUBJECT_SEGMENT:
    case SUBJECT_SEGMENT_STATE:
        return "the name of a segment";
    }
    QTL_UNREACHABLE("a subject without words");
}

static void offer_subjects(const struct qtl_rules *rules, enum subject subject,
                           struct qtl_suggestion *suggestion)
{
    const bool segment = subject == SUBJECT_SEGMENT || subject == SUBJECT_SEGMENT_STATE;
    for (uint16_t i = 0; segment && i < rules->segment_count; i++) {
        qtl_suggestion_offer(suggestion, rules->segments[i].name);
    }
    if (!segment && subject != SUBJECT_KIND) {
        qtl_suggestion_offer(suggestion, "order");
    }
    for (uint16_t i = 0; !segment && subject != SUBJECT_ORDER && i < rules->kind_count; i++) {
        qtl_suggestion_offer(suggestion, rules->kinds[i]);
    }
}

static void refuse_subject(struct call *call, struct qtl_text name, struct qtl_place place)
{
    const enum subject subject = call->function->subject;
    const struct qtl_rules *const rules = call->context->rules;
    const bool segment = subject == SUBJECT_SEGMENT || subject == SUBJECT_SEGMENT_STATE;
    struct qtl_suggestion suggestion;
    qtl_suggestion_init(&suggestion, name);
    if (!qtl_problems_full(call->context->problems)) {
        offer_subjects(rules, subject, &suggestion);
    }
    const char *hint = qtl_suggestion_sentence(&suggestion);
    if (subject == SUBJECT_KIND && (equals(name, "order") || equals(name, "orders"))) {
        hint = "; for orders use `orders(30d)` or `spend(30d)`";
    }
    qtl_problems_add(call->context->problems, place, "unknown %s `%.*s` in `%s(`; expected %s%s",
                     segment ? "segment" : "kind", qtl_problems_cut(name), name.bytes,
                     call->function->name, subject_wanted(call->function), hint);
    call->wrong = true;
}

/* `order`, `any` or a kind. */
static void take_event_subject(struct call *call, struct qtl_text name, struct qtl_place place)
{
    const enum subject subject = call->function->subject;
    if (subject != SUBJECT_KIND && equals(name, "order")) {
        call->metric.subject = QTL_SUBJECT_ORDER;
    } else if (subject == SUBJECT_ORDER_KIND_ANY && equals(name, "any")) {
        call->metric.subject = QTL_SUBJECT_ANY;
    } else {
        const int kind = subject == SUBJECT_ORDER ? -1 : qtl_rules_kind(call->context->rules, name);
        if (kind < 0) {
            refuse_subject(call, name, place);
        } else {
            call->metric.subject = (uint8_t)kind;
        }
    }
}

static void take_segment(struct call *call, struct qtl_text name, struct qtl_place place)
{
    const int segment = qtl_rules_segment(call->context->rules, name);
    if (segment < 0) {
        refuse_subject(call, name, place);
        return;
    }
    call->metric.segment = (uint16_t)segment;
    call->metric.state = call->function->subject == SUBJECT_SEGMENT_STATE ? QTL_STATE_IN : 0;
}

/* The lexer stands on the first argument and is left behind it. */
static bool take_subject(struct call *call)
{
    if (call->lexer->token.type != QTL_TOKEN_NAME) {
        expect(call->lexer, call->function->name, subject_wanted(call->function));
        return false;
    }
    const struct qtl_text name = qtl_lexer_text(call->lexer);
    const struct qtl_place place = token_place(call->lexer);
    qtl_lexer_next(call->lexer);
    if (call->lexer->token.type == QTL_TOKEN_DOT) {
        return true; /* a rung: refused by refuse_argument, whatever stands before it */
    }
    if (call->function->subject == SUBJECT_SEGMENT ||
        call->function->subject == SUBJECT_SEGMENT_STATE) {
        take_segment(call, name, place);
    } else {
        take_event_subject(call, name, place);
    }
    if (!call->wrong) {
        QTL_ASSERT(name.length < sizeof(call->subject));
        memcpy(call->subject, name.bytes, name.length);
        call->subject[name.length] = '\0';
    }
    return true;
}

/* The lexer stands on the window and is left behind it. */
static bool take_window(struct call *call)
{
    const struct qtl_token token = call->lexer->token;
    const struct qtl_text text = qtl_lexer_text(call->lexer);
    const struct qtl_place place = token_place(call->lexer);
    const int64_t retention_s = call->context->rules->retention_s;
    char retention[32];
    qtl_metric_call_duration(retention_s, retention);
    if (token.type == QTL_TOKEN_NUMBER) {
        qtl_problems_add(call->context->problems, place,
                         "the window `%.*s` has no unit; expected a duration such as `30d`",
                         qtl_problems_cut(text), text.bytes);
        call->wrong = true;
    } else if (token.type != QTL_TOKEN_DURATION) {
        expect(call->lexer, call->function->name, "a window such as `30d`");
        return false;
    } else if (token.value == 0) {
        qtl_problems_add(call->context->problems, place,
                         "the window is empty; expected a duration above 0 such as `30d`");
        call->wrong = true;
    } else if (token.value > retention_s) {
        qtl_problems_add(call->context->problems, place,
                         "the window `%.*s` is longer than the retention of %s; expected at most "
                         "that, or a longer `retention:` at the top of the file",
                         qtl_problems_cut(text), text.bytes, retention);
        call->wrong = true;
    }
    call->metric.window_s = token.value;
    qtl_lexer_next(call->lexer);
    return true;
}

/* What may stand behind the subject but cannot be used: the reason, then on behind the `)`. */
static bool refuse_argument(struct call *call)
{
    const char *const name = call->function->name;
    if (call->lexer->token.type == QTL_TOKEN_DOT) {
        qtl_problems_add(call->context->problems, token_place(call->lexer),
                         "rungs come with ladders in a later version; expected `)`");
    } else if (call->lexer->token.type == QTL_TOKEN_DATE) {
        qtl_problems_add(call->context->problems, token_place(call->lexer),
                         "windows between dates come with a later version; expected a duration "
                         "such as `30d`");
    } else if (call->lexer->token.type == QTL_TOKEN_COMMA) {
        qtl_problems_add(call->context->problems, token_place(call->lexer),
                         "`%s` takes no %s; expected `)`", name,
                         call->function->window == WINDOW_WINDOW ? "more arguments" : "window");
    } else {
        expect(call->lexer, name, call->metric.window_s == 0 ? "`,` and a window, or `)`" : "`)`");
        return false;
    }
    call->wrong = true;
    return skip_arguments(call->lexer, name);
}

/* All arguments and the closing parenthesis; the lexer stands on the opening one. */
static bool take_arguments(struct call *call)
{
    struct qtl_lexer *const lexer = call->lexer;
    const bool windowed = call->function->window == WINDOW_WINDOW;
    bool window_next = false;
    if (call->function->subject == SUBJECT_NONE) {
        qtl_lexer_next(lexer);
        window_next = lexer->token.type != QTL_TOKEN_CLOSE;
    } else {
        qtl_lexer_next_name(lexer);
        if (!take_subject(call)) {
            return false;
        }
        if (windowed && lexer->token.type == QTL_TOKEN_COMMA) {
            qtl_lexer_next(lexer);
            window_next = true;
        }
    }
    if (window_next && lexer->token.type != QTL_TOKEN_DATE && !take_window(call)) {
        return false;
    }
    if (lexer->token.type != QTL_TOKEN_CLOSE) {
        return refuse_argument(call);
    }
    qtl_lexer_next(lexer);
    return true;
}

int qtl_metric_call_duration(int64_t seconds, char *text)
{
    static const struct {
        int64_t seconds;
        char unit;
    } units[] = {{86400, 'd'}, {3600, 'h'}, {60, 'm'}, {1, 's'}};
    size_t i = 0;
    QTL_ASSERT(seconds >= 0);
    while (seconds % units[i].seconds != 0) {
        i++;
    }
    return snprintf(text, 32, "%" PRId64 "%c", seconds / units[i].seconds, units[i].unit);
}

/* The canonical text: the metric's identity and its key in the evidence. */
static void write_text(const struct call *call, char text[METRIC_TEXT_MAX])
{
    char window[32] = "";
    if (call->metric.window_s > 0) {
        qtl_metric_call_duration(call->metric.window_s, window);
    }
    const bool both = call->subject[0] != '\0' && window[0] != '\0';
    const int length = snprintf(text, METRIC_TEXT_MAX, "%s(%s%s%s)", call->function->name,
                                call->subject, both ? "," : "", window);
    QTL_ASSERT(length > 0 && length < METRIC_TEXT_MAX);
}

static uint16_t find_metric(const struct qtl_rules *rules, const char *text)
{
    for (uint16_t i = 0; i < rules->metric_count; i++) {
        if (strcmp(rules->metrics[i].text, text) == 0) {
            return i;
        }
    }
    return QTL_METRIC_UNKNOWN;
}

static void mention(struct qtl_expression_context *context, uint16_t metric, struct qtl_place place)
{
    for (uint16_t i = 0; i < context->mention_count; i++) {
        if (context->mentions[i].metric == metric) {
            return;
        }
    }
    QTL_ASSERT(context->mention_count < QTL_METRICS_MAX);
    context->mentions[context->mention_count++] = (struct qtl_mention){metric, place};
}

static uint16_t add_metric(const struct call *call)
{
    struct qtl_rules *const rules = call->context->rules;
    char text[METRIC_TEXT_MAX];
    write_text(call, text);
    uint16_t metric = find_metric(rules, text);
    if (metric == QTL_METRIC_UNKNOWN) {
        if (rules->metric_count == QTL_METRICS_MAX) {
            qtl_problems_add(call->context->problems, call->place,
                             "too many metrics; expected at most %d distinct ones in a file",
                             QTL_METRICS_MAX);
            return QTL_METRIC_UNKNOWN;
        }
        metric = rules->metric_count++;
        rules->metrics[metric] = call->metric;
        rules->metrics[metric].text = strdup(text);
        QTL_ASSERT(rules->metrics[metric].text != NULL);
    }
    mention(call->context, metric, call->place);
    return metric;
}

bool qtl_metric_call_parse(struct qtl_expression_context *context, struct qtl_lexer *lexer,
                           uint16_t *metric)
{
    QTL_ASSERT(lexer->token.type == QTL_TOKEN_NAME);
    *metric = QTL_METRIC_UNKNOWN;
    struct call call = {
        .context = context,
        .lexer = lexer,
        .function = find_function(qtl_lexer_text(lexer)),
        .place = token_place(lexer),
        .metric = {.subject = QTL_SUBJECT_NONE},
    };
    if (call.function == NULL) {
        refuse_name(context, lexer);
        qtl_lexer_next(lexer);
        if (lexer->token.type != QTL_TOKEN_OPEN) {
            return true;
        }
        qtl_lexer_next(lexer);
        return skip_arguments(lexer, "...");
    }
    call.metric.function = (uint8_t)call.function->number;
    call.metric.type = (uint8_t)call.function->type;
    qtl_lexer_next(lexer);
    if (lexer->token.type != QTL_TOKEN_OPEN) {
        if (lexer->token.type != QTL_TOKEN_BROKEN) {
            qtl_problems_add(context->problems, token_place(lexer),
                             "`%s` has no parentheses; expected `(` after it", call.function->name);
        }
        return false;
    }
    if (!take_arguments(&call)) {
        return false;
    }
    if (!call.wrong) {
        *metric = add_metric(&call);
    }
    return true;
}
