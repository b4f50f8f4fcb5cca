/*
 * What every client of Kafka's in this program is made from: reader, writer, administration. Filled
 * by the command from the configuration.
 *
 * Threads: plain data, immutable once filled.
 */
#ifndef QTL_SCHEMAS_KAFKA_KAFKA_SETTINGS_H
#define QTL_SCHEMAS_KAFKA_KAFKA_SETTINGS_H

#include "schemas/log.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define QTL_KAFKA_TOPIC_BYTES_MAX 249 /* of a name: Kafka's own bound */

/* One of `kafka.properties:`. */
struct qtl_kafka_property {
    char *name;
    char *value;
};

/* All texts are borrowed but for the topics' names. */
struct qtl_kafka_settings {
    const char *brokers;
    const char *group;
    const char *instance; /* transactional.id and group.instance.id */
    char topics[QTL_TOPICS][QTL_KAFKA_TOPIC_BYTES_MAX + 1];
    const struct qtl_kafka_property *properties;
    size_t property_count;
    int64_t open_transaction_wait_s;
    int32_t partitions;  /* of the leading topic, for the bounds of memory; 0: not known */
    int32_t replication; /* of topics of ours that are created; 0: the brokers' default */
    bool create_topics;
    bool profiles; /* quintil.customers is kept, so it has to be there */
};

/* Why `kafka.properties:` does not take this property, or NULL where it does. Static text. @thread
 * any */
const char *qtl_kafka_settings_refused(const char *property);

/* Fills `topics`: those of the input as given (empty: the stream's name), those of ours with
 * `prefix` in the place of `quintil`. BAD_CONF where a name is too long or two are the same. */
QTL_CHECKED enum qtl_status qtl_kafka_settings_name_topics(struct qtl_kafka_settings *settings,
                                                           const char *const *inputs,
                                                           const char *prefix,
                                                           struct qtl_error *error);

#endif
