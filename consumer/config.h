/*
 * The configuration: one YAML file (consumer/config_file.h) and `--set`, read through one table
 * (schemas/settings.def), from which the struct, the parser with its ranges and
 * docs/CONFIGURATION.md are derived. Read at start by the main thread; immutable afterwards.
 */
#ifndef QTL_CONSUMER_CONFIG_H
#define QTL_CONSUMER_CONFIG_H

#include "consumer/field_map.h"
#include "schemas/avro_framing.h"
#include "schemas/event.h"
#include "schemas/kafka/kafka_settings.h"
#include "schemas/status.h"

#include <stdbool.h>
#include <stdint.h>

/* The values of CHOICE settings; the words for them stand in the table. */
enum qtl_log_type { QTL_LOG_TYPE_LOCAL, QTL_LOG_TYPE_KAFKA };
enum qtl_delivery { QTL_DELIVERY_EXACTLY_ONCE, QTL_DELIVERY_AT_LEAST_ONCE };
enum qtl_format { QTL_FORMAT_JSON, QTL_FORMAT_AVRO };
enum qtl_timestamp { QTL_TIMESTAMP_RECORD, QTL_TIMESTAMP_EVENT };
enum qtl_unknown_kinds { QTL_UNKNOWN_KINDS_DEAD_LETTER, QTL_UNKNOWN_KINDS_SKIP };

/* The members' types. TEXT is owned and never NULL. */
#define QTL_SETTING_TYPE_TEXT char *
#define QTL_SETTING_TYPE_INTEGER int64_t
#define QTL_SETTING_TYPE_DURATION int64_t
#define QTL_SETTING_TYPE_FLAG bool
#define QTL_SETTING_TYPE_CHOICE int

struct qtl_avro_folder;
struct qtl_avro_stream;

struct qtl_stream_settings {
#define QTL_STREAM_SETTING(member, name, type, standard, min, max, unit, text)                     \
    QTL_SETTING_TYPE_##type member;
#include "schemas/settings.def"
#undef QTL_STREAM_SETTING
    struct qtl_field_map fields[QTL_FIELDS];
    bool has_fields; /* `fields:` was given: its records are not in our own form */
    /* Set by qtl_config_finish(). */
    const char *base_currency;    /* the configuration's, for the decoder */
    struct qtl_avro_stream *avro; /* owned; NULL where the format is another */
};

struct qtl_config {
#define QTL_SETTING(member, name, type, standard, min, max, unit, text)                            \
    QTL_SETTING_TYPE_##type member;
#include "schemas/settings.def"
#undef QTL_SETTING
    struct qtl_stream_settings streams[QTL_STREAMS];
    struct qtl_kafka_property *kafka_properties; /* owned, as their texts */
    size_t kafka_property_count;
    struct qtl_avro_folder *avro_folder; /* owned; set by qtl_config_finish() */
};

/* Every setting at its default. */
void qtl_config_init(struct qtl_config *config);
void qtl_config_fini(struct qtl_config *config);

/* One `name=value` of `--set`, e.g. `epoch.max_ms=200`, `streams.orders.timestamp=event`,
 * `streams.orders.fields.customer_id=customer.id`, `streams.orders.fields.amount.scale=2`,
 * `kafka.properties.linger.ms=5`. BAD_CONF with a sentence. */
QTL_CHECKED enum qtl_status qtl_config_set(struct qtl_config *config, const char *assignment,
                                           struct qtl_error *error);

/* Call it once all files are read and all settings set: what no single one of them can tell. Reads
 * the schemas of Avro streams. BAD_CONF with a sentence. @thread main */
QTL_CHECKED enum qtl_status qtl_config_finish(struct qtl_config *config, struct qtl_error *error);

#endif
