/*
 * A configuration file -> settings over those that are there already, or everything that is wrong
 * with it. Called at start, on the main thread. Problems look like those of a rule file and are
 * printed by qtl_rule_file_report.
 */
#ifndef QTL_CONSUMER_CONFIG_FILE_H
#define QTL_CONSUMER_CONFIG_FILE_H

#include "consumer/config.h"
#include "schemas/status.h"
#include "schemas/text.h"
#include "scoring/problems.h"

/* BAD_CONF: at least one problem, in the order of the file; the config must then only be finished.
 * `problems` starts as zeros; the caller finishes it either way. */
QTL_CHECKED enum qtl_status qtl_config_file_read(const char *path, struct qtl_config *config,
                                                 struct qtl_problems *problems);

/* The same from memory. */
QTL_CHECKED enum qtl_status qtl_config_file_parse(struct qtl_text file, struct qtl_config *config,
                                                  struct qtl_problems *problems);

#endif
