/*
 * The configuration: one YAML file, read through one table (schemas/settings.def), from which the
 * struct, the parser with its ranges and docs/CONFIGURATION.md are derived. Read at start by the
 * main thread; immutable afterwards.
 */
#ifndef QTL_CONSUMER_CONFIG_H
#define QTL_CONSUMER_CONFIG_H

#include "consumer/field.h"
#include "schemas/event.h"
#include "schemas/status.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* The values of CHOICE settings; the words for them stand in the table. */
enum qtl_delivery { QTL_DELIVERY_EXACTLY_ONCE, QTL_DELIVERY_AT_LEAST_ONCE };
enum qtl_format { QTL_FORMAT_JSON };
enum qtl_timestamp { QTL_TIMESTAMP_RECORD, QTL_TIMESTAMP_EVENT };
enum qtl_unknown_kinds { QTL_UNKNOWN_KINDS_DEAD_LETTER, QTL_UNKNOWN_KINDS_SKIP };

/* The members' types. TEXT is owned and never NULL. */
#define QTL_SETTING_TYPE_TEXT char *
#define QTL_SETTING_TYPE_INTEGER int64_t
#define QTL_SETTING_TYPE_DURATION int64_t
#define QTL_SETTING_TYPE_FLAG bool
#define QTL_SETTING_TYPE_CHOICE int

/* Where one canonical field stands in the user's records, and how it is written. */
struct qtl_field_map {
    char *path; /* owned, e.g. "customer.id"; NULL: the field's own name at the top */
    struct qtl_conversion conversion;
};

struct qtl_stream_settings {
#define QTL_STREAM_SETTING(member, name, type, standard, min, max, unit, text)                     \
    QTL_SETTING_TYPE_##type member;
#include "schemas/settings.def"
#undef QTL_STREAM_SETTING
    struct qtl_field_map fields[QTL_FIELDS];
    bool has_fields;           /* `fields:` was given: its records are not in our own form */
    const char *base_currency; /* the configuration's, for the decoder */
};

struct qtl_config {
#define QTL_SETTING(member, name, type, standard, min, max, unit, text)                            \
    QTL_SETTING_TYPE_##type member;
#include "schemas/settings.def"
#undef QTL_SETTING
    struct qtl_stream_settings streams[QTL_STREAMS];
};

/* Every setting at its default. */
void qtl_config_init(struct qtl_config *config);
void qtl_config_fini(struct qtl_config *config);

/* Reads a file over what the config holds. BAD_CONF: the first problem as `file:line:column:
 * sentence`, one line a problem. `config` must then only be finished. */
QTL_CHECKED enum qtl_status qtl_config_read(struct qtl_config *config, const char *path,
                                            struct qtl_error *error);

/* One `name=value` of `--set`, e.g. `epoch.max_ms=200`, `streams.orders.timestamp=event`,
 * `streams.orders.fields.customer_id=customer.id`. */
QTL_CHECKED enum qtl_status qtl_config_set(struct qtl_config *config, const char *assignment,
                                           struct qtl_error *error);

/* What no single setting can tell: call it once all are read and set. */
QTL_CHECKED enum qtl_status qtl_config_check(const struct qtl_config *config,
                                             struct qtl_error *error);

/* docs/CONFIGURATION.md, from the tables. */
void qtl_config_print_documentation(FILE *out);

#endif
