/*
 * A rule set, compiled: what scoring evaluates. Built by scoring/rule_builder.c from expressions
 * (scoring/expression.c parses their text) and by consumer/rule_file.c from YAML. Immutable once
 * built; shared by all shards; freed after they stopped.
 *
 * Expressions are trees in one array of nodes. Each distinct metric (function, subject, window)
 * stands once in `metrics`, whichever rules name it, so that one evaluation computes it once.
 */
#ifndef QTL_SCORING_RULES_H
#define QTL_SCORING_RULES_H

#include "schemas/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define QTL_KINDS_MAX 32
#define QTL_SEGMENTS_MAX 256
#define QTL_METRICS_MAX 1024
#define QTL_NODES_MAX 16384
#define QTL_NESTING_MAX 64
#define QTL_NAME_BYTES_MAX 512 /* of segments and kinds */
#define QTL_NODE_NONE UINT16_MAX
#define QTL_RETENTION_DEFAULT_S (INT64_C(400) * 86400)

enum qtl_type {
    QTL_TYPE_CONDITION, /* 0 or 1; always defined */
    QTL_TYPE_NUMBER,    /* ten-thousandths */
    QTL_TYPE_DURATION,  /* seconds */
    QTL_TYPE_INSTANT,   /* seconds since 1970; last and first of nothing: INT64_MIN, INT64_MAX */
    QTL_TYPE_TEXT,      /* to come with attr() */
};

enum qtl_metric_function {
#define QTL_METRIC(name, text, type, subject, window, meaning) QTL_METRIC_##name,
#include "schemas/metrics.def"
#undef QTL_METRIC
};

/* Subjects of metrics: an engagement kind's number 0..31, or one of these. */
#define QTL_SUBJECT_ORDER 32
#define QTL_SUBJECT_ANY 33
#define QTL_SUBJECT_NONE 255

struct qtl_metric {
    uint8_t function; /* enum qtl_metric_function */
    uint8_t type;     /* enum qtl_type */
    uint8_t subject;  /* kind, QTL_SUBJECT_*; NONE for sums over orders and for in, dwell */
    uint8_t state;    /* in(): the state asked for; 1 = `in` of a flag, rungs count from 1 */
    uint16_t segment; /* in(), dwell(): place in `segments` */
    int64_t window_s; /* 0: since the beginning */
    char *text;       /* canonical, e.g. "spend(365d)", "in(vip)"; key in the evidence */
};

enum qtl_op {
    QTL_OP_CONSTANT, /* constant, of any type */
    QTL_OP_METRIC,   /* metrics[metric] */
    QTL_OP_NEGATE,   /* left */
    QTL_OP_ADD,
    QTL_OP_SUBTRACT,
    QTL_OP_MULTIPLY,
    QTL_OP_DIVIDE,
    QTL_OP_GREATER,
    QTL_OP_GREATER_EQUAL,
    QTL_OP_LESS,
    QTL_OP_LESS_EQUAL,
    QTL_OP_EQUAL,
    QTL_OP_NOT_EQUAL,
    QTL_OP_NOT, /* left */
    QTL_OP_AND,
    QTL_OP_OR,
};

struct qtl_node {
    uint8_t op;     /* enum qtl_op */
    uint8_t type;   /* enum qtl_type of its value */
    uint16_t left;  /* always a lower number than the node's own */
    uint16_t right; /* QTL_NODE_NONE for one operand */
    uint16_t metric;
    int64_t constant; /* ten-thousandths or seconds */
};

enum qtl_segment_type {
    QTL_SEGMENT_FLAG,
    QTL_SEGMENT_LADDER, /* to come: rungs, first match wins */
};

/* A flag's states. A ladder's rungs will count from 1; 0 is "on no rung". */
#define QTL_STATE_OUT 0
#define QTL_STATE_IN 1

struct qtl_segment {
    char *name;
    uint8_t type; /* enum qtl_segment_type */
    uint16_t when;
    uint16_t leave_when; /* QTL_NODE_NONE: leaves when `when` no longer holds */
    int64_t hold_s;      /* 0: none */
    uint32_t holdout_e4; /* share of customers held out, 10000 = all; 0: none */
    uint64_t holdout_salt;
    /* Metrics the rule names, in the order of their first mention (`when`, then `leave_when`). */
    uint16_t *evidence;
    uint16_t evidence_count;
};

struct qtl_rules {
    uint64_t version; /* of the file's bytes and the scoring code, see QTL_SCORING_VERSION */
    int64_t retention_s;
    char *time_zone; /* name; used by re-fits and birthdays, to come */
    char *kinds[QTL_KINDS_MAX];
    uint16_t kind_count;
    uint32_t kinds_sent;          /* bit k: kind k ends in `_sent`, no part of since(any) */
    struct qtl_segment *segments; /* flags before ladders, each in the order of the file */
    uint16_t segment_count;
    uint16_t *order; /* segments in the order of evaluation: after those they name */
    struct qtl_node *nodes;
    uint16_t node_count;
    struct qtl_metric *metrics;
    uint16_t metric_count;
};

/* The scoring code's version: part of the rules version, so that a change in what rules mean is a
 * reload. Raise it with every change of semantics. */
#define QTL_SCORING_VERSION 1

/* Frees a rule set and all it owns; NULL is fine. */
void qtl_rules_free(struct qtl_rules *rules);

/* The kind's number, or -1. @thread any */
int qtl_rules_kind(const struct qtl_rules *rules, struct qtl_text name);

/* The segment's place, or -1. @thread any */
int qtl_rules_segment(const struct qtl_rules *rules, struct qtl_text name);

/* The name of a segment's state: `out`, `in`. Static or owned by `rules`. @thread any */
const char *qtl_rules_state_name(const struct qtl_rules *rules, uint16_t segment, uint8_t state);

#endif
