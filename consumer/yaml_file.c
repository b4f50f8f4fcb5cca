/* See yaml_file.h. */
#include "consumer/yaml_file.h"

#include "consumer/yaml_tree.h"
#include "scoring/base/assert.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct qtl_place whole = {0, 0};

char *qtl_yaml_file_read(const char *path, const char *what, struct qtl_text *text,
                         struct qtl_problems *problems)
{
    FILE *const file = fopen(path, "rb");
    if (file == NULL) {
        qtl_problems_add(problems, whole, "cannot be opened (%s); expected %s", strerror(errno),
                         what);
        return NULL;
    }
    char *bytes = malloc(QTL_YAML_TREE_BYTES_MAX + 1U);
    QTL_ASSERT(bytes != NULL);
    const size_t length = fread(bytes, 1, QTL_YAML_TREE_BYTES_MAX + 1U, file);
    if (ferror(file)) {
        qtl_problems_add(problems, whole, "cannot be read (%s); expected %s", strerror(errno),
                         what);
        free(bytes);
        bytes = NULL;
    }
    fclose(file);
    *text = (struct qtl_text){bytes, (uint32_t)length};
    return bytes;
}
