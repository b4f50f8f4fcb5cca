/*
 * What is wrong with a file of the user's: a list of (line, column, sentence), so that one run
 * shows everything at once. Filled by the lexer, the parser, the rule builder and
 * consumer/rule_file.c; printed by the commands.
 *
 * Threads: a list belongs to one thread. Memory that runs out stops the process.
 */
#ifndef QTL_SCORING_PROBLEMS_H
#define QTL_SCORING_PROBLEMS_H

#include "schemas/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define QTL_PROBLEMS_MAX 100

/* Both count from 1; 0, 0: the file as a whole. Columns count characters, not bytes. */
struct qtl_place {
    uint32_t line;
    uint32_t column;
};

struct qtl_problem {
    struct qtl_place place;
    uint32_t number; /* in order of discovery; keeps the sort stable */
    char *sentence;  /* "what is wrong; what was expected; suggestion" */
};

/* Starts as zeros. */
struct qtl_problems {
    struct qtl_problem items[QTL_PROBLEMS_MAX];
    size_t count;
    size_t dropped; /* found after the list was full */
};

/* Frees the sentences; the list is empty again. */
void qtl_problems_fini(struct qtl_problems *problems);

/* Adds a problem; control characters in the sentence become `?`, since names from the file go to
 * terminals. */
void qtl_problems_add(struct qtl_problems *problems, struct qtl_place place, const char *format,
                      ...) __attribute__((format(printf, 3, 4)));

/* Whether further problems are only counted: what costs time to say need not be found out. */
bool qtl_problems_full(const struct qtl_problems *problems);

/* Sorts by place; problems of one place stay in the order of discovery. */
void qtl_problems_sort(struct qtl_problems *problems);

/* A piece of the user's text for `%.*s`: its bytes, and its length cut at 60 bytes and never inside
 * a character. */
int qtl_problems_cut(struct qtl_text text);

#endif
