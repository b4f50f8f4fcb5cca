/*
 * The rows of schemas/settings.def as data, and texts into the members they name. What reads a
 * configuration file, `--set` and the documentation have in common.
 *
 * Threads: the table is static; any thread.
 */
#ifndef QTL_CONSUMER_SETTING_H
#define QTL_CONSUMER_SETTING_H

#include "scoring/lexer.h"
#include "scoring/problems.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum qtl_setting_type {
    QTL_SETTING_TEXT,
    QTL_SETTING_INTEGER,
    QTL_SETTING_DURATION,
    QTL_SETTING_FLAG,
    QTL_SETTING_CHOICE,
};

/* Whose member a row is: struct qtl_config's, or struct qtl_stream_settings'. */
enum qtl_setting_scope { QTL_SETTING_SCOPE_ALL, QTL_SETTING_SCOPE_STREAM };

struct qtl_setting {
    const char *name; /* a dot for each level */
    enum qtl_setting_type type;
    enum qtl_setting_scope scope;
    size_t offset;             /* of the member */
    const char *standard_text; /* TEXT */
    int64_t standard;          /* the other types */
    int64_t min;
    int64_t max;
    const char *unit;
    const char *meaning;
};

/* The rows of a scope. */
const struct qtl_setting *qtl_setting_rows(enum qtl_setting_scope scope, size_t *count);

/* The row with that name, or NULL. */
const struct qtl_setting *qtl_setting_find(enum qtl_setting_scope scope, struct qtl_text name);

/* The words of a CHOICE, in the order of the table; NULL behind the last. */
const char *qtl_setting_choice(const struct qtl_setting *setting, size_t number);

/* Gives every member of a scope its default; `base` is the struct, all zeros. */
void qtl_setting_init_all(enum qtl_setting_scope scope, void *base);
void qtl_setting_fini_all(enum qtl_setting_scope scope, void *base);

/* Sets the member from text; false and a problem where it does not fit. */
bool qtl_setting_assign(const struct qtl_setting *setting, void *base,
                        const struct qtl_source *value, struct qtl_problems *problems);

#endif
