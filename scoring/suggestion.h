/*
 * "did you mean ...?": the nearest of the names offered to one that is not known. Used wherever a
 * rule file names something: keys, functions, kinds, segments, words of the language.
 *
 * Threads: a suggestion belongs to one thread; nothing is allocated.
 */
#ifndef QTL_SCORING_SUGGESTION_H
#define QTL_SCORING_SUGGESTION_H

#include "schemas/text.h"

#include <stdint.h>

#define QTL_SUGGESTION_NAME_MAX 64

struct qtl_suggestion {
    struct qtl_text wanted; /* borrowed */
    uint32_t distance;      /* of `best`; more than this is not taken */
    char best[QTL_SUGGESTION_NAME_MAX + 1];
    char sentence[QTL_SUGGESTION_NAME_MAX + 32];
};

/* Begins with the name that is not known. */
void qtl_suggestion_init(struct qtl_suggestion *suggestion, struct qtl_text wanted);

/* Offers a known name; the first of the nearest is kept. */
void qtl_suggestion_offer(struct qtl_suggestion *suggestion, const char *name);

/* "; did you mean `spend`?", or "" when nothing offered was near. Owned by the suggestion. */
const char *qtl_suggestion_sentence(struct qtl_suggestion *suggestion);

#endif
