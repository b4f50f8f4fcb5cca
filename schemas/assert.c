/*
 * The end of a process with a bug; see assert.h. It stands here because every folder may include
 * schemas/.
 */
#include "schemas/assert.h"

#include <stdio.h>
#include <stdlib.h>

void qtl_assert_failed(const char *file, int line, const char *what)
{
    fprintf(stderr, "quintil: bug at %s:%d: %s\n", file, line, what);
    abort();
}
