/*
 * See shape.h. The hash is of a text with one fact a line, so that it depends on neither the layout
 * of a struct nor the machine; names and paths are written behind their length, so that no two
 * shapes have one text. A field without a path stands under its own name. Choices count by their
 * place: like all tables with numbers in records, theirs are only appended to.
 */
#include "consumer/shape.h"

#include "consumer/avro_stream.h"
#include "consumer/config.h"
#include "consumer/field.h"
#include "consumer/stream.h"
#include "schemas/bytes.h"
#include "scoring/base/hash.h"
#include "scoring/rules.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Seed of the hash and first line of the text: raise it when decoding or booking changes so that
 * the same bytes become other events. */
enum { SHAPE_VERSION = 1 };

static void put_number(struct qtl_bytes *text, const char *name, int64_t value)
{
    char line[96];
    const int length = snprintf(line, sizeof(line), "%s %" PRId64 "\n", name, value);
    qtl_bytes_put(text, line, (size_t)length);
}

static void put_words(struct qtl_bytes *text, const char *name, const char *words)
{
    put_number(text, name, (int64_t)strlen(words));
    qtl_bytes_put(text, words, strlen(words));
    qtl_bytes_put(text, "\n", 1);
}

static void put_stream(struct qtl_bytes *text, enum qtl_stream stream,
                       const struct qtl_stream_settings *settings)
{
    put_words(text, "stream", qtl_stream_name(stream));
    put_number(text, "format", settings->format);
    if (settings->avro != NULL) {
        /* Not the schemas of the folder: ids and fingerprints name them once and for all, and a new
         * one must not stand in the way of a start. */
        put_number(text, "framing", settings->framing);
        put_number(text, "schema", (int64_t)qtl_avro_stream_shape(settings->avro));
    }
    put_number(text, "timestamp", settings->timestamp);
    put_number(text, "unknown_kinds", settings->unknown_kinds);
    for (int field = 0; field < QTL_FIELDS; field++) {
        if (!qtl_field_of((enum qtl_field)field, stream)) {
            continue;
        }
        const struct qtl_field_map *const map = &settings->fields[field];
        const char *const name = qtl_field_name((enum qtl_field)field);
        put_words(text, "field", name);
        put_words(text, "path", map->path != NULL ? map->path : name);
        put_number(text, "time", map->conversion.time);
        put_number(text, "scale", map->conversion.scale);
        put_number(text, "zone_offset", map->conversion.zone_offset_s);
    }
}

uint64_t qtl_shape_hash(const struct qtl_config *config, const struct qtl_rules *rules)
{
    struct qtl_bytes text = {0};
    put_number(&text, "shape", SHAPE_VERSION);
    put_words(&text, "base_currency", config->base_currency);
    put_number(&text, "duplicate_horizon", config->duplicate_horizon_s);
    put_number(&text, "retention", rules->retention_s);
    for (uint16_t i = 0; i < rules->kind_count; i++) {
        put_words(&text, "kind", rules->kinds[i]);
    }
    for (int stream = 0; stream < QTL_STREAMS; stream++) {
        put_stream(&text, (enum qtl_stream)stream, &config->streams[stream]);
    }
    const uint64_t hash = qtl_hash(text.bytes, text.length, SHAPE_VERSION);
    qtl_bytes_fini(&text);
    return hash;
}
