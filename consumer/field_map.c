/*
 * Entries of a mapping; see field_map.h. The parts to come (sum, count, first, map, default, ...)
 * are rows here and members of struct qtl_conversion or of what json_fields.c compiles.
 */
#include "consumer/field_map.h"

#include "consumer/instant.h"
#include "consumer/json_path.h"
#include "scoring/base/assert.h"
#include "scoring/suggestion.h"

#include <stdlib.h>
#include <string.h>

#define SCALE_MAX 9

static bool equals(struct qtl_text text, const char *word)
{
    return strlen(word) == text.length && memcmp(word, text.bytes, text.length) == 0;
}

void qtl_field_map_fini(struct qtl_field_map *map)
{
    free(map->path);
    map->path = NULL;
}

static bool assign_path(struct qtl_field_map *map, enum qtl_field field,
                        const struct qtl_source *value, struct qtl_problems *problems)
{
    const struct qtl_text text = value->text;
    const bool none = equals(text, "~") || equals(text, "null");
    struct qtl_json_path path;
    const char *problem = NULL;
    if (!none && memchr(text.bytes, '\0', text.length) != NULL) {
        problem = "a NUL stands in it";
    } else if (!none) {
        (void)qtl_json_path_parse(text, &path, &problem);
    }
    if (problem != NULL) {
        qtl_problems_add(problems, qtl_lexer_place(value, 0),
                         "`%.*s` is no path to `%s`: %s; expected names with dots between, e.g. "
                         "`customer.id` or `lines[0].price`, or `~` for none",
                         qtl_problems_cut(text), text.bytes, qtl_field_name(field), problem);
        return false;
    }
    char *const copy = none ? strdup("") : strndup(text.bytes, text.length);
    QTL_ASSERT(copy != NULL);
    free(map->path);
    map->path = copy;
    return true;
}

static bool assign_time(struct qtl_field_map *map, enum qtl_field field,
                        const struct qtl_source *value, struct qtl_problems *problems)
{
    static const char *const words[] = {
        [QTL_TIME_FORM_ANY] = "any",           [QTL_TIME_FORM_ISO8601] = "iso8601",
        [QTL_TIME_FORM_EPOCH_S] = "epoch_s",   [QTL_TIME_FORM_EPOCH_MS] = "epoch_ms",
        [QTL_TIME_FORM_EPOCH_US] = "epoch_us",
    };
    struct qtl_suggestion suggestion;
    qtl_suggestion_init(&suggestion, value->text);
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (equals(value->text, words[i])) {
            map->conversion.time = (uint8_t)i;
            return true;
        }
        qtl_suggestion_offer(&suggestion, words[i]);
    }
    qtl_problems_add(problems, qtl_lexer_place(value, 0),
                     "`%s` cannot be written as `%.*s`; expected `iso8601`, `epoch_s`, `epoch_ms`, "
                     "`epoch_us` or `any` (seconds or ISO 8601)%s",
                     qtl_field_name(field), qtl_problems_cut(value->text), value->text.bytes,
                     qtl_suggestion_sentence(&suggestion));
    return false;
}

static bool assign_zone(struct qtl_field_map *map, const struct qtl_source *value,
                        struct qtl_problems *problems)
{
    if (qtl_instant_parse_offset(value->text, &map->conversion.zone_offset_s)) {
        return true;
    }
    qtl_problems_add(problems, qtl_lexer_place(value, 0),
                     "`%.*s` is no zone; expected `UTC` or an offset such as `+01:00` (names such "
                     "as Europe/Berlin come with a later version)",
                     qtl_problems_cut(value->text), value->text.bytes);
    return false;
}

static bool assign_scale(struct qtl_field_map *map, const struct qtl_source *value,
                         struct qtl_problems *problems)
{
    const struct qtl_text text = value->text;
    if (text.length == 1 && text.bytes[0] >= '0' && text.bytes[0] <= '0' + SCALE_MAX) {
        map->conversion.scale = (uint8_t)(text.bytes[0] - '0');
        return true;
    }
    qtl_problems_add(problems, qtl_lexer_place(value, 0),
                     "`%.*s` is no scale; expected the number of decimals of the minor unit, from "
                     "0 to %d, e.g. `2` for cents",
                     qtl_problems_cut(text), text.bytes, SCALE_MAX);
    return false;
}

const char *qtl_field_map_part(size_t number)
{
    static const char *const parts[] = {"path", "time", "zone", "scale"};
    return number < sizeof(parts) / sizeof(parts[0]) ? parts[number] : NULL;
}

bool qtl_field_map_assign(struct qtl_field_map *map, enum qtl_field field, const char *part,
                          const struct qtl_source *value, struct qtl_problems *problems)
{
    if (strcmp(part, "path") == 0) {
        return assign_path(map, field, value, problems);
    }
    const bool of_times = strcmp(part, "scale") != 0;
    const enum qtl_field_type type = of_times ? QTL_FIELD_TYPE_TIME : QTL_FIELD_TYPE_NUMBER;
    if (qtl_field_type(field) != type) {
        qtl_problems_add(problems, qtl_lexer_place(value, 0),
                         "`%s` has no `%s`; expected that of %s only", qtl_field_name(field), part,
                         of_times ? "times" : "numbers");
        return false;
    }
    if (!of_times) {
        return assign_scale(map, value, problems);
    }
    return strcmp(part, "time") == 0 ? assign_time(map, field, value, problems)
                                     : assign_zone(map, value, problems);
}
