/*
 * Edit distance with transpositions, letters' case ignored, over names of at most 64 bytes: three
 * rows on the stack. A name is near when at most a third of it is wrong, so that short names get
 * no wild guesses.
 */
#include "scoring/suggestion.h"

#include "scoring/base/assert.h"

#include <string.h>

#define ROW (QTL_SUGGESTION_NAME_MAX + 1)

static uint32_t smaller(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static int folded(const char *bytes, uint32_t place)
{
    const char byte = bytes[place];
    return byte >= 'A' && byte <= 'Z' ? byte + ('a' - 'A') : byte;
}

/* Optimal string alignment: insertions, deletions, replacements and swaps of neighbours. */
static uint32_t edit_distance(const char *a, uint32_t a_length, const char *b, uint32_t b_length)
{
    uint32_t rows[3][ROW];
    QTL_ASSERT(a_length < ROW && b_length < ROW);
    for (uint32_t j = 0; j <= b_length; j++) {
        rows[0][j] = j;
    }
    for (uint32_t i = 1; i <= a_length; i++) {
        uint32_t *const row = rows[i % 3];
        const uint32_t *const above = rows[(i + 2) % 3];
        const uint32_t *const above_that = rows[(i + 1) % 3];
        row[0] = i;
        for (uint32_t j = 1; j <= b_length; j++) {
            const uint32_t differ = folded(a, i - 1) == folded(b, j - 1) ? 0 : 1;
            row[j] = smaller(smaller(above[j] + 1, row[j - 1] + 1), above[j - 1] + differ);
            if (i > 1 && j > 1 && folded(a, i - 1) == folded(b, j - 2) &&
                folded(a, i - 2) == folded(b, j - 1)) {
                row[j] = smaller(row[j], above_that[j - 2] + 1);
            }
        }
    }
    return rows[a_length % 3][b_length];
}

void qtl_suggestion_init(struct qtl_suggestion *suggestion, struct qtl_text wanted)
{
    memset(suggestion, 0, sizeof(*suggestion));
    suggestion->wanted = wanted;
    suggestion->distance = wanted.length < 3 ? 0 : smaller((wanted.length + 1) / 3, 4);
}

void qtl_suggestion_offer(struct qtl_suggestion *suggestion, const char *name)
{
    const size_t length = strlen(name);
    if (suggestion->wanted.length > QTL_SUGGESTION_NAME_MAX || length > QTL_SUGGESTION_NAME_MAX) {
        return;
    }
    const uint32_t distance =
        edit_distance(suggestion->wanted.bytes, suggestion->wanted.length, name, (uint32_t)length);
    const uint32_t limit = suggestion->distance;
    if (distance < limit || (distance == limit && suggestion->best[0] == '\0')) {
        memcpy(suggestion->best, name, length + 1);
        suggestion->distance = distance;
    }
}

const char *qtl_suggestion_sentence(struct qtl_suggestion *suggestion)
{
    if (suggestion->best[0] == '\0') {
        return "";
    }
    static const char before[] = "; did you mean `";
    const size_t length = strlen(suggestion->best);
    char *end = suggestion->sentence;
    memcpy(end, before, sizeof(before) - 1);
    end += sizeof(before) - 1;
    memcpy(end, suggestion->best, length);
    memcpy(end + length, "`?", 3);
    return suggestion->sentence;
}
