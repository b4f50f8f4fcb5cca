/*
 * A rule file (DESIGN 5, docs/RULES.md) -> a compiled rule set, or everything that is wrong with
 * it. Called at start and by commands, on the main thread; the rules may go to any thread then.
 */
#ifndef QTL_CONSUMER_RULE_FILE_H
#define QTL_CONSUMER_RULE_FILE_H

#include "schemas/status.h"
#include "schemas/text.h"
#include "scoring/problems.h"
#include "scoring/rules.h"

#include <stdio.h>

/* Reads and compiles the file. OK: the caller owns `*rules` and there are no problems. BAD_CONF: no
 * rules, and at least one problem, in the order of the file; also where there is no such file.
 * `problems` starts as zeros; the caller finishes it either way. */
QTL_CHECKED enum qtl_status qtl_rule_file_read(const char *path, struct qtl_rules **rules,
                                               struct qtl_problems *problems);

/* The same from memory: tests, the built-in pack, rules sent over HTTP. */
QTL_CHECKED enum qtl_status qtl_rule_file_parse(struct qtl_text file, struct qtl_rules **rules,
                                                struct qtl_problems *problems);

/* One line a problem, `path:line:column: sentence`. */
void qtl_rule_file_report(const char *path, const struct qtl_problems *problems, FILE *out);

#endif
