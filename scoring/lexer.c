/*
 * By hand: a dozen kinds of token, exact integers, and errors that say what a user meant by `=`,
 * `&&` or `90days`; a generator would give none of these. Names may hold `-`, so `a-b` is one name
 * and a difference needs blanks; after a number `-` is always the operator.
 */
#include "scoring/lexer.h"

#include "scoring/base/assert.h"

#include <stddef.h>
#include <string.h>

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

static bool is_name_start(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || byte == '_';
}

bool qtl_lexer_is_name_byte(char byte)
{
    return is_name_start(byte) || is_digit(byte) || byte == '-';
}

/* The byte at the offset, NUL past the end. */
static char byte_at(const struct qtl_lexer *lexer, uint32_t offset)
{
    return offset < lexer->source->text.length ? lexer->source->text.bytes[offset] : '\0';
}

struct qtl_place qtl_lexer_place(const struct qtl_source *source, uint32_t offset)
{
    QTL_ASSERT(offset <= source->text.length);
    if (source->places == NULL) {
        return (struct qtl_place){.line = 1, .column = offset + 1};
    }
    return source->places[offset];
}

struct qtl_text qtl_lexer_text(const struct qtl_lexer *lexer)
{
    return (struct qtl_text){lexer->source->text.bytes + lexer->token.start,
                             lexer->token.end - lexer->token.start};
}

void qtl_lexer_init(struct qtl_lexer *lexer, const struct qtl_source *source,
                    struct qtl_problems *problems)
{
    QTL_ASSERT(source->text.length == 0 || source->text.bytes != NULL);
    *lexer = (struct qtl_lexer){.source = source, .problems = problems};
    lexer->token.type = QTL_TOKEN_END;
}

static struct qtl_place token_place(const struct qtl_lexer *lexer)
{
    return qtl_lexer_place(lexer->source, lexer->token.start);
}

/* Ends the current token as broken; its problem has been reported. */
static void finish_broken(struct qtl_lexer *lexer, uint32_t end)
{
    lexer->token.type = QTL_TOKEN_BROKEN;
    lexer->token.end = end;
}

static void finish(struct qtl_lexer *lexer, enum qtl_token_type type, uint32_t end)
{
    lexer->token.type = type;
    lexer->token.end = end;
    lexer->offset = end;
}

static void scan_name(struct qtl_lexer *lexer)
{
    static const struct {
        const char *word;
        enum qtl_token_type type;
    } keywords[] = {
        {"not", QTL_TOKEN_NOT},
        {"and", QTL_TOKEN_AND},
        {"or", QTL_TOKEN_OR},
    };
    uint32_t end = lexer->token.start;
    while (qtl_lexer_is_name_byte(byte_at(lexer, end))) {
        end++;
    }
    finish(lexer, QTL_TOKEN_NAME, end);
    const struct qtl_text text = qtl_lexer_text(lexer);
    for (size_t i = 0; i < sizeof(keywords) / sizeof(keywords[0]); i++) {
        if (strlen(keywords[i].word) == text.length &&
            memcmp(keywords[i].word, text.bytes, text.length) == 0) {
            lexer->token.type = keywords[i].type;
        }
    }
}

/* 2026-11-01, which would else be a difference of three numbers. */
static bool is_date(const struct qtl_lexer *lexer, uint32_t start)
{
    static const char pattern[] = "0000-00-00";
    for (uint32_t i = 0; i < sizeof(pattern) - 1; i++) {
        const char byte = byte_at(lexer, start + i);
        if (pattern[i] == '0' ? !is_digit(byte) : byte != '-') {
            return false;
        }
    }
    return !qtl_lexer_is_name_byte(byte_at(lexer, start + sizeof(pattern) - 1));
}

/* Appends a decimal digit; false when the result leaves int64. */
static bool append_digit(int64_t *value, char digit)
{
    return !__builtin_mul_overflow(*value, INT64_C(10), value) &&
           !__builtin_add_overflow(*value, (int64_t)(digit - '0'), value);
}

/* Letters' case ignored; `word` is in small letters. */
static bool is_word(struct qtl_text text, const char *word)
{
    uint32_t i = 0;
    while (i < text.length && word[i] != '\0' && (text.bytes[i] | 0x20) == word[i]) {
        i++;
    }
    return i == text.length && word[i] == '\0';
}

/* The unit a user meant by a longer or capital word; NULL: no idea. */
static const char *unit_meant(struct qtl_text unit)
{
    static const struct {
        const char *word;
        const char *meant;
    } words[] = {
        {"sec", "s"},   {"secs", "s"},   {"second", "s"},  {"seconds", "s"}, {"min", "m"},
        {"mins", "m"},  {"minute", "m"}, {"minutes", "m"}, {"hr", "h"},      {"hrs", "h"},
        {"hour", "h"},  {"hours", "h"},  {"day", "d"},     {"days", "d"},    {"week", "w"},
        {"weeks", "w"}, {"s", "s"},      {"m", "m"},       {"h", "h"},       {"d", "d"},
        {"w", "w"},
    };
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (is_word(unit, words[i].word)) {
            return words[i].meant;
        }
    }
    return NULL;
}

static int64_t unit_seconds(struct qtl_text unit)
{
    if (unit.length != 1) {
        return 0;
    }
    switch (unit.bytes[0]) {
    case 's':
        return 1;
    case 'm':
        return 60;
    case 'h':
        return 3600;
    case 'd':
        return 86400;
    case 'w':
        return 7 * INT64_C(86400);
    default: /* not an enum: any other byte is no unit */
        return 0;
    }
}

/* Whole digits have been read up to `unit_start`; a unit follows. */
static void finish_duration(struct qtl_lexer *lexer, bool whole, int64_t value, uint32_t unit_start)
{
    uint32_t end = unit_start;
    while (is_name_start(byte_at(lexer, end)) || is_digit(byte_at(lexer, end))) {
        end++;
    }
    finish(lexer, QTL_TOKEN_DURATION, end);
    const struct qtl_text text = qtl_lexer_text(lexer);
    const struct qtl_text unit = {lexer->source->text.bytes + unit_start, end - unit_start};
    const int64_t seconds = unit_seconds(unit);
    const char *const meant = unit_meant(unit);
    if (seconds == 0) {
        const int digits =
            qtl_problems_cut((struct qtl_text){text.bytes, unit_start - lexer->token.start});
        if (meant != NULL) {
            qtl_problems_add(lexer->problems, token_place(lexer),
                             "unknown unit in `%.*s`; expected a duration in s, m, h, d or w; "
                             "did you mean `%.*s%s`?",
                             qtl_problems_cut(text), text.bytes, digits, text.bytes, meant);
        } else {
            qtl_problems_add(lexer->problems, token_place(lexer),
                             "unknown unit in `%.*s`; expected a duration in s, m, h, d or w "
                             "(months and years in days)",
                             qtl_problems_cut(text), text.bytes);
        }
        finish_broken(lexer, end);
    } else if (!whole) {
        qtl_problems_add(lexer->problems, token_place(lexer),
                         "`%.*s` has a fraction; expected a whole number of a smaller unit, "
                         "e.g. `36h` for a day and a half",
                         qtl_problems_cut(text), text.bytes);
        finish_broken(lexer, end);
    } else if (value > QTL_DURATION_MAX_S / seconds) {
        qtl_problems_add(lexer->problems, token_place(lexer),
                         "`%.*s` is too long; expected a duration of at most 36525d",
                         qtl_problems_cut(text), text.bytes);
        finish_broken(lexer, end);
    } else {
        lexer->token.value = value * seconds;
    }
}

/* The fraction's digits from `*end` on, to four; false when there are more. */
static bool scan_fraction(struct qtl_lexer *lexer, uint32_t *end, int64_t *value, bool *fits)
{
    uint32_t digits = 0;
    for (; is_digit(byte_at(lexer, *end)); (*end)++, digits++) {
        if (digits < 4) {
            *fits = *fits && append_digit(value, byte_at(lexer, *end));
        }
    }
    for (uint32_t i = digits; i < 4; i++) {
        *fits = *fits && append_digit(value, '0');
    }
    return digits <= 4;
}

static void scan_number(struct qtl_lexer *lexer)
{
    const uint32_t start = lexer->token.start;
    uint32_t end = start;
    int64_t value = 0;
    bool fits = true;
    for (; is_digit(byte_at(lexer, end)); end++) {
        fits = fits && append_digit(&value, byte_at(lexer, end));
    }
    const bool whole = byte_at(lexer, end) != '.' || !is_digit(byte_at(lexer, end + 1));
    int64_t value_e4 = value;
    uint32_t number_end = end + (whole ? 0 : 1);
    bool fits_e4 = fits;
    const bool four = scan_fraction(lexer, &number_end, &value_e4, &fits_e4);
    if (is_name_start(byte_at(lexer, number_end))) {
        finish_duration(lexer, whole, fits ? value : INT64_MAX, number_end);
        return;
    }
    finish(lexer, QTL_TOKEN_NUMBER, number_end);
    lexer->token.value = value_e4;
    const struct qtl_text text = qtl_lexer_text(lexer);
    if (!four) {
        qtl_problems_add(lexer->problems, token_place(lexer),
                         "`%.*s` has more than four decimals; expected at most four",
                         qtl_problems_cut(text), text.bytes);
        finish_broken(lexer, number_end);
    } else if (!fits_e4) {
        qtl_problems_add(lexer->problems, token_place(lexer),
                         "`%.*s` is too large; expected at most 922337203685477",
                         qtl_problems_cut(text), text.bytes);
        finish_broken(lexer, number_end);
    }
}

static void scan_text(struct qtl_lexer *lexer)
{
    uint32_t end = lexer->token.start + 1;
    const uint32_t length = lexer->source->text.length;
    while (end < length && byte_at(lexer, end) != '"') {
        end += byte_at(lexer, end) == '\\' && end + 1 < length ? 2 : 1;
    }
    if (end >= length) {
        qtl_problems_add(lexer->problems, token_place(lexer),
                         "the text that begins here does not end; expected a closing `\"`");
        finish_broken(lexer, length);
        return;
    }
    finish(lexer, QTL_TOKEN_TEXT, end + 1);
}

struct symbol {
    const char *text;
    enum qtl_token_type type;
    const char *meant; /* of a broken one: what to write instead */
};

/* Longer ones first, where one begins another. */
static const struct symbol symbols[] = {
    {"(", QTL_TOKEN_OPEN, NULL},
    {")", QTL_TOKEN_CLOSE, NULL},
    {",", QTL_TOKEN_COMMA, NULL},
    {"..", QTL_TOKEN_RANGE, NULL},
    {".", QTL_TOKEN_DOT, NULL},
    {"%", QTL_TOKEN_PERCENT, NULL},
    {"+", QTL_TOKEN_PLUS, NULL},
    {"-", QTL_TOKEN_MINUS, NULL},
    {"**", QTL_TOKEN_BROKEN, "a product, e.g. `x * x`"},
    {"*", QTL_TOKEN_STAR, NULL},
    {"/", QTL_TOKEN_SLASH, NULL},
    {"=>", QTL_TOKEN_BROKEN, "`>=`"},
    {"=<", QTL_TOKEN_BROKEN, "`<=`"},
    {">=", QTL_TOKEN_GREATER_EQUAL, NULL},
    {">", QTL_TOKEN_GREATER, NULL},
    {"<>", QTL_TOKEN_BROKEN, "`!=`"},
    {"<=", QTL_TOKEN_LESS_EQUAL, NULL},
    {"<", QTL_TOKEN_LESS, NULL},
    {"==", QTL_TOKEN_EQUAL, NULL},
    {"=", QTL_TOKEN_BROKEN, "`==`"},
    {"!=", QTL_TOKEN_NOT_EQUAL, NULL},
    {"!", QTL_TOKEN_BROKEN, "`not`"},
    {"&&", QTL_TOKEN_BROKEN, "`and`"},
    {"&", QTL_TOKEN_BROKEN, "`and`"},
    {"||", QTL_TOKEN_BROKEN, "`or`"},
    {"|", QTL_TOKEN_BROKEN, "`or`"},
    {"'", QTL_TOKEN_BROKEN, "text in double quotes"},
    {"#", QTL_TOKEN_BROKEN, "no comment within an expression"},
    {"\u2265", QTL_TOKEN_BROKEN, "`>=`"},
    {"\u2264", QTL_TOKEN_BROKEN, "`<=`"},
    {"\u2260", QTL_TOKEN_BROKEN, "`!=`"},
    {"\u2013", QTL_TOKEN_BROKEN, "`-`"},
    {"\u2212", QTL_TOKEN_BROKEN, "`-`"},
    {"\u00d7", QTL_TOKEN_BROKEN, "`*`"},
    {"\u00f7", QTL_TOKEN_BROKEN, "`/`"},
    {"\u00a0", QTL_TOKEN_BROKEN, "a plain blank instead of a non-breaking one"},
};

/* What is no token at all; the whole UTF-8 character is shown. */
static void refuse_character(struct qtl_lexer *lexer)
{
    const uint32_t start = lexer->token.start;
    const unsigned char first = (unsigned char)byte_at(lexer, start);
    uint32_t end = start + 1;
    while (first >= 0xc0 && end < start + 4 &&
           ((unsigned char)byte_at(lexer, end) & 0xc0) == 0x80) {
        end++;
    }
    if (first < 0x20 || (first >= 0x80 && end == start + 1)) {
        qtl_problems_add(lexer->problems, token_place(lexer),
                         "unexpected byte 0x%02x; expected an expression", first);
    } else {
        qtl_problems_add(lexer->problems, token_place(lexer),
                         "unexpected `%.*s`; expected a metric, a number, a duration or an "
                         "operator",
                         (int)(end - start), lexer->source->text.bytes + start);
    }
    finish_broken(lexer, end);
}

static void scan_symbol(struct qtl_lexer *lexer)
{
    const uint32_t left = lexer->source->text.length - lexer->token.start;
    const char *const bytes = lexer->source->text.bytes + lexer->token.start;
    for (size_t i = 0; i < sizeof(symbols) / sizeof(symbols[0]); i++) {
        const struct symbol *const symbol = &symbols[i];
        const uint32_t length = (uint32_t)strlen(symbol->text);
        if (length > left || memcmp(symbol->text, bytes, length) != 0) {
            continue;
        }
        if (symbol->meant != NULL) {
            qtl_problems_add(lexer->problems, token_place(lexer), "unexpected `%s`; expected %s",
                             symbol->text, symbol->meant);
            finish_broken(lexer, lexer->token.start + length);
        } else {
            finish(lexer, symbol->type, lexer->token.start + length);
        }
        return;
    }
    refuse_character(lexer);
}

static bool is_blank(char byte)
{
    return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r';
}

/* Moves to the next token's first byte; false: there is none, or nothing follows a broken one. */
static bool begin_token(struct qtl_lexer *lexer)
{
    if (lexer->token.type == QTL_TOKEN_BROKEN) {
        return false;
    }
    lexer->last_end = lexer->token.end;
    while (lexer->offset < lexer->source->text.length && is_blank(byte_at(lexer, lexer->offset))) {
        lexer->offset++;
    }
    lexer->token = (struct qtl_token){
        .type = QTL_TOKEN_END,
        .start = lexer->offset,
        .end = lexer->offset,
    };
    return lexer->offset < lexer->source->text.length;
}

static void scan(struct qtl_lexer *lexer)
{
    const char byte = byte_at(lexer, lexer->token.start);
    if (is_name_start(byte)) {
        scan_name(lexer);
    } else if (is_digit(byte)) {
        if (is_date(lexer, lexer->token.start)) {
            finish(lexer, QTL_TOKEN_DATE, lexer->token.start + 10);
        } else {
            scan_number(lexer);
        }
    } else if (byte == '"') {
        scan_text(lexer);
    } else {
        scan_symbol(lexer);
    }
}

void qtl_lexer_next(struct qtl_lexer *lexer)
{
    if (begin_token(lexer)) {
        scan(lexer);
    }
}

void qtl_lexer_next_name(struct qtl_lexer *lexer)
{
    if (!begin_token(lexer)) {
        return;
    }
    if (qtl_lexer_is_name_byte(byte_at(lexer, lexer->token.start))) {
        scan_name(lexer);
        lexer->token.type = QTL_TOKEN_NAME;
    } else {
        scan(lexer);
    }
}

bool qtl_lexer_duration(const struct qtl_source *source, struct qtl_problems *problems,
                        int64_t *seconds)
{
    struct qtl_lexer lexer;
    qtl_lexer_init(&lexer, source, problems);
    qtl_lexer_next(&lexer);
    const struct qtl_token first = lexer.token;
    if (first.type == QTL_TOKEN_DURATION) {
        qtl_lexer_next(&lexer);
    }
    if (lexer.token.type == QTL_TOKEN_BROKEN) {
        return false;
    }
    if (first.type != QTL_TOKEN_DURATION || lexer.token.type != QTL_TOKEN_END) {
        qtl_problems_add(problems, qtl_lexer_place(source, 0),
                         "`%.*s` is no duration; expected a whole number and a unit, e.g. `7d`",
                         qtl_problems_cut(source->text), source->text.bytes);
        return false;
    }
    *seconds = first.value;
    return true;
}
