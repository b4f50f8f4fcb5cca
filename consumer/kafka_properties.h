/*
 * `kafka.properties:`, the mapping through which any property of librdkafka passes, but for those
 * that the design depends on (schemas/kafka_properties.def). Each is tried on librdkafka as it is
 * read, so that what it does not take is an error with its place in the file.
 *
 * Threads: main, while the configuration is read.
 */
#ifndef QTL_CONSUMER_KAFKA_PROPERTIES_H
#define QTL_CONSUMER_KAFKA_PROPERTIES_H

#include "consumer/config.h"
#include "scoring/lexer.h"
#include "scoring/problems.h"

/* Sets one; the last of a name counts. False and a problem where it is refused. */
bool qtl_kafka_properties_assign(struct qtl_config *config, struct qtl_text name,
                                 struct qtl_place place, const struct qtl_source *value,
                                 struct qtl_problems *problems);
void qtl_kafka_properties_fini(struct qtl_config *config);

#endif
