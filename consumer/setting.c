/*
 * Settings as a table; see setting.h. Offsets and not pointers, because every stream has its own
 * copy of the stream rows; a switch over the type and not a function a row, because five types
 * serve all.
 */
#include "consumer/setting.h"

#include "consumer/config.h"
#include "scoring/base/assert.h"
#include "scoring/suggestion.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORDS_BYTES 256

struct choice {
    enum qtl_setting_scope scope;
    size_t offset;
    int value;
    const char *word;
};

#define STANDARD_TEXT(value) .standard_text = (value)
#define STANDARD_INTEGER(value) .standard = (value)
#define STANDARD_DURATION(value) .standard = (value)
#define STANDARD_FLAG(value) .standard = (value)
#define STANDARD_CHOICE(value) .standard = (value)

#define ROW(place, in_scope, row_name, row_type, row_standard, row_min, row_max, row_unit, text)   \
    {.name = (row_name),                                                                           \
     .type = QTL_SETTING_##row_type,                                                               \
     .scope = (in_scope),                                                                          \
     .offset = (place),                                                                            \
     STANDARD_##row_type(row_standard),                                                            \
     .min = (row_min),                                                                             \
     .max = (row_max),                                                                             \
     .unit = (row_unit),                                                                           \
     .meaning = (text)},

static const struct qtl_setting all_rows[] = {
#define QTL_SETTING(member, name, type, standard, min, max, unit, text)                            \
    ROW(offsetof(struct qtl_config, member), QTL_SETTING_SCOPE_ALL, name, type, standard, min,     \
        max, unit, text)
#include "schemas/settings.def"
#undef QTL_SETTING
};

static const struct qtl_setting stream_rows[] = {
#define QTL_STREAM_SETTING(member, name, type, standard, min, max, unit, text)                     \
    ROW(offsetof(struct qtl_stream_settings, member), QTL_SETTING_SCOPE_STREAM, name, type,        \
        standard, min, max, unit, text)
#include "schemas/settings.def"
#undef QTL_STREAM_SETTING
};

static const struct choice choices[] = {
#define QTL_CHOICE(member, value, word)                                                            \
    {QTL_SETTING_SCOPE_ALL, offsetof(struct qtl_config, member), value, #word},
#define QTL_STREAM_CHOICE(member, value, word)                                                     \
    {QTL_SETTING_SCOPE_STREAM, offsetof(struct qtl_stream_settings, member), value, #word},
#include "schemas/settings.def"
#undef QTL_CHOICE
#undef QTL_STREAM_CHOICE
};
#define CHOICES (sizeof(choices) / sizeof(choices[0]))

const struct qtl_setting *qtl_setting_rows(enum qtl_setting_scope scope, size_t *count)
{
    if (scope == QTL_SETTING_SCOPE_STREAM) {
        *count = sizeof(stream_rows) / sizeof(stream_rows[0]);
        return stream_rows;
    }
    *count = sizeof(all_rows) / sizeof(all_rows[0]);
    return all_rows;
}

const struct qtl_setting *qtl_setting_find(enum qtl_setting_scope scope, struct qtl_text name)
{
    size_t count = 0;
    const struct qtl_setting *const rows = qtl_setting_rows(scope, &count);
    for (size_t i = 0; i < count; i++) {
        if (strlen(rows[i].name) == name.length &&
            memcmp(rows[i].name, name.bytes, name.length) == 0) {
            return &rows[i];
        }
    }
    return NULL;
}

/* The choice of that number of the setting; NULL behind the last. */
static const struct choice *choice_of(const struct qtl_setting *setting, size_t number)
{
    for (size_t i = 0; i < CHOICES; i++) {
        if (choices[i].scope == setting->scope && choices[i].offset == setting->offset) {
            if (number == 0) {
                return &choices[i];
            }
            number--;
        }
    }
    return NULL;
}

const char *qtl_setting_choice(const struct qtl_setting *setting, size_t number)
{
    const struct choice *const choice = choice_of(setting, number);
    return choice != NULL ? choice->word : NULL;
}

/* The member's address. */
static void *member_of(const struct qtl_setting *setting, void *base)
{
    return (char *)base + setting->offset;
}

/* Takes over the copy of a text. */
static void store_text(const struct qtl_setting *setting, void *base, struct qtl_text text)
{
    char **const member = member_of(setting, base);
    char *const copy = strndup(text.bytes, text.length);
    QTL_ASSERT(copy != NULL);
    free(*member);
    *member = copy;
}

static void store(const struct qtl_setting *setting, void *base, int64_t value)
{
    void *const member = member_of(setting, base);
    switch (setting->type) {
    case QTL_SETTING_INTEGER:
    case QTL_SETTING_DURATION:
        *(int64_t *)member = value;
        return;
    case QTL_SETTING_FLAG:
        *(bool *)member = value != 0;
        return;
    case QTL_SETTING_CHOICE:
        *(int *)member = (int)value;
        return;
    case QTL_SETTING_TEXT:
        break;
    }
    QTL_UNREACHABLE("a text is stored as such");
}

void qtl_setting_init_all(enum qtl_setting_scope scope, void *base)
{
    size_t count = 0;
    const struct qtl_setting *const rows = qtl_setting_rows(scope, &count);
    for (size_t i = 0; i < count; i++) {
        if (rows[i].type == QTL_SETTING_TEXT) {
            const char *const text = rows[i].standard_text;
            store_text(&rows[i], base, (struct qtl_text){text, (uint32_t)strlen(text)});
        } else {
            store(&rows[i], base, rows[i].standard);
        }
    }
}

void qtl_setting_fini_all(enum qtl_setting_scope scope, void *base)
{
    size_t count = 0;
    const struct qtl_setting *const rows = qtl_setting_rows(scope, &count);
    for (size_t i = 0; i < count; i++) {
        if (rows[i].type == QTL_SETTING_TEXT) {
            char **const member = member_of(&rows[i], base);
            free(*member);
            *member = NULL;
        }
    }
}

static bool assign_text(const struct qtl_setting *setting, void *base,
                        const struct qtl_source *value, struct qtl_problems *problems)
{
    const struct qtl_text text = value->text;
    const bool has_nul = text.length > 0 && memchr(text.bytes, '\0', text.length) != NULL;
    if (has_nul || text.length < (uint64_t)setting->min || text.length > (uint64_t)setting->max) {
        char least[32] = "";
        if (setting->min != setting->max) {
            snprintf(least, sizeof(least), "%" PRId64 " to ", setting->min);
        }
        qtl_problems_add(problems, qtl_lexer_place(value, 0),
                         "`%s` has %" PRIu32 " bytes%s; expected %s%" PRId64, setting->name,
                         text.length, has_nul ? ", one of them NUL" : "", least, setting->max);
        return false;
    }
    store_text(setting, base, text);
    return true;
}

/* A whole number of at most 18 digits. */
static bool parse_integer(struct qtl_text text, int64_t *value)
{
    const bool negative = text.length > 0 && text.bytes[0] == '-';
    const uint32_t from = negative ? 1 : 0;
    *value = 0;
    if (text.length == from || text.length > from + 18) {
        return false;
    }
    for (uint32_t i = from; i < text.length; i++) {
        if (text.bytes[i] < '0' || text.bytes[i] > '9') {
            return false;
        }
        *value = *value * 10 + (text.bytes[i] - '0');
    }
    *value = negative ? -*value : *value;
    return true;
}

static bool assign_integer(const struct qtl_setting *setting, void *base,
                           const struct qtl_source *value, struct qtl_problems *problems)
{
    int64_t number = 0;
    if (!parse_integer(value->text, &number) || number < setting->min || number > setting->max) {
        qtl_problems_add(
            problems, qtl_lexer_place(value, 0),
            "`%s` cannot be `%.*s`; expected a whole number from %" PRId64 " to %" PRId64 "%s%s",
            setting->name, qtl_problems_cut(value->text), value->text.bytes, setting->min,
            setting->max, setting->unit[0] != '\0' ? " " : "", setting->unit);
        return false;
    }
    store(setting, base, number);
    return true;
}

static bool assign_duration(const struct qtl_setting *setting, void *base,
                            const struct qtl_source *value, struct qtl_problems *problems)
{
    int64_t seconds = 0;
    if (!qtl_lexer_duration(value, problems, &seconds)) {
        return false;
    }
    if (seconds < setting->min || seconds > setting->max) {
        qtl_problems_add(problems, qtl_lexer_place(value, 0),
                         "`%s` cannot be `%.*s`; expected from %" PRId64 "s to %" PRId64 "s",
                         setting->name, qtl_problems_cut(value->text), value->text.bytes,
                         setting->min, setting->max);
        return false;
    }
    store(setting, base, seconds);
    return true;
}

static bool assign_flag(const struct qtl_setting *setting, void *base,
                        const struct qtl_source *value, struct qtl_problems *problems)
{
    const struct qtl_text text = value->text;
    const bool on = text.length == 4 && memcmp(text.bytes, "true", 4) == 0;
    const bool off = text.length == 5 && memcmp(text.bytes, "false", 5) == 0;
    if (!on && !off) {
        qtl_problems_add(problems, qtl_lexer_place(value, 0),
                         "`%s` cannot be `%.*s`; expected `true` or `false`", setting->name,
                         qtl_problems_cut(text), text.bytes);
        return false;
    }
    store(setting, base, on ? 1 : 0);
    return true;
}

/* "`a` or `b`", "`a`, `b` or `c`". */
static void write_words(const struct qtl_setting *setting, char words[WORDS_BYTES])
{
    size_t length = 0;
    const char *word = NULL;
    words[0] = '\0';
    for (size_t i = 0; (word = qtl_setting_choice(setting, i)) != NULL; i++) {
        const bool last = qtl_setting_choice(setting, i + 1) == NULL;
        const char *const between = i == 0 ? "" : last ? " or " : ", ";
        const int added = snprintf(words + length, WORDS_BYTES - length, "%s`%s`", between, word);
        QTL_ASSERT(added > 0 && (size_t)added < WORDS_BYTES - length);
        length += (size_t)added;
    }
}

static bool assign_choice(const struct qtl_setting *setting, void *base,
                          const struct qtl_source *value, struct qtl_problems *problems)
{
    const struct qtl_text text = value->text;
    const struct choice *choice = NULL;
    struct qtl_suggestion suggestion;
    qtl_suggestion_init(&suggestion, text);
    for (size_t i = 0; (choice = choice_of(setting, i)) != NULL; i++) {
        if (strlen(choice->word) == text.length &&
            memcmp(choice->word, text.bytes, text.length) == 0) {
            store(setting, base, choice->value);
            return true;
        }
        qtl_suggestion_offer(&suggestion, choice->word);
    }
    char words[WORDS_BYTES];
    write_words(setting, words);
    qtl_problems_add(problems, qtl_lexer_place(value, 0), "`%s` cannot be `%.*s`; expected %s%s",
                     setting->name, qtl_problems_cut(text), text.bytes, words,
                     qtl_suggestion_sentence(&suggestion));
    return false;
}

bool qtl_setting_assign(const struct qtl_setting *setting, void *base,
                        const struct qtl_source *value, struct qtl_problems *problems)
{
    switch (setting->type) {
    case QTL_SETTING_TEXT:
        return assign_text(setting, base, value, problems);
    case QTL_SETTING_INTEGER:
        return assign_integer(setting, base, value, problems);
    case QTL_SETTING_DURATION:
        return assign_duration(setting, base, value, problems);
    case QTL_SETTING_FLAG:
        return assign_flag(setting, base, value, problems);
    case QTL_SETTING_CHOICE:
        return assign_choice(setting, base, value, problems);
    }
    QTL_UNREACHABLE("a setting without a type");
}
