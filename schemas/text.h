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

#endif
