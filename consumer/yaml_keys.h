/*
 * The keys of a YAML mapping, one after the other; what is wrong with one is reported and passed
 * over. Shared by rule files and configuration files.
 *
 * Threads: belongs to its caller.
 */
#ifndef QTL_CONSUMER_YAML_KEYS_H
#define QTL_CONSUMER_YAML_KEYS_H

#include "consumer/yaml_tree.h"
#include "scoring/problems.h"

#include <stddef.h>

#define QTL_YAML_KEYS_MAX 1024

/* The next key of a mapping that is worth reading, after `key` (NULL: the first); NULL: no more.
 * `count` is the caller's, 0 at the start: more than QTL_YAML_KEYS_MAX keys are refused. */
const struct qtl_yaml_node *qtl_yaml_keys_next(struct qtl_problems *problems,
                                               const struct qtl_yaml_node *mapping,
                                               const struct qtl_yaml_node *key, size_t *count);

#endif
