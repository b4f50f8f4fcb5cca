/*
 * Parts of a rule file -> struct qtl_rules. The reader of the file (consumer/rule_file.c) hands in
 * kinds, retention and segments in the order of the file; `finish` compiles all expressions when
 * every name is known, orders the segments for evaluation and refuses circles.
 *
 * Threads: a builder belongs to one thread. Memory that runs out stops the process.
 */
#ifndef QTL_SCORING_RULE_BUILDER_H
#define QTL_SCORING_RULE_BUILDER_H

#include "schemas/status.h"
#include "scoring/lexer.h"
#include "scoring/problems.h"
#include "scoring/rules.h"

/* The longest name of a kind or segment, in bytes. */
#define QTL_RULE_NAME_MAX 64

/* A segment as it stands in the file. All borrowed until the builder is finished. */
struct qtl_segment_source {
    struct qtl_text name;
    struct qtl_place place;       /* of the name */
    struct qtl_source when;       /* text.bytes NULL: none; the caller has reported that */
    struct qtl_source leave_when; /* text.bytes NULL: none */
    int64_t hold_s;
    uint32_t holdout_e4;
};

struct qtl_rule_builder;

/* A builder that knows the kinds of schemas/kinds.def. `problems` is borrowed until the end. */
struct qtl_rule_builder *qtl_rule_builder_new(struct qtl_problems *problems);
void qtl_rule_builder_free(struct qtl_rule_builder *builder); /* NULL is fine */

/* Each reports what is wrong with its part; the parts may come in any order. */
void qtl_rule_builder_kind(struct qtl_rule_builder *builder, struct qtl_text name,
                           struct qtl_place place);
void qtl_rule_builder_retention(struct qtl_rule_builder *builder, int64_t seconds,
                                struct qtl_place place);
void qtl_rule_builder_time_zone(struct qtl_rule_builder *builder, struct qtl_text name,
                                struct qtl_place place);
void qtl_rule_builder_segment(struct qtl_rule_builder *builder,
                              const struct qtl_segment_source *segment);

/* Compiles, and frees the builder. BAD_CONF: there are problems (also earlier ones); no rules.
 * OK: the caller owns the rules. `version` is theirs, see qtl_rule_builder_version. */
enum qtl_status qtl_rule_builder_finish(struct qtl_rule_builder **builder, uint64_t version,
                                        struct qtl_rules **rules) QTL_CHECKED;

/* The version of a rule set from the file's bytes and the scoring code's version. @thread any */
uint64_t qtl_rule_builder_version(struct qtl_text file);

#endif
