/*
 * Names of topics; the table is topics.def.
 */
#ifndef QTL_SCHEMAS_TOPIC_H
#define QTL_SCHEMAS_TOPIC_H

#include "schemas/log.h"

/* Its default name, e.g. "quintil.transitions". Static text. @thread any */
const char *qtl_topic_name(enum qtl_topic topic);

/* Whether the engine reads it (orders, engagement, customers). @thread any */
bool qtl_topic_is_input(enum qtl_topic topic);

/* The topic of that name; EMPTY where there is none. @thread any */
QTL_CHECKED enum qtl_status qtl_topic_find(const char *name, enum qtl_topic *topic);

#endif
