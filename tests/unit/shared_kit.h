/*
 * Files of $QUINTIL_SHARED (by default ../shared beside the repository): data that others' software
 * made. A test that needs one is skipped, with a message, where it is missing.
 */
#ifndef QTL_TESTS_UNIT_SHARED_KIT_H
#define QTL_TESTS_UNIT_SHARED_KIT_H

#include "tests/unit/test.h"

#include <stdio.h>
#include <stdlib.h>

/* QTL_SCHEMAS is the repository's own folder of that name. */
static inline const char *shared_path(const char *name, char path[1024])
{
    const char *const folder = getenv("QUINTIL_SHARED");
    snprintf(path, 1024, "%s/%s", folder != NULL ? folder : QTL_SCHEMAS "/../../shared", name);
    return path;
}

/* The whole file with a NUL behind it, to be freed; the test is skipped where there is none. */
static inline char *shared_read(const char *name, size_t *length)
{
    char path[1024];
    FILE *const file = fopen(shared_path(name, path), "rb");
    if (file == NULL) {
        print_message("skipped: no %s (set QUINTIL_SHARED)\n", path);
        skip();
    }
    enum { BYTES_MAX = 4 << 20 };
    char *const bytes = malloc(BYTES_MAX);
    assert_non_null(bytes);
    *length = fread(bytes, 1, BYTES_MAX - 1, file);
    fclose(file);
    bytes[*length] = '\0';
    return bytes;
}

#endif
