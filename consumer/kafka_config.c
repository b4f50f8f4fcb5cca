/*
 * See kafka_config.h.
 */
#include "consumer/kafka_config.h"

#include <stdio.h>
#include <unistd.h>

static enum qtl_status name_instance(const char *given, char *instance, struct qtl_error *error)
{
    if (given[0] != '\0') {
        snprintf(instance, QTL_KAFKA_CONFIG_INSTANCE_MAX, "%s", given);
        return QTL_OK;
    }
    if (gethostname(instance, QTL_KAFKA_CONFIG_INSTANCE_MAX) != 0 || instance[0] == '\0') {
        return qtl_error_set(error, QTL_BAD_CONF,
                             "the host has no name to take; set `instance`, for each process its "
                             "own");
    }
    instance[QTL_KAFKA_CONFIG_INSTANCE_MAX - 1] = '\0';
    return QTL_OK;
}

enum qtl_status qtl_kafka_config_settings(const struct qtl_config *config, char *instance,
                                          struct qtl_kafka_settings *settings,
                                          struct qtl_error *error)
{
    *settings = (struct qtl_kafka_settings){
        .brokers = config->kafka_brokers,
        .group = config->kafka_group,
        .instance = instance,
        .properties = config->kafka_properties,
        .property_count = config->kafka_property_count,
        .open_transaction_wait_s = config->open_transaction_wait_s,
        .replication = (int32_t)config->kafka_replication,
        .create_topics = config->kafka_create_topics,
        .profiles = config->publish_customers,
    };
    const char *inputs[QTL_STREAMS];
    for (int i = 0; i < QTL_STREAMS; i++) {
        inputs[i] = config->streams[i].topic;
    }
    const enum qtl_status status = name_instance(config->instance, instance, error);
    return status == QTL_OK
               ? qtl_kafka_settings_name_topics(settings, inputs, config->kafka_prefix, error)
               : status;
}
