/*
 * The bytes of a YAML file of the user's: rules or configuration.
 *
 * Threads: any.
 */
#ifndef QTL_CONSUMER_YAML_FILE_H
#define QTL_CONSUMER_YAML_FILE_H

#include "schemas/text.h"
#include "scoring/problems.h"

/* Reads the whole file, or one byte more than QTL_YAML_TREE_BYTES_MAX where it is longer, so that
 * the parser sees that. `what` is for the sentence, e.g. "a rule file". The caller frees the bytes;
 * NULL, a problem added: it cannot be read. */
char *qtl_yaml_file_read(const char *path, const char *what, struct qtl_text *text,
                         struct qtl_problems *problems);

#endif
