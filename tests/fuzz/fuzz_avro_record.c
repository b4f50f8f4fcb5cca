/*
 * Any text as a schema and any bytes as a record of it: a byte that chooses stream and mapping, the
 * schema up to a NUL, the record. What parses must be compiled and run without harm; a record that
 * is accepted must be accepted without its last byte no more, and be read by avro-c with the same
 * values in its fields.
 */
#include "consumer/avro_program.h"
#include "consumer/avro_schema.h"
#include "consumer/decode.h"
#include "consumer/field_map.h"
#include "consumer/fields_json.h"
#include "schemas/bytes.h"
#include "scoring/base/assert.h"

#include <avro.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
/* avro-c leaks what it has made of a schema that it then refuses. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "detect_leaks=0";
}

/* avro-c makes a value with all its records and fixed in place: some schemas would take terabytes.
 */
enum { ORACLE_NODES_MAX = 48, ORACLE_RECORDS_MAX = 3, ORACLE_FIXED_MAX = 4096 };

static const struct qtl_field_map *mapping(unsigned number)
{
    static char id[] = "a.b";
    static char order[] = "a[1].c";
    static char amount[] = "a";
    static char kind[] = "b.b.b";
    static struct qtl_field_map maps[QTL_FIELDS];
    maps[QTL_FIELD_CUSTOMER_ID].path = id;
    maps[QTL_FIELD_ORDER_ID].path = order;
    maps[QTL_FIELD_AMOUNT].path = amount;
    maps[QTL_FIELD_DISCOUNT].path = amount;
    maps[QTL_FIELD_KIND].path = kind;
    return number % 2 == 0 ? NULL : maps;
}

static bool is_small(const struct qtl_avro_schema *schema)
{
    uint32_t records = 0;
    for (uint32_t i = 0; i < schema->node_count; i++) {
        records += schema->nodes[i].type == QTL_AVRO_RECORD ? 1 : 0;
        if (schema->nodes[i].type == QTL_AVRO_FIXED && schema->nodes[i].size > ORACLE_FIXED_MAX) {
            return false;
        }
    }
    return records <= ORACLE_RECORDS_MAX && schema->node_count <= ORACLE_NODES_MAX;
}

/* A field at the top against the slot that it fills under its own name. */
static void compare(avro_value_t *value, const struct qtl_slot *slot, enum qtl_field_type type)
{
    const char *text = NULL;
    size_t length = 0;
    int64_t number = 0;
    int flag = 0;
    avro_value_t branch = {0};
    if (avro_value_get_type(value) == AVRO_UNION) {
        QTL_ASSERT(avro_value_get_current_branch(value, &branch) == 0);
        *value = branch;
    }
    const avro_type_t found = avro_value_get_type(value);
    if (found == AVRO_STRING) {
        QTL_ASSERT(avro_value_get_string(value, &text, &length) == 0);
        QTL_ASSERT(slot->type == QTL_SLOT_STRING && slot->text.length == length - 1);
        QTL_ASSERT(memcmp(slot->text.bytes, text, length - 1) == 0);
    } else if (found == AVRO_INT64 && slot->type == QTL_SLOT_DECIMAL) {
        QTL_ASSERT(avro_value_get_long(value, &number) == 0 && slot->number == number);
    } else if (found == AVRO_BOOLEAN) {
        QTL_ASSERT(avro_value_get_boolean(value, &flag) == 0 && slot->type == QTL_SLOT_FLAG);
        QTL_ASSERT(slot->text.length == (flag != 0 ? 4 : 5));
    } else if (found == AVRO_NULL) {
        QTL_ASSERT(slot->type == QTL_SLOT_ABSENT);
    } else if (found == AVRO_RECORD || found == AVRO_ARRAY || found == AVRO_MAP) {
        QTL_ASSERT(slot->type == QTL_SLOT_CONTAINER);
    } else if (found == AVRO_ENUM) {
        QTL_ASSERT(slot->type == QTL_SLOT_STRING);
    }
    QTL_ASSERT(slot->type != QTL_SLOT_INSTANT || type == QTL_FIELD_TYPE_TIME);
}

static void ask_avro(struct qtl_text schema_text, struct qtl_text record,
                     const struct qtl_fields *fields, enum qtl_stream stream)
{
    avro_schema_t schema = NULL;
    avro_value_t value = {0};
    if (avro_schema_from_json_length(schema_text.bytes, schema_text.length, &schema) != 0) {
        return; /* a \u0000 in it, which ours shows it otherwise */
    }
    avro_value_iface_t *const class = avro_generic_class_from_schema(schema);
    if (class != NULL) {
        QTL_ASSERT(avro_generic_value_new(class, &value) == 0);
        const avro_reader_t reader = avro_reader_memory(record.bytes, record.length);
        QTL_ASSERT(avro_value_read(reader, &value) == 0);
        avro_reader_free(reader);
        for (int i = 0; i < QTL_FIELDS && avro_value_get_type(&value) == AVRO_RECORD; i++) {
            avro_value_t field = {0};
            if (fields != NULL && qtl_field_of((enum qtl_field)i, stream) &&
                avro_value_get_by_name(&value, qtl_field_name((enum qtl_field)i), &field, NULL) ==
                    0) {
                compare(&field, &fields->slots[i], qtl_field_type((enum qtl_field)i));
            }
        }
        avro_value_decref(&value);
        avro_value_iface_decref(class);
    }
    avro_schema_decref(schema);
}

/* The same event, or the same reason, by the JSON that `append` would write. */
static void check_json(const struct qtl_fields *fields, enum qtl_stream stream)
{
    struct qtl_decoder *const decoder = qtl_decoder_new(stream, NULL, NULL);
    struct qtl_bytes json = {0};
    struct qtl_event event;
    struct qtl_event again;
    qtl_fields_json_write(fields, stream, &json);
    const struct qtl_log_record record = {.timestamp_ms = QTL_TIME_ABSENT,
                                          .value = {json.bytes, (uint32_t)json.length},
                                          .has_value = true};
    const enum qtl_reason reason = qtl_decode_fields(decoder, fields, QTL_TIME_ABSENT, &event);
    const enum qtl_reason other = qtl_decode(decoder, &record, &again);
    if (stream != QTL_STREAM_CUSTOMERS) { /* texts of attributes are not looked at in Avro */
        QTL_ASSERT(reason == other);
    }
    if (reason == QTL_REASON_NONE && other == QTL_REASON_NONE) {
        QTL_ASSERT(event.customer_hash == again.customer_hash);
        QTL_ASSERT(event.amount_e4 == again.amount_e4 && event.occurred_at == again.occurred_at);
    }
    qtl_bytes_fini(&json);
    qtl_decoder_free(decoder);
}

static void try_record(const struct qtl_avro_schema *schema, const struct qtl_avro_program *program,
                       const uint8_t *data, struct qtl_text schema_text, struct qtl_text record)
{
    static struct qtl_avro_scratch scratch;
    const enum qtl_stream stream = (enum qtl_stream)(data[0] / 2 % QTL_STREAMS);
    struct qtl_fields fields;
    uint32_t used = 0;
    scratch.blocks_passed = 0;
    if (!qtl_avro_program_run(program, record, &scratch, &fields, &used)) {
        return;
    }
    QTL_ASSERT(used <= record.length);
    check_json(&fields, stream);
    if (is_small(schema) && scratch.blocks_passed == 0) {
        ask_avro(schema_text, (struct qtl_text){record.bytes, used},
                 data[0] % 2 == 0 ? &fields : NULL, stream);
    }
    if (used > 0) {
        struct qtl_fields less;
        char *const cut = malloc(used);
        QTL_ASSERT(cut != NULL);
        memcpy(cut, record.bytes, used);
        QTL_ASSERT(!qtl_avro_program_run(program, (struct qtl_text){cut, used - 1}, &scratch, &less,
                                         &used));
        free(cut);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *const nul = size > 2 ? memchr(data + 1, 0, size - 1) : NULL;
    struct qtl_avro_schema *schema = NULL;
    if (nul == NULL) {
        return 0;
    }
    const struct qtl_text text = {(const char *)data + 1, (uint32_t)(nul - data - 1)};
    const struct qtl_text record = {(const char *)nul + 1, (uint32_t)(data + size - nul - 1)};
    if (qtl_avro_schema_parse(text, "fuzz", &schema, NULL) != QTL_OK) {
        return 0;
    }
    struct qtl_avro_program *const program = qtl_avro_program_new(
        schema, (enum qtl_stream)(data[0] / 2 % QTL_STREAMS), mapping(data[0]));
    if (program != NULL) {
        try_record(schema, program, data, text, record);
    }
    qtl_avro_program_free(program);
    qtl_avro_schema_free(schema);
    return 0;
}
