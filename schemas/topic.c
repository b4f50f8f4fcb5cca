/*
 * Names of topics; see topic.h.
 */
#include "schemas/topic.h"

#include "schemas/assert.h"

#include <string.h>

static const struct {
    const char *name;
    bool input;
} topics[QTL_TOPICS] = {
#define QTL_TOPIC(name_, default_name, input_, meaning)                                            \
    [QTL_TOPIC_##name_] = {.name = default_name, .input = input_},
#include "schemas/topics.def"
#undef QTL_TOPIC
};

const char *qtl_topic_name(enum qtl_topic topic)
{
    QTL_ASSERT(topic < QTL_TOPICS);
    return topics[topic].name;
}

bool qtl_topic_is_input(enum qtl_topic topic)
{
    QTL_ASSERT(topic < QTL_TOPICS);
    return topics[topic].input;
}

enum qtl_status qtl_topic_find(const char *name, enum qtl_topic *topic)
{
    for (enum qtl_topic i = 0; i < QTL_TOPICS; i++) {
        if (strcmp(topics[i].name, name) == 0) {
            *topic = i;
            return QTL_OK;
        }
    }
    return QTL_EMPTY;
}
