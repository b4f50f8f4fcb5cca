/*
 * Text of an expression -> tokens, one at a time; the current one stands in the lexer. Reports what
 * it cannot read and then stands on a QTL_TOKEN_BROKEN for good.
 *
 * Threads: a lexer belongs to one thread; it allocates nothing but sentences of problems.
 */
#ifndef QTL_SCORING_LEXER_H
#define QTL_SCORING_LEXER_H

#include "schemas/text.h"
#include "scoring/problems.h"

#include <stdbool.h>
#include <stdint.h>

/* The longest duration and window: 100 years. Keeps instant + duration far from overflow. */
#define QTL_DURATION_MAX_S (INT64_C(36525) * 86400)

/* A text and where its bytes stand in the user's file. */
struct qtl_source {
    struct qtl_text text;
    /* Of each byte and of the end (length + 1 of them); borrowed. NULL: all in line 1, a byte a
     * column. */
    const struct qtl_place *places;
};

enum qtl_token_type {
    QTL_TOKEN_END,
    QTL_TOKEN_BROKEN, /* reported; nothing follows */
    QTL_TOKEN_NAME,
    QTL_TOKEN_NUMBER,   /* value: ten-thousandths */
    QTL_TOKEN_DURATION, /* value: seconds */
    QTL_TOKEN_DATE,     /* of a window to come: 2026-11-01 */
    QTL_TOKEN_TEXT,     /* of attr() to come: "..." with its quotes */
    QTL_TOKEN_OPEN,
    QTL_TOKEN_CLOSE,
    QTL_TOKEN_COMMA,
    QTL_TOKEN_DOT,
    QTL_TOKEN_RANGE, /* `..` between dates */
    QTL_TOKEN_PERCENT,
    QTL_TOKEN_PLUS,
    QTL_TOKEN_MINUS,
    QTL_TOKEN_STAR,
    QTL_TOKEN_SLASH,
    QTL_TOKEN_GREATER,
    QTL_TOKEN_GREATER_EQUAL,
    QTL_TOKEN_LESS,
    QTL_TOKEN_LESS_EQUAL,
    QTL_TOKEN_EQUAL,
    QTL_TOKEN_NOT_EQUAL,
    QTL_TOKEN_NOT,
    QTL_TOKEN_AND,
    QTL_TOKEN_OR,
};

struct qtl_token {
    enum qtl_token_type type;
    uint32_t start; /* bytes of the source */
    uint32_t end;
    int64_t value;
};

struct qtl_lexer {
    const struct qtl_source *source; /* borrowed */
    struct qtl_problems *problems;   /* borrowed */
    struct qtl_token token;          /* the current one */
    uint32_t offset;                 /* where the next one is looked for */
    uint32_t last_end;               /* of the token before the current one */
};

/* Starts before the first token: call qtl_lexer_next. */
void qtl_lexer_init(struct qtl_lexer *lexer, const struct qtl_source *source,
                    struct qtl_problems *problems);

/* Takes the next token. */
void qtl_lexer_next(struct qtl_lexer *lexer);

/* Takes the next token where a name of the user's stands: letters, digits, `_` and `-`, also with a
 * digit first, and no word is a keyword. What is no such name is read as qtl_lexer_next does. */
void qtl_lexer_next_name(struct qtl_lexer *lexer);

/* The token's text. Borrowed from the source. */
struct qtl_text qtl_lexer_text(const struct qtl_lexer *lexer);

/* Where the byte stands in the user's file; `offset` may be the text's length. */
struct qtl_place qtl_lexer_place(const struct qtl_source *source, uint32_t offset);

/* Whether the whole text is one duration; problems say why not. */
bool qtl_lexer_duration(const struct qtl_source *source, struct qtl_problems *problems,
                        int64_t *seconds);

/* Letters, digits, `_` and `-`. */
bool qtl_lexer_is_name_byte(char byte);

#endif
