/*
 * See avro_stream.h. All schemas of the folder are compiled at start for each Avro stream,
 * whichever of them its records will name: a program costs microseconds and some kilobytes, and
 * nothing is left to fail, allocate or be decided when a record with a new id comes.
 *
 * The schema of a configured file (`schema:`) is: with `bare` that of every record; with
 * `single_object` one more that is found by its fingerprint; with `confluent` that of every id
 * which the folder has not (an id says nothing about its schema by itself).
 */
#include "consumer/avro_stream.h"

#include "consumer/avro_folder.h"
#include "consumer/avro_program.h"
#include "consumer/config.h"
#include "consumer/stream.h"
#include "schemas/avro_framing.h"
#include "scoring/base/assert.h"
#include "scoring/base/hash.h"

#include <stdlib.h>
#include <string.h>

struct entry {
    uint64_t key; /* id or fingerprint */
    struct qtl_avro_program *program;
};

struct qtl_avro_stream {
    enum qtl_framing framing;
    struct entry *entries; /* owned; by key, each once */
    size_t count;
    struct qtl_avro_schema *schema;   /* of the configured file, or NULL; owned */
    struct qtl_avro_program *program; /* its; of all others too where it stands in for them */
    uint64_t shape;
};

static int compare_entries(const void *left, const void *right)
{
    const uint64_t a = ((const struct entry *)left)->key;
    const uint64_t b = ((const struct entry *)right)->key;
    return a < b ? -1 : a > b;
}

static enum qtl_status compile(const struct qtl_avro_schema *schema, enum qtl_stream stream,
                               const struct qtl_stream_settings *settings, const char *path,
                               struct qtl_avro_program **program, struct qtl_error *error)
{
    *program = qtl_avro_program_new(schema, stream, settings->fields);
    if (*program == NULL) {
        return qtl_error_set(error, QTL_BAD_CONF,
                             "%s: too many ways lead through this schema to the fields of %s; "
                             "expected shorter paths in streams.%s.fields",
                             path, qtl_stream_name(stream), qtl_stream_name(stream));
    }
    return QTL_OK;
}

/* The schemas of the folder that the framing can name. */
static enum qtl_status add_folder(struct qtl_avro_stream *avro, enum qtl_stream stream,
                                  const struct qtl_stream_settings *settings,
                                  const struct qtl_avro_folder *folder, struct qtl_error *error)
{
    const bool by_id = avro->framing == QTL_FRAMING_CONFLUENT;
    for (size_t i = 0; i < folder->count; i++) {
        const struct qtl_avro_folder_file *const file = &folder->files[i];
        if (by_id && file->id < 0) {
            continue;
        }
        struct entry *const entry = &avro->entries[avro->count];
        const enum qtl_status status =
            compile(file->schema, stream, settings, file->path, &entry->program, error);
        if (status != QTL_OK) {
            return status;
        }
        entry->key = by_id ? (uint64_t)file->id : file->schema->fingerprint;
        avro->count++;
    }
    return QTL_OK;
}

/* Two files may hold one schema: the first is enough. */
static void sort_entries(struct qtl_avro_stream *avro)
{
    size_t kept = 0;
    qsort(avro->entries, avro->count, sizeof(*avro->entries), compare_entries);
    for (size_t i = 0; i < avro->count; i++) {
        if (kept > 0 && avro->entries[kept - 1].key == avro->entries[i].key) {
            qtl_avro_program_free(avro->entries[i].program);
        } else {
            avro->entries[kept++] = avro->entries[i];
        }
    }
    avro->count = kept;
}

/* Types, logical types and names: all that a program is made of. */
static uint64_t shape_of(const struct qtl_avro_schema *schema)
{
    uint64_t shape = schema->fingerprint;
    for (uint32_t i = 0; i < schema->node_count; i++) {
        const struct qtl_avro_node *const node = &schema->nodes[i];
        const uint64_t facts[2] = {(uint64_t)node->logical << 16 | node->scale, i};
        shape = qtl_hash(facts, sizeof(facts), shape);
    }
    return shape;
}

static enum qtl_status add_file(struct qtl_avro_stream *avro, enum qtl_stream stream,
                                const struct qtl_stream_settings *settings, struct qtl_error *error)
{
    enum qtl_status status = qtl_avro_schema_read(settings->schema, &avro->schema, error);
    if (status == QTL_OK) {
        status = compile(avro->schema, stream, settings, settings->schema, &avro->program, error);
    }
    if (status != QTL_OK) {
        return status;
    }
    avro->shape = shape_of(avro->schema);
    const int lacking = qtl_avro_program_lacks(avro->program, stream);
    if (lacking < 0) {
        return QTL_OK;
    }
    const char *const path = settings->fields[lacking].path;
    const char *const field = qtl_field_name((enum qtl_field)lacking);
    return qtl_error_set(error, QTL_BAD_CONF,
                         "%s: its records have no `%s`, where streams.%s looks for %s; expected "
                         "the path to it in streams.%s.fields.%s",
                         settings->schema, path != NULL ? path : field, qtl_stream_name(stream),
                         field, qtl_stream_name(stream), field);
}

static enum qtl_status check_sources(enum qtl_stream stream,
                                     const struct qtl_stream_settings *settings,
                                     const struct qtl_avro_folder *folder, struct qtl_error *error)
{
    const char *const name = qtl_stream_name(stream);
    if (settings->schema[0] != '\0') {
        return QTL_OK;
    }
    if (settings->framing == QTL_FRAMING_BARE) {
        return qtl_error_set(error, QTL_BAD_CONF,
                             "streams.%s.schema is not set; with `framing: bare` expected the file "
                             "with the schema that the records are written with",
                             name);
    }
    if (folder == NULL) {
        return qtl_error_set(error, QTL_BAD_CONF,
                             "avro.schemas is not set; streams.%s is Avro: expected a folder of "
                             "schemas there, or a file in streams.%s.schema",
                             name, name);
    }
    return QTL_OK;
}

enum qtl_status qtl_avro_stream_new(enum qtl_stream stream,
                                    const struct qtl_stream_settings *settings,
                                    const struct qtl_avro_folder *folder,
                                    struct qtl_avro_stream **made, struct qtl_error *error)
{
    enum qtl_status status = check_sources(stream, settings, folder, error);
    if (status != QTL_OK) {
        return status;
    }
    struct qtl_avro_stream *const avro = calloc(1, sizeof(*avro));
    QTL_ASSERT(avro != NULL);
    avro->framing = (enum qtl_framing)settings->framing;
    avro->entries = calloc((folder != NULL ? folder->count : 0) + 1, sizeof(*avro->entries));
    QTL_ASSERT(avro->entries != NULL);
    if (folder != NULL && avro->framing != QTL_FRAMING_BARE) {
        status = add_folder(avro, stream, settings, folder, error);
    }
    if (status == QTL_OK) {
        sort_entries(avro);
    }
    if (status == QTL_OK && settings->schema[0] != '\0') {
        status = add_file(avro, stream, settings, error);
    }
    if (status != QTL_OK) {
        qtl_avro_stream_free(avro);
        return status;
    }
    *made = avro;
    return QTL_OK;
}

void qtl_avro_stream_free(struct qtl_avro_stream *avro)
{
    if (avro == NULL) {
        return;
    }
    for (size_t i = 0; i < avro->count; i++) {
        qtl_avro_program_free(avro->entries[i].program);
    }
    free(avro->entries);
    qtl_avro_program_free(avro->program);
    qtl_avro_schema_free(avro->schema);
    free(avro);
}

/* NULL where no schema has the key. Lists are short: a search by halves, no table. */
static const struct qtl_avro_program *find_key(const struct qtl_avro_stream *avro, uint64_t key)
{
    size_t low = 0;
    size_t high = avro->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (avro->entries[middle].key == key) {
            return avro->entries[middle].program;
        }
        if (avro->entries[middle].key < key) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return NULL;
}

static struct qtl_text behind(struct qtl_text value, uint32_t bytes)
{
    return (struct qtl_text){value.bytes + bytes, value.length - bytes};
}

static const struct qtl_avro_program *find_id(const struct qtl_avro_stream *avro,
                                              const unsigned char *bytes)
{
    const uint64_t id =
        (uint64_t)bytes[1] << 24 | (uint64_t)bytes[2] << 16 | (uint64_t)bytes[3] << 8 | bytes[4];
    const struct qtl_avro_program *const program = find_key(avro, id);
    return program != NULL ? program : avro->program;
}

static const struct qtl_avro_program *find_fingerprint(const struct qtl_avro_stream *avro,
                                                       const unsigned char *bytes)
{
    uint64_t fingerprint = 0;
    for (int i = 7; i >= 0; i--) {
        fingerprint = fingerprint << 8 | bytes[2 + i];
    }
    if (avro->schema != NULL && avro->schema->fingerprint == fingerprint) {
        return avro->program;
    }
    return find_key(avro, fingerprint);
}

enum qtl_reason qtl_avro_stream_find(const struct qtl_avro_stream *avro, struct qtl_text value,
                                     const struct qtl_avro_program **program, struct qtl_text *body)
{
    const unsigned char *const bytes = (const unsigned char *)value.bytes;
    switch (avro->framing) {
    case QTL_FRAMING_BARE:
        *program = avro->program;
        *body = value;
        return QTL_REASON_NONE;
    case QTL_FRAMING_CONFLUENT:
        if (value.length < QTL_FRAMING_CONFLUENT_BYTES || bytes[0] != 0) {
            return QTL_REASON_MALFORMED;
        }
        *program = find_id(avro, bytes);
        *body = behind(value, QTL_FRAMING_CONFLUENT_BYTES);
        break;
    case QTL_FRAMING_SINGLE_OBJECT:
        if (value.length < QTL_FRAMING_SINGLE_OBJECT_BYTES || bytes[0] != 0xc3 || bytes[1] != 1) {
            return QTL_REASON_MALFORMED;
        }
        *program = find_fingerprint(avro, bytes);
        *body = behind(value, QTL_FRAMING_SINGLE_OBJECT_BYTES);
        break;
    }
    return *program != NULL ? QTL_REASON_NONE : QTL_REASON_UNKNOWN_SCHEMA;
}

uint64_t qtl_avro_stream_shape(const struct qtl_avro_stream *avro)
{
    return avro->shape;
}
