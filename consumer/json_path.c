/*
 * Paths into JSON documents; see json_path.h. `$`, `[*]` and filters of JSONPath are left out on
 * purpose: each would promise more than a canonical field needs.
 */
#include "consumer/json_path.h"

#include <stddef.h>

#define INDEX_MAX 9999

/* A name from *at up to the next `.` or `[`. */
static bool take_name(struct qtl_text text, uint32_t *at, struct qtl_json_step *step)
{
    const uint32_t from = *at;
    while (*at < text.length && text.bytes[*at] != '.' && text.bytes[*at] != '[' &&
           text.bytes[*at] != ']') {
        (*at)++;
    }
    *step = (struct qtl_json_step){{text.bytes + from, *at - from}, -1};
    return *at > from;
}

/* The number and bracket behind `[`. */
static bool take_index(struct qtl_text text, uint32_t *at, struct qtl_json_step *step)
{
    const uint32_t from = *at;
    int32_t index = 0;
    while (*at < text.length && text.bytes[*at] >= '0' && text.bytes[*at] <= '9') {
        index = index * 10 + (text.bytes[*at] - '0');
        if (index > INDEX_MAX) {
            return false;
        }
        (*at)++;
    }
    if (*at == from || *at == text.length || text.bytes[*at] != ']') {
        return false;
    }
    (*at)++;
    *step = (struct qtl_json_step){{NULL, 0}, index};
    return true;
}

bool qtl_json_path_parse(struct qtl_text text, struct qtl_json_path *path, const char **problem)
{
    path->count = 0;
    uint32_t at = 0;
    bool name_due = true;
    while (at < text.length || name_due) {
        if (path->count == QTL_JSON_PATH_STEPS_MAX) {
            *problem = "too many steps, at most 16";
            return false;
        }
        struct qtl_json_step *const step = &path->steps[path->count++];
        if (name_due) {
            name_due = false;
            if (!take_name(text, &at, step)) {
                *problem = "a name is missing";
                return false;
            }
        } else if (text.bytes[at] == '[') {
            at++;
            if (!take_index(text, &at, step)) {
                *problem = "expected [n] with a number up to 9999";
                return false;
            }
        } else if (text.bytes[at] == '.') {
            at++;
            name_due = true;
            path->count--;
        } else {
            *problem = "expected . or [";
            return false;
        }
    }
    return true;
}
