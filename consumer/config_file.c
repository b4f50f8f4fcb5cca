/*
 * The shape of a configuration file: which keys there are follows from schemas/settings.def, where
 * a dot in a name is a level of the file; only `streams:` and `fields:` are shapes of their own.
 *
 * Reading goes on after a problem, so that one run shows them all.
 */
#include "consumer/config_file.h"

#include "consumer/kafka_properties.h"
#include "consumer/setting.h"
#include "consumer/stream.h"
#include "consumer/yaml_file.h"
#include "consumer/yaml_keys.h"
#include "consumer/yaml_tree.h"
#include "scoring/suggestion.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_BYTES_MAX 128

struct reader {
    struct qtl_config *config;
    struct qtl_problems *problems;
};

/* A mapping of settings: those of `scope` whose names begin with `prefix`. */
struct level {
    enum qtl_setting_scope scope;
    void *base;
    const char *prefix; /* "" or ending in a dot */
    const char *extra;  /* a key with a shape of its own, or NULL */
    const char *what;   /* for sentences */
};

static bool equals(struct qtl_text text, const char *name)
{
    return strlen(name) == text.length && memcmp(name, text.bytes, text.length) == 0;
}

/* YAML's ways of writing nothing. */
static bool is_null(const struct qtl_yaml_node *node)
{
    const struct qtl_text text = node->source.text;
    return node->type == QTL_YAML_SCALAR && node->plain &&
           (text.length == 0 || equals(text, "~") || equals(text, "null"));
}

/* Whether the value is a mapping; reported where not. Nothing at all is an empty mapping. */
static bool require_mapping(struct reader *reader, const struct qtl_yaml_node *key)
{
    const struct qtl_yaml_node *const value = key->next;
    const struct qtl_text name = key->source.text;
    if (value->type != QTL_YAML_MAPPING && !is_null(value)) {
        qtl_problems_add(reader->problems, value->place, "`%.*s` is %s; expected keys below it",
                         qtl_problems_cut(name), name.bytes, qtl_yaml_tree_words(value));
    }
    return value->type == QTL_YAML_MAPPING;
}

/* Writes prefix and key; false where that is longer than any name. */
static bool join(const struct level *level, struct qtl_text key, char name[NAME_BYTES_MAX])
{
    const int length =
        snprintf(name, NAME_BYTES_MAX, "%s%.*s", level->prefix, (int)key.length, key.bytes);
    return length >= 0 && length < NAME_BYTES_MAX && strlen(name) == (size_t)length;
}

/* Whether names of the scope go on behind `prefix`. */
static bool is_group(enum qtl_setting_scope scope, const char *prefix)
{
    size_t count = 0;
    const struct qtl_setting *const rows = qtl_setting_rows(scope, &count);
    const size_t length = strlen(prefix);
    for (size_t i = 0; i < count; i++) {
        if (strncmp(rows[i].name, prefix, length) == 0 && rows[i].name[length] == '.') {
            return true;
        }
    }
    return false;
}

static void report_unknown_key(struct reader *reader, const struct level *level,
                               const struct qtl_yaml_node *key)
{
    const struct qtl_text name = key->source.text;
    struct qtl_suggestion suggestion;
    qtl_suggestion_init(&suggestion, name);
    size_t count = 0;
    const struct qtl_setting *const rows = qtl_setting_rows(level->scope, &count);
    for (size_t i = 0; i < count; i++) {
        if (strncmp(rows[i].name, level->prefix, strlen(level->prefix)) != 0) {
            continue;
        }
        /* The piece of the name that stands on this level. */
        char piece[NAME_BYTES_MAX];
        snprintf(piece, sizeof(piece), "%s", rows[i].name + strlen(level->prefix));
        piece[strcspn(piece, ".")] = '\0';
        qtl_suggestion_offer(&suggestion, piece);
    }
    if (level->extra != NULL) {
        qtl_suggestion_offer(&suggestion, level->extra);
    }
    qtl_problems_add(reader->problems, key->place,
                     "unknown key `%.*s` in %s; expected one of docs/CONFIGURATION.md%s",
                     qtl_problems_cut(name), name.bytes, level->what,
                     qtl_suggestion_sentence(&suggestion));
}

static void read_value(struct reader *reader, const struct level *level,
                       const struct qtl_setting *setting, const struct qtl_yaml_node *value)
{
    if (value->type != QTL_YAML_SCALAR) {
        qtl_problems_add(reader->problems, value->place, "`%s` is %s; expected one value",
                         setting->name, qtl_yaml_tree_words(value));
        return;
    }
    (void)qtl_setting_assign(setting, level->base, &value->source, reader->problems);
}

/* `kafka.properties:`: names with dots in them, each with one value. */
static void read_properties(struct reader *reader, const struct qtl_yaml_node *properties)
{
    size_t count = 0;
    if (!require_mapping(reader, properties)) {
        return;
    }
    for (const struct qtl_yaml_node *key = NULL;
         (key = qtl_yaml_keys_next(reader->problems, properties->next, key, &count)) != NULL;) {
        if (key->next->type != QTL_YAML_SCALAR) {
            qtl_problems_add(reader->problems, key->next->place, "`%.*s` is %s; expected one value",
                             qtl_problems_cut(key->source.text), key->source.text.bytes,
                             qtl_yaml_tree_words(key->next));
        } else {
            (void)qtl_kafka_properties_assign(reader->config, key->source.text, key->place,
                                              &key->next->source, reader->problems);
        }
    }
}

/* One key of a level: a setting, or a group of them that stands in a mapping of its own. */
static void read_setting(struct reader *reader, const struct level *level,
                         const struct qtl_yaml_node *key);

/* The settings of a group, e.g. `epoch:`. Groups do not nest: a name has at most one dot. */
static void read_group(struct reader *reader, const struct level *level, const char *name,
                       const struct qtl_yaml_node *key)
{
    char prefix[NAME_BYTES_MAX + 1];
    char what[NAME_BYTES_MAX + 8];
    snprintf(prefix, sizeof(prefix), "%s.", name);
    snprintf(what, sizeof(what), "`%s`", name);
    /* The one group with a shape of its own inside. */
    const char *const extra = strcmp(name, "kafka") == 0 ? "properties" : NULL;
    const struct level inner = {level->scope, level->base, prefix, extra, what};
    size_t count = 0;
    if (!require_mapping(reader, key)) {
        return;
    }
    for (const struct qtl_yaml_node *next = NULL;
         (next = qtl_yaml_keys_next(reader->problems, key->next, next, &count)) != NULL;) {
        if (inner.extra != NULL && equals(next->source.text, inner.extra)) {
            read_properties(reader, next);
        } else {
            read_setting(reader, &inner, next);
        }
    }
}

static void read_setting(struct reader *reader, const struct level *level,
                         const struct qtl_yaml_node *key)
{
    char name[NAME_BYTES_MAX];
    if (!join(level, key->source.text, name)) {
        report_unknown_key(reader, level, key);
        return;
    }
    const struct qtl_text text = {name, (uint32_t)strlen(name)};
    const struct qtl_setting *const setting =
        memchr(key->source.text.bytes, '.', key->source.text.length) == NULL
            ? qtl_setting_find(level->scope, text)
            : NULL;
    if (setting != NULL) {
        read_value(reader, level, setting, key->next);
    } else if (level->prefix[0] == '\0' && is_group(level->scope, name)) {
        read_group(reader, level, name, key);
    } else {
        report_unknown_key(reader, level, key);
    }
}

/* `amount: total`, `amount: ~` or `amount: {path: total, scale: 2}`. */
static void read_field(struct reader *reader, struct qtl_field_map *map, enum qtl_field field,
                       const struct qtl_yaml_node *value)
{
    static const struct qtl_source none = {.text = {"~", 1}};
    size_t count = 0;
    if (value->type == QTL_YAML_LIST) {
        qtl_problems_add(reader->problems, value->place,
                         "`%s` is a list; expected a path, e.g. `customer.id`, or `path:` and how "
                         "it is written",
                         qtl_field_name(field));
        return;
    }
    if (value->type == QTL_YAML_SCALAR) {
        (void)qtl_field_map_assign(map, field, "path", is_null(value) ? &none : &value->source,
                                   reader->problems);
        return;
    }
    for (const struct qtl_yaml_node *key = NULL;
         (key = qtl_yaml_keys_next(reader->problems, value, key, &count)) != NULL;) {
        const struct qtl_text name = key->source.text;
        struct qtl_suggestion suggestion;
        qtl_suggestion_init(&suggestion, name);
        size_t i = 0;
        const char *part = NULL;
        while ((part = qtl_field_map_part(i)) != NULL && !equals(name, part)) {
            qtl_suggestion_offer(&suggestion, part);
            i++;
        }
        if (part == NULL) {
            qtl_problems_add(reader->problems, key->place,
                             "unknown key `%.*s` in a field; expected path, time, zone or scale%s",
                             qtl_problems_cut(name), name.bytes,
                             qtl_suggestion_sentence(&suggestion));
        } else if (key->next->type != QTL_YAML_SCALAR) {
            qtl_problems_add(reader->problems, key->next->place, "`%s` is %s; expected one value",
                             part, qtl_yaml_tree_words(key->next));
        } else {
            (void)qtl_field_map_assign(map, field, part, &key->next->source, reader->problems);
        }
    }
}

static void read_fields(struct reader *reader, enum qtl_stream stream,
                        const struct qtl_yaml_node *fields)
{
    struct qtl_stream_settings *const settings = &reader->config->streams[stream];
    size_t count = 0;
    if (!require_mapping(reader, fields)) {
        return;
    }
    settings->has_fields = true;
    for (const struct qtl_yaml_node *key = NULL;
         (key = qtl_yaml_keys_next(reader->problems, fields->next, key, &count)) != NULL;) {
        const struct qtl_text name = key->source.text;
        const int field = qtl_field_find(stream, name);
        if (field >= 0) {
            read_field(reader, &settings->fields[field], (enum qtl_field)field, key->next);
            continue;
        }
        struct qtl_suggestion suggestion;
        qtl_suggestion_init(&suggestion, name);
        for (int i = 0; i < QTL_FIELDS; i++) {
            if (qtl_field_of((enum qtl_field)i, stream)) {
                qtl_suggestion_offer(&suggestion, qtl_field_name((enum qtl_field)i));
            }
        }
        qtl_problems_add(reader->problems, key->place,
                         "unknown field `%.*s` of the %s stream; expected one of "
                         "docs/CONFIGURATION.md%s",
                         qtl_problems_cut(name), name.bytes, qtl_stream_name(stream),
                         qtl_suggestion_sentence(&suggestion));
    }
}

static void read_stream(struct reader *reader, enum qtl_stream stream,
                        const struct qtl_yaml_node *node)
{
    char what[64];
    snprintf(what, sizeof(what), "`streams.%s`", qtl_stream_name(stream));
    const struct level level = {QTL_SETTING_SCOPE_STREAM, &reader->config->streams[stream], "",
                                "fields", what};
    size_t count = 0;
    if (!require_mapping(reader, node)) {
        return;
    }
    for (const struct qtl_yaml_node *key = NULL;
         (key = qtl_yaml_keys_next(reader->problems, node->next, key, &count)) != NULL;) {
        if (equals(key->source.text, "fields")) {
            read_fields(reader, stream, key);
        } else {
            read_setting(reader, &level, key);
        }
    }
}

static void read_streams(struct reader *reader, const struct qtl_yaml_node *streams)
{
    size_t count = 0;
    if (!require_mapping(reader, streams)) {
        return;
    }
    for (const struct qtl_yaml_node *key = NULL;
         (key = qtl_yaml_keys_next(reader->problems, streams->next, key, &count)) != NULL;) {
        const struct qtl_text name = key->source.text;
        const int stream = qtl_stream_find(name);
        if (stream >= 0) {
            read_stream(reader, (enum qtl_stream)stream, key);
            continue;
        }
        struct qtl_suggestion suggestion;
        qtl_suggestion_init(&suggestion, name);
        for (int i = 0; i < QTL_STREAMS; i++) {
            qtl_suggestion_offer(&suggestion, qtl_stream_name((enum qtl_stream)i));
        }
        qtl_problems_add(reader->problems, key->place,
                         "unknown stream `%.*s`; expected orders, engagement or customers%s",
                         qtl_problems_cut(name), name.bytes, qtl_suggestion_sentence(&suggestion));
    }
}

static void read_top(struct reader *reader, const struct qtl_yaml_node *root)
{
    const struct level level = {QTL_SETTING_SCOPE_ALL, reader->config, "", "streams",
                                "a configuration file"};
    size_t count = 0;
    if (root == NULL || is_null(root)) {
        return; /* all defaults */
    }
    if (root->type != QTL_YAML_MAPPING) {
        qtl_problems_add(reader->problems, root->place,
                         "the file is %s; expected settings, e.g. `data_folder: ./data`",
                         qtl_yaml_tree_words(root));
        return;
    }
    for (const struct qtl_yaml_node *key = NULL;
         (key = qtl_yaml_keys_next(reader->problems, root, key, &count)) != NULL;) {
        if (equals(key->source.text, "streams")) {
            read_streams(reader, key);
        } else {
            read_setting(reader, &level, key);
        }
    }
}

enum qtl_status qtl_config_file_parse(struct qtl_text file, struct qtl_config *config,
                                      struct qtl_problems *problems)
{
    struct qtl_yaml_tree *tree = NULL;
    const enum qtl_status status = qtl_yaml_tree_parse(file, problems, &tree);
    if (status == QTL_OK) {
        struct reader reader = {.config = config, .problems = problems};
        read_top(&reader, qtl_yaml_tree_root(tree));
    }
    qtl_yaml_tree_free(tree);
    qtl_problems_sort(problems);
    return problems->count > 0 ? QTL_BAD_CONF : status;
}

enum qtl_status qtl_config_file_read(const char *path, struct qtl_config *config,
                                     struct qtl_problems *problems)
{
    struct qtl_text text = {NULL, 0};
    char *const bytes = qtl_yaml_file_read(path, "a configuration file", &text, problems);
    const enum qtl_status status =
        bytes == NULL ? QTL_BAD_CONF : qtl_config_file_parse(text, config, problems);
    free(bytes);
    return status;
}
