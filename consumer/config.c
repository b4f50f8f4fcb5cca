/*
 * Defaults, `--set` and the checks that need more than one setting; see config.h.
 */
#include "consumer/config.h"

#include "consumer/avro_folder.h"
#include "consumer/avro_stream.h"
#include "consumer/kafka_properties.h"
#include "consumer/setting.h"
#include "consumer/stream.h"
#include "scoring/base/assert.h"
#include "scoring/suggestion.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void qtl_config_init(struct qtl_config *config)
{
    memset(config, 0, sizeof(*config));
    qtl_setting_init_all(QTL_SETTING_SCOPE_ALL, config);
    for (int i = 0; i < QTL_STREAMS; i++) {
        qtl_setting_init_all(QTL_SETTING_SCOPE_STREAM, &config->streams[i]);
    }
}

void qtl_config_fini(struct qtl_config *config)
{
    qtl_setting_fini_all(QTL_SETTING_SCOPE_ALL, config);
    qtl_kafka_properties_fini(config);
    for (int i = 0; i < QTL_STREAMS; i++) {
        qtl_setting_fini_all(QTL_SETTING_SCOPE_STREAM, &config->streams[i]);
        qtl_avro_stream_free(config->streams[i].avro);
        for (int field = 0; field < QTL_FIELDS; field++) {
            qtl_field_map_fini(&config->streams[i].fields[field]);
        }
    }
    qtl_avro_folder_free(config->avro_folder);
}

static bool begins_with(struct qtl_text text, const char *prefix)
{
    return text.length >= strlen(prefix) && memcmp(text.bytes, prefix, strlen(prefix)) == 0;
}

static struct qtl_text without(struct qtl_text text, size_t length)
{
    return (struct qtl_text){text.bytes + length, text.length - (uint32_t)length};
}

/* The piece before the first dot; `rest` is what stands behind the dot, empty where there is none.
 */
static struct qtl_text first_piece(struct qtl_text text, struct qtl_text *rest)
{
    const char *const dot = memchr(text.bytes, '.', text.length);
    if (dot == NULL) {
        *rest = without(text, text.length);
        return text;
    }
    const uint32_t length = (uint32_t)(dot - text.bytes);
    *rest = without(text, length + 1);
    return (struct qtl_text){text.bytes, length};
}

static void report_unknown(struct qtl_problems *problems, struct qtl_text name, const char *what,
                           struct qtl_suggestion *suggestion)
{
    const struct qtl_place nowhere = {0, 0};
    qtl_problems_add(problems, nowhere, "unknown %s `%.*s`%s", what, qtl_problems_cut(name),
                     name.bytes, qtl_suggestion_sentence(suggestion));
}

static void set_row(enum qtl_setting_scope scope, void *base, struct qtl_text name,
                    const struct qtl_source *value, struct qtl_problems *problems)
{
    const struct qtl_setting *const setting = qtl_setting_find(scope, name);
    if (setting != NULL) {
        (void)qtl_setting_assign(setting, base, value, problems);
        return;
    }
    struct qtl_suggestion suggestion;
    qtl_suggestion_init(&suggestion, name);
    size_t count = 0;
    const struct qtl_setting *const rows = qtl_setting_rows(scope, &count);
    for (size_t i = 0; i < count; i++) {
        qtl_suggestion_offer(&suggestion, rows[i].name);
    }
    report_unknown(problems, name, "setting", &suggestion);
}

/* `customer_id=customer.id`, `amount.scale=2`. */
static void set_field(struct qtl_stream_settings *settings, enum qtl_stream stream,
                      struct qtl_text name, const struct qtl_source *value,
                      struct qtl_problems *problems)
{
    struct qtl_text part = {NULL, 0};
    struct qtl_suggestion suggestion;
    const struct qtl_text field_name = first_piece(name, &part);
    const int field = qtl_field_find(stream, field_name);
    if (field < 0) {
        qtl_suggestion_init(&suggestion, field_name);
        for (int i = 0; i < QTL_FIELDS; i++) {
            if (qtl_field_of((enum qtl_field)i, stream)) {
                qtl_suggestion_offer(&suggestion, qtl_field_name((enum qtl_field)i));
            }
        }
        report_unknown(problems, field_name, "field", &suggestion);
        return;
    }
    settings->has_fields = true;
    if (part.length == 0) {
        part = (struct qtl_text){"path", 4};
    }
    qtl_suggestion_init(&suggestion, part);
    const char *known = NULL;
    for (size_t i = 0; (known = qtl_field_map_part(i)) != NULL; i++) {
        if (strlen(known) == part.length && memcmp(known, part.bytes, part.length) == 0) {
            (void)qtl_field_map_assign(&settings->fields[field], (enum qtl_field)field, known,
                                       value, problems);
            return;
        }
        qtl_suggestion_offer(&suggestion, known);
    }
    report_unknown(problems, part, "part of a field", &suggestion);
}

static void set_in_stream(struct qtl_config *config, struct qtl_text name,
                          const struct qtl_source *value, struct qtl_problems *problems)
{
    struct qtl_text rest = {NULL, 0};
    const struct qtl_text stream_name = first_piece(name, &rest);
    const int stream = qtl_stream_find(stream_name);
    if (stream < 0) {
        struct qtl_suggestion suggestion;
        qtl_suggestion_init(&suggestion, stream_name);
        for (int i = 0; i < QTL_STREAMS; i++) {
            qtl_suggestion_offer(&suggestion, qtl_stream_name((enum qtl_stream)i));
        }
        report_unknown(problems, stream_name, "stream", &suggestion);
        return;
    }
    struct qtl_stream_settings *const settings = &config->streams[stream];
    if (begins_with(rest, "fields.")) {
        set_field(settings, (enum qtl_stream)stream, without(rest, strlen("fields.")), value,
                  problems);
    } else {
        set_row(QTL_SETTING_SCOPE_STREAM, settings, rest, value, problems);
    }
}

enum qtl_status qtl_config_set(struct qtl_config *config, const char *assignment,
                               struct qtl_error *error)
{
    const char *const equal = strchr(assignment, '=');
    if (equal == NULL) {
        return qtl_error_set(error, QTL_BAD_CONF, "--set %s: expected name=value", assignment);
    }
    struct qtl_problems problems = {0};
    const struct qtl_text name = {assignment, (uint32_t)(equal - assignment)};
    const struct qtl_source value = {.text = {equal + 1, (uint32_t)strlen(equal + 1)}};
    if (begins_with(name, "streams.")) {
        set_in_stream(config, without(name, strlen("streams.")), &value, &problems);
    } else if (begins_with(name, "kafka.properties.")) {
        (void)qtl_kafka_properties_assign(config, without(name, strlen("kafka.properties.")),
                                          (struct qtl_place){0, 0}, &value, &problems);
    } else {
        set_row(QTL_SETTING_SCOPE_ALL, config, name, &value, &problems);
    }
    enum qtl_status status = QTL_OK;
    if (problems.count > 0) {
        status = qtl_error_set(error, QTL_BAD_CONF, "--set %s: %s", assignment,
                               problems.items[0].sentence);
    }
    qtl_problems_fini(&problems);
    return status;
}

static enum qtl_status check_fields(const struct qtl_stream_settings *settings,
                                    enum qtl_stream stream, struct qtl_error *error)
{
    for (int i = 0; i < QTL_FIELDS; i++) {
        const enum qtl_field field = (enum qtl_field)i;
        const char *const path = settings->fields[field].path;
        if (qtl_field_of(field, stream) && qtl_field_required(field, stream) && path != NULL &&
            path[0] == '\0') {
            return qtl_error_set(
                error, QTL_BAD_CONF,
                "streams.%s.fields.%s: the stream cannot be without it; expected a "
                "path",
                qtl_stream_name(stream), qtl_field_name(field));
        }
    }
    return QTL_OK;
}

/* Kafka, where there are brokers; the settings of the one log do not stand beside the other. */
static enum qtl_status finish_log(struct qtl_config *config, struct qtl_error *error)
{
    if (config->kafka_brokers[0] != '\0') {
        config->log = QTL_LOG_TYPE_KAFKA;
    }
    if (config->log == QTL_LOG_TYPE_KAFKA && config->kafka_brokers[0] == '\0') {
        return qtl_error_set(error, QTL_BAD_CONF,
                             "log is `kafka`, and kafka.brokers is not set; expected where Kafka "
                             "is, e.g. `localhost:9092`");
    }
    if (config->log == QTL_LOG_TYPE_LOCAL && config->kafka_property_count > 0) {
        return qtl_error_set(error, QTL_BAD_CONF,
                             "kafka.properties are set, and kafka.brokers is not; expected where "
                             "Kafka is, e.g. `localhost:9092`");
    }
    return QTL_OK;
}

static bool is_letter(char byte)
{
    return (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z');
}

/* Schemas and programs of the streams that are Avro. */
static enum qtl_status finish_avro(struct qtl_config *config, struct qtl_error *error)
{
    for (int i = 0; i < QTL_STREAMS; i++) {
        struct qtl_stream_settings *const settings = &config->streams[i];
        enum qtl_status status = QTL_OK;
        if (settings->format != QTL_FORMAT_AVRO) {
            continue;
        }
        if (config->avro_folder == NULL && config->avro_schemas[0] != '\0') {
            status = qtl_avro_folder_read(config->avro_schemas, &config->avro_folder, error);
        }
        if (status == QTL_OK) {
            status = qtl_avro_stream_new((enum qtl_stream)i, settings, config->avro_folder,
                                         &settings->avro, error);
        }
        if (status != QTL_OK) {
            return status;
        }
    }
    return QTL_OK;
}

static enum qtl_status check_transitions(const struct qtl_config *config, struct qtl_error *error)
{
    if (config->transitions_format == QTL_FORMAT_AVRO &&
        config->transitions_framing == QTL_FRAMING_CONFLUENT && config->transitions_schema_id < 0) {
        return qtl_error_set(error, QTL_BAD_CONF,
                             "transitions.schema_id is not set; with `framing: confluent` expected "
                             "the id that the registry gave to schemas/transition.avsc (another "
                             "framing needs none)");
    }
    return QTL_OK;
}

enum qtl_status qtl_config_finish(struct qtl_config *config, struct qtl_error *error)
{
    if (config->epoch_min_ms > config->epoch_max_ms) {
        return qtl_error_set(error, QTL_BAD_CONF,
                             "epoch.min_ms is %" PRId64 "; expected at most epoch.max_ms, which is "
                             "%" PRId64,
                             config->epoch_min_ms, config->epoch_max_ms);
    }
    for (const char *at = config->base_currency; *at != '\0'; at++) {
        if (!is_letter(*at)) {
            return qtl_error_set(error, QTL_BAD_CONF,
                                 "base_currency is `%s`; expected a code of three letters, e.g. "
                                 "`EUR`",
                                 config->base_currency);
        }
    }
    for (int i = 0; i < QTL_STREAMS; i++) {
        const enum qtl_status status = check_fields(&config->streams[i], (enum qtl_stream)i, error);
        if (status != QTL_OK) {
            return status;
        }
        config->streams[i].base_currency = config->base_currency;
    }
    enum qtl_status status = check_transitions(config, error);
    if (status == QTL_OK) {
        status = finish_avro(config, error);
    }
    return status == QTL_OK ? finish_log(config, error) : status;
}
