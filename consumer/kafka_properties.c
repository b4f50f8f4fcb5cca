/*
 * See kafka_properties.h.
 */
#include "consumer/kafka_properties.h"

#include "schemas/kafka/kafka_client.h"
#include "scoring/base/assert.h"

#include <stdlib.h>
#include <string.h>

static char *copy_of(struct qtl_text text)
{
    char *const copy = malloc((size_t)text.length + 1);
    QTL_ASSERT(copy != NULL);
    if (text.length > 0) {
        memcpy(copy, text.bytes, text.length);
    }
    copy[text.length] = '\0';
    return copy;
}

/* Takes both texts. */
static void keep(struct qtl_config *config, char *name, char *value)
{
    for (size_t i = 0; i < config->kafka_property_count; i++) {
        struct qtl_kafka_property *const property = &config->kafka_properties[i];
        if (strcmp(property->name, name) == 0) {
            free(property->value);
            free(name);
            property->value = value;
            return;
        }
    }
    struct qtl_kafka_property *const grown =
        realloc(config->kafka_properties, (config->kafka_property_count + 1) * sizeof(*grown));
    QTL_ASSERT(grown != NULL);
    config->kafka_properties = grown;
    grown[config->kafka_property_count++] =
        (struct qtl_kafka_property){.name = name, .value = value};
}

bool qtl_kafka_properties_assign(struct qtl_config *config, struct qtl_text name,
                                 struct qtl_place place, const struct qtl_source *value,
                                 struct qtl_problems *problems)
{
    char *const name_copy = copy_of(name);
    char *const value_copy = copy_of(value->text);
    const char *const reason = qtl_kafka_settings_refused(name_copy);
    char buffer[512];
    const char *words = NULL;
    if (reason != NULL) {
        qtl_problems_add(problems, place, "kafka.properties: `%s` cannot be set: %s", name_copy,
                         reason);
    } else if ((words = qtl_kafka_client_try(name_copy, value_copy, buffer, sizeof(buffer))) !=
               NULL) {
        qtl_problems_add(problems, place, "kafka.properties: librdkafka does not take `%s`: %s",
                         name_copy, words);
    } else {
        keep(config, name_copy, value_copy);
        return true;
    }
    free(name_copy);
    free(value_copy);
    return false;
}

void qtl_kafka_properties_fini(struct qtl_config *config)
{
    for (size_t i = 0; i < config->kafka_property_count; i++) {
        free(config->kafka_properties[i].name);
        free(config->kafka_properties[i].value);
    }
    free(config->kafka_properties);
    config->kafka_properties = NULL;
    config->kafka_property_count = 0;
}
