/*
 * The list of problems; see problems.h. Bounded: a file with a hundred problems is not read
 * further by anybody, and an endless one must not fill the memory.
 */
#include "scoring/problems.h"

#include "scoring/base/assert.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHOWN_BYTES_MAX 60

void qtl_problems_fini(struct qtl_problems *problems)
{
    for (size_t i = 0; i < problems->count; i++) {
        free(problems->items[i].sentence);
    }
    memset(problems, 0, sizeof(*problems));
}

__attribute__((format(printf, 1, 0))) static char *format_sentence(const char *format,
                                                                   va_list arguments)
{
    va_list again;
    va_copy(again, arguments);
    const int length = vsnprintf(NULL, 0, format, again);
    va_end(again);
    QTL_ASSERT(length >= 0);
    char *const sentence = malloc((size_t)length + 1);
    QTL_ASSERT(sentence != NULL);
    vsnprintf(sentence, (size_t)length + 1, format, arguments);
    for (char *byte = sentence; *byte != '\0'; byte++) {
        if ((unsigned char)*byte < 0x20 || *byte == 0x7f) {
            *byte = '?';
        }
    }
    return sentence;
}

void qtl_problems_add(struct qtl_problems *problems, struct qtl_place place, const char *format,
                      ...)
{
    QTL_ASSERT(problems->count <= QTL_PROBLEMS_MAX);
    if (qtl_problems_full(problems)) {
        problems->dropped++;
        return;
    }
    va_list arguments;
    va_start(arguments, format);
    problems->items[problems->count] = (struct qtl_problem){
        .place = place,
        .number = (uint32_t)problems->count,
        .sentence = format_sentence(format, arguments),
    };
    va_end(arguments);
    problems->count++;
}

bool qtl_problems_full(const struct qtl_problems *problems)
{
    return problems->count == QTL_PROBLEMS_MAX;
}

static int compare(const void *left, const void *right)
{
    const struct qtl_problem *const a = left;
    const struct qtl_problem *const b = right;
    if (a->place.line != b->place.line) {
        return a->place.line < b->place.line ? -1 : 1;
    }
    if (a->place.column != b->place.column) {
        return a->place.column < b->place.column ? -1 : 1;
    }
    return a->number < b->number ? -1 : 1;
}

void qtl_problems_sort(struct qtl_problems *problems)
{
    qsort(problems->items, problems->count, sizeof(problems->items[0]), compare);
}

int qtl_problems_cut(struct qtl_text text)
{
    if (text.length <= SHOWN_BYTES_MAX) {
        return (int)text.length;
    }
    uint32_t length = SHOWN_BYTES_MAX;
    while (length > 0 && ((unsigned char)text.bytes[length] & 0xc0) == 0x80) {
        length--;
    }
    return (int)length;
}
