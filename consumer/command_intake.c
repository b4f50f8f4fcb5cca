/* See command_intake.h. */
#include "consumer/command_intake.h"

#include "schemas/kafka/kafka_topics.h"
#include "sinks/kafka_intake.h"
#include "sinks/local_writer.h"

static enum qtl_status open_local(struct qtl_command_intake *intake, int32_t standard,
                                  struct qtl_error *error)
{
    /* One that is there keeps its number, where no other was asked for. */
    if (intake->partitions == 0 &&
        qtl_local_log_partitions(intake->place, &intake->partitions, error) != QTL_OK) {
        intake->partitions = standard;
    }
    const enum qtl_status status = qtl_local_log_create(intake->place, intake->partitions, error);
    return status == QTL_OK ? qtl_local_writer_open(intake->place, QTL_LOCAL_INTAKE, NULL,
                                                    &intake->writer, error)
                            : status;
}

static enum qtl_status open_kafka(struct qtl_command_intake *intake,
                                  const struct qtl_config *config, struct qtl_error *error)
{
    const int32_t asked = intake->partitions;
    enum qtl_status status =
        qtl_kafka_config_settings(config, intake->instance, &intake->kafka, error);
    if (status == QTL_OK) {
        status = qtl_kafka_topics_make_input(&intake->kafka,
                                             asked > 0 ? asked : (int32_t)config->partitions,
                                             &intake->partitions, error);
    }
    if (status == QTL_OK && asked > 0 && asked != intake->partitions) {
        status = qtl_error_set(error, QTL_BAD_CONF,
                               "the topics of the input have %d partitions, not the %d that "
                               "--partitions asks for",
                               (int)intake->partitions, (int)asked);
    }
    return status == QTL_OK ? qtl_kafka_intake_open(&intake->kafka, &intake->writer, error)
                            : status;
}

enum qtl_status qtl_command_intake_open(struct qtl_command_intake *intake,
                                        const struct qtl_config *config, const char *data,
                                        int32_t partitions, struct qtl_error *error)
{
    const bool is_kafka = config->log == QTL_LOG_TYPE_KAFKA;
    *intake = (struct qtl_command_intake){.partitions = partitions};
    if (is_kafka && data != NULL) {
        return qtl_error_set(error, QTL_BAD_CONF,
                             "--data names a local log, and the configuration has Kafka's: leave "
                             "one of them out");
    }
    if (is_kafka) {
        intake->place = config->kafka_brokers;
        return open_kafka(intake, config, error);
    }
    intake->place = data != NULL ? data : config->data_folder;
    return open_local(intake, (int32_t)config->partitions, error);
}

void qtl_command_intake_close(struct qtl_command_intake *intake)
{
    if (intake->writer != NULL) {
        intake->writer->ops->free(intake->writer);
        intake->writer = NULL;
    }
}
