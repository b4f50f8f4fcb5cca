/*
 * Names and refusals; see kafka_settings.h.
 */
#include "schemas/kafka/kafka_settings.h"

#include "schemas/topic.h"

#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    const char *reason;
} refused[] = {
#define QTL_KAFKA_REFUSED(name_, reason_) {.name = name_, .reason = reason_},
#include "schemas/kafka_properties.def"
#undef QTL_KAFKA_REFUSED
};

const char *qtl_kafka_settings_refused(const char *property)
{
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        if (strcmp(refused[i].name, property) == 0) {
            return refused[i].reason;
        }
    }
    return NULL;
}

/* What stands behind the prefix in the default names of our topics. */
static const char *suffix_of(enum qtl_topic topic)
{
    return strchr(qtl_topic_name(topic), '.');
}

static enum qtl_status name_topic(struct qtl_kafka_settings *settings, enum qtl_topic topic,
                                  const char *name, const char *suffix, struct qtl_error *error)
{
    char *const place = settings->topics[topic];
    const int length = snprintf(place, sizeof(settings->topics[topic]), "%s%s", name, suffix);
    if (length <= 0 || (size_t)length >= sizeof(settings->topics[topic])) {
        return qtl_error_set(error, QTL_BAD_CONF,
                             "the topic name `%s%s` is longer than Kafka's %d bytes", name, suffix,
                             QTL_KAFKA_TOPIC_BYTES_MAX);
    }
    for (enum qtl_topic other = 0; other < topic; other++) {
        if (strcmp(settings->topics[other], place) == 0) {
            return qtl_error_set(error, QTL_BAD_CONF,
                                 "the topic `%s` stands for %s and for %s; expected a topic for "
                                 "each",
                                 place, qtl_topic_name(other), qtl_topic_name(topic));
        }
    }
    return QTL_OK;
}

enum qtl_status qtl_kafka_settings_name_topics(struct qtl_kafka_settings *settings,
                                               const char *const *inputs, const char *prefix,
                                               struct qtl_error *error)
{
    enum qtl_status status = QTL_OK;
    for (enum qtl_topic topic = 0; status == QTL_OK && topic < QTL_TOPICS; topic++) {
        const bool is_input = qtl_topic_is_input(topic);
        const char *const given = is_input ? inputs[topic] : prefix;
        const char *const name = given[0] != '\0' ? given : qtl_topic_name(topic);
        status = name_topic(settings, topic, name, is_input ? "" : suffix_of(topic), error);
    }
    return status;
}
