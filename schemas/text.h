/*
 * A borrowed run of bytes. Never NUL-terminated; whoever hands it over says how long it lives.
 */
#ifndef QTL_SCHEMAS_TEXT_H
#define QTL_SCHEMAS_TEXT_H

#include <stdint.h>

struct qtl_text {
    const char *bytes; /* borrowed; NULL only where length is 0 */
    uint32_t length;
};

/* A text of what a terminated string holds; borrowed. @thread any */
struct qtl_text qtl_text_of(const char *string);

/* The order of the bytes; a text comes before those that it begins. < 0, 0, > 0. @thread any */
int qtl_text_compare(struct qtl_text left, struct qtl_text right);

#endif
