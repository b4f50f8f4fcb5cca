/*
 * From the configuration to what clients of Kafka's are made from (schemas/kafka/kafka_settings.h).
 *
 * Threads: main.
 */
#ifndef QTL_CONSUMER_KAFKA_CONFIG_H
#define QTL_CONSUMER_KAFKA_CONFIG_H

#include "consumer/config.h"

#define QTL_KAFKA_CONFIG_INSTANCE_MAX 256

/* Fills `settings`, which borrows from `config` and from `instance`, the place of this process's
 * name (QTL_KAFKA_CONFIG_INSTANCE_MAX bytes): the setting, or the host's. BAD_CONF with a sentence.
 */
QTL_CHECKED enum qtl_status qtl_kafka_config_settings(const struct qtl_config *config,
                                                      char *instance,
                                                      struct qtl_kafka_settings *settings,
                                                      struct qtl_error *error);

#endif
