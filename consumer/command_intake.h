/*
 * Where `append` and `generate` put events: the input of the local log or of Kafka, as the
 * configuration says. Part of the wiring.
 *
 * Threads: main.
 */
#ifndef QTL_CONSUMER_COMMAND_INTAKE_H
#define QTL_CONSUMER_COMMAND_INTAKE_H

#include "consumer/config.h"
#include "consumer/kafka_config.h"
#include "schemas/log.h"

struct qtl_command_intake {
    struct qtl_kafka_settings kafka;
    char instance[QTL_KAFKA_CONFIG_INSTANCE_MAX];
    struct qtl_log_writer *writer; /* owned; the caller may take it and null it */
    const char *place;             /* borrowed from the configuration or `data`: for sentences */
    int32_t partitions;            /* of each topic */
};

/* Opens it; what is missing of it is made, with `partitions` (0: the configuration's). `data`, the
 * folder of a local log, goes over the configuration; NULL: not given. Must stay where it is until
 * the writer is freed. BAD_CONF, IO or EMPTY (no broker answers) with a sentence. */
QTL_CHECKED enum qtl_status qtl_command_intake_open(struct qtl_command_intake *intake,
                                                    const struct qtl_config *config,
                                                    const char *data, int32_t partitions,
                                                    struct qtl_error *error);

/* Frees the writer where it was not taken. */
void qtl_command_intake_close(struct qtl_command_intake *intake);

#endif
