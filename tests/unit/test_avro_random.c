/*
 * Random schemas with random records: what our programs read out of the bytes is what avro-c's
 * generic reader does, value by value. Every value of a record is asked for by its path, under a
 * field of each type; a program must also take exactly the record's bytes, refuse it when it is
 * cut anywhere, and where it accepts damaged bytes, avro-c must read the same values out of them.
 */
#include "consumer/avro_number.h"
#include "consumer/avro_program.h"
#include "consumer/decode.h"
#include "consumer/field_map.h"
#include "consumer/fields_json.h"
#include "consumer/json_path.h"
#include "consumer/value.h"
#include "tests/unit/avro_kit.h"
#include "tests/unit/test.h"

#include <avro.h>

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

enum { SCHEMAS = 300, RECORDS_EACH = 3, DAMAGES_EACH = 6, PATHS_MAX = 4096, PATH_BYTES = 512 };

/* A value of the present record, and where it stands. */
struct place {
    char path[PATH_BYTES];
    avro_value_t value; /* borrowed from the record's */
    uint32_t node;      /* NULL types: of the branch */
};

struct places {
    struct place items[PATHS_MAX];
    uint32_t count;
};

static struct places places;
static struct kit kit;
static uint64_t compared;
static uint64_t accepted_damage;
static uint64_t taken; /* as events */

/* A copy at the end of its memory, so that a sanitizer sees who reads on. */
static char *exact_copy(const char *bytes, size_t length)
{
    char *const copy = malloc(length > 0 ? length : 1);
    assert_non_null(copy);
    if (length > 0) {
        memcpy(copy, bytes, length);
    }
    return copy;
}

static bool is_plain(const char *name)
{
    return name[0] != '\0' && strpbrk(name, ".[]") == NULL;
}

static void walk(const struct qtl_avro_schema *schema, uint32_t number, avro_value_t value,
                 const char *path, uint32_t steps);

static void walk_parts(const struct qtl_avro_schema *schema, uint32_t number, avro_value_t *value,
                       const char *path, uint32_t steps)
{
    const struct qtl_avro_node *const node = &schema->nodes[number];
    size_t size = 0;
    assert_int_equal(avro_value_get_size(value, &size), 0);
    for (size_t i = 0; i < size; i++) {
        char below[PATH_BYTES];
        avro_value_t part = {0};
        const char *name = NULL;
        assert_int_equal(avro_value_get_by_index(value, i, &part, &name), 0);
        uint32_t inner = 0;
        if (node->type == QTL_AVRO_ARRAY) {
            snprintf(below, sizeof(below), "%.480s[%zu]", path, i);
        } else {
            snprintf(below, sizeof(below), "%.240s%s%.240s", path, steps > 0 ? "." : "", name);
        }
        if (node->type == QTL_AVRO_RECORD) {
            inner = schema->parts[node->first + i].node;
        } else {
            inner = qtl_avro_schema_inner(schema, number);
        }
        if (node->type == QTL_AVRO_ARRAY || is_plain(name)) {
            walk(schema, inner, part, below, steps + 1);
        }
    }
}

/* Notes every value of the record with its path. */
static void walk(const struct qtl_avro_schema *schema, uint32_t number, avro_value_t value,
                 const char *path, uint32_t steps)
{
    const struct qtl_avro_node *const node = &schema->nodes[number];
    if (steps > QTL_JSON_PATH_STEPS_MAX || places.count == PATHS_MAX || strlen(path) > 230) {
        return;
    }
    if (node->type == QTL_AVRO_UNION) {
        int branch = 0;
        avro_value_t current = {0};
        assert_int_equal(avro_value_get_discriminant(&value, &branch), 0);
        assert_int_equal(avro_value_get_current_branch(&value, &current), 0);
        walk(schema, schema->parts[node->first + (uint32_t)branch].node, current, path, steps);
        return;
    }
    if (steps > 0) {
        struct place *const place = &places.items[places.count++];
        snprintf(place->path, PATH_BYTES, "%s", path);
        place->value = value;
        place->node = number;
    }
    if (node->type == QTL_AVRO_RECORD || node->type == QTL_AVRO_ARRAY ||
        node->type == QTL_AVRO_MAP) {
        walk_parts(schema, number, &value, path, steps);
    }
}

static void assert_text(const struct qtl_slot *slot, enum qtl_slot_type type, const void *bytes,
                        size_t length)
{
    assert_int_equal(slot->type, type);
    assert_int_equal(slot->text.length, length);
    if (length > 0) {
        assert_memory_equal(slot->text.bytes, bytes, length);
    }
}

static void assert_decimal(const struct qtl_slot *slot, int64_t number, int exponent)
{
    assert_int_equal(slot->type, QTL_SLOT_DECIMAL);
    assert_int_equal(slot->number, number);
    assert_int_equal(slot->exponent, exponent);
}

static int64_t unit_of(enum qtl_avro_logical logical)
{
    switch (logical) {
    case QTL_AVRO_LOGICAL_MILLIS:
    case QTL_AVRO_LOGICAL_LOCAL_MILLIS:
        return 1000;
    case QTL_AVRO_LOGICAL_MICROS:
    case QTL_AVRO_LOGICAL_LOCAL_MICROS:
        return 1000000;
    case QTL_AVRO_LOGICAL_NANOS:
    case QTL_AVRO_LOGICAL_LOCAL_NANOS:
        return 1000000000;
    case QTL_AVRO_LOGICAL_NONE:
    case QTL_AVRO_LOGICAL_DECIMAL:
    case QTL_AVRO_LOGICAL_UUID:
    case QTL_AVRO_LOGICAL_DATE:
        break;
    }
    return 0;
}

static void check_whole(const struct qtl_avro_node *node, int64_t value,
                        const struct qtl_slot *slot, enum qtl_field_type type)
{
    char digits[32];
    const int length = snprintf(digits, sizeof(digits), "%" PRId64, value);
    const int64_t unit = unit_of((enum qtl_avro_logical)node->logical);
    const bool is_date = node->logical == QTL_AVRO_LOGICAL_DATE;
    if (type == QTL_FIELD_TYPE_ID) {
        assert_text(slot, QTL_SLOT_NUMBER, digits, (size_t)length);
    } else if (type == QTL_FIELD_TYPE_TIME && (unit > 0 || is_date)) {
        assert_int_equal(slot->type, QTL_SLOT_INSTANT);
        const long double second =
            is_date ? (long double)value * 86400 : floorl((long double)value / (long double)unit);
        assert_int_equal(slot->number, (int64_t)second);
    } else if (type == QTL_FIELD_TYPE_WORD && is_date) {
        assert_int_equal(slot->type,
                         value >= -719528 && value <= 2932896 ? QTL_SLOT_STRING : QTL_SLOT_BROKEN);
    } else {
        assert_decimal(slot, value, 0);
    }
}

/* The shortest text that reads back, whatever digits it takes. */
static void check_fraction(double value, bool is_float, const struct qtl_slot *slot,
                           enum qtl_field_type type)
{
    char text[64];
    int length = 0;
    for (int digits = 1; digits <= 17; digits++) {
        length = snprintf(text, sizeof(text), "%.*g", digits, value);
        if (is_float ? strtof(text, NULL) == (float)value : strtod(text, NULL) == value) {
            break;
        }
    }
    if (!isfinite(value)) {
        assert_text(slot, QTL_SLOT_NUMBER, "", 0);
        return;
    }
    int64_t expected = 0;
    int64_t found = 0;
    const bool good = qtl_value_number((struct qtl_text){text, (uint32_t)length}, 4, &expected);
    const bool as_decimal = slot->type == QTL_SLOT_DECIMAL;
    assert_true(!as_decimal || type != QTL_FIELD_TYPE_ID);
    assert_int_equal(as_decimal ? qtl_value_of_decimal(slot->number, slot->exponent, 4, &found)
                                : qtl_value_number(slot->text, 4, &found),
                     good);
    assert_int_equal(found, expected);
}

__extension__ typedef __int128 wide;
__extension__ typedef unsigned __int128 wide_bits;

/* Up to 16 bytes. */
static void check_decimal(const struct qtl_avro_node *node, const unsigned char *bytes,
                          size_t length, const struct qtl_slot *slot, enum qtl_field_type type)
{
    wide value = length > 0 && bytes[0] >= 0x80 ? -1 : 0;
    for (size_t i = 0; i < length; i++) {
        value = (wide)((wide_bits)value << 8 | bytes[i]);
    }
    if (length > sizeof(value)) {
        return; /* of damaged bytes; tests/unit/test_avro_number.c has long ones */
    }
    if (length == 0) {
        assert_text(slot, QTL_SLOT_NUMBER, "", 0);
    } else if (value >= INT64_MIN && value <= INT64_MAX && type != QTL_FIELD_TYPE_ID) {
        assert_decimal(slot, (int64_t)value, -(int)node->scale);
    } else {
        int64_t expected = 0;
        int64_t found = 0;
        char digits[64];
        const int exponent = snprintf(digits + 48, 16, "e-%u", node->scale);
        char *at = digits + 48;
        wide_bits left = value < 0 ? -(wide_bits)value : (wide_bits)value;
        do {
            *--at = (char)('0' + (int)(left % 10));
            left /= 10;
        } while (left > 0);
        *--at = value < 0 ? '-' : '+';
        const struct qtl_text text = {at, (uint32_t)(digits + 48 + exponent - at)};
        const bool good = qtl_value_number(text, 4, &expected);
        assert_int_equal(slot->type, QTL_SLOT_NUMBER);
        assert_int_equal(qtl_value_number(slot->text, 4, &found), good);
        assert_int_equal(found, expected);
    }
}

static void check_bytes(const struct qtl_avro_node *node, const void *bytes, size_t length,
                        const struct qtl_slot *slot, enum qtl_field_type type)
{
    if (node->logical == QTL_AVRO_LOGICAL_DECIMAL) {
        check_decimal(node, bytes, length, slot, type);
    } else if (node->logical == QTL_AVRO_LOGICAL_UUID) {
        char text[40];
        size_t at = 0;
        for (size_t i = 0; i < 16; i++) {
            const char *const dash = i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "";
            at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%02x", dash,
                                   ((const unsigned char *)bytes)[i]);
        }
        assert_text(slot, QTL_SLOT_STRING, text, 36);
    } else {
        assert_text(slot, QTL_SLOT_STRING, bytes, length);
    }
}

static void check_number(avro_value_t *value, const struct qtl_avro_node *node,
                         const struct qtl_slot *slot, enum qtl_field_type type)
{
    int32_t small = 0;
    int64_t whole = 0;
    float narrow = 0;
    double number = 0;
    if (node->type == QTL_AVRO_INT) {
        assert_int_equal(avro_value_get_int(value, &small), 0);
        check_whole(node, small, slot, type);
    } else if (node->type == QTL_AVRO_LONG) {
        assert_int_equal(avro_value_get_long(value, &whole), 0);
        check_whole(node, whole, slot, type);
    } else if (node->type == QTL_AVRO_FLOAT) {
        assert_int_equal(avro_value_get_float(value, &narrow), 0);
        check_fraction((double)narrow, true, slot, type);
    } else {
        assert_int_equal(avro_value_get_double(value, &number), 0);
        check_fraction(number, false, slot, type);
    }
}

/* The slot of a field of that type holds the value. */
static void check(const struct qtl_avro_schema *schema, struct place *place,
                  const struct qtl_slot *slot, enum qtl_field_type type)
{
    const struct qtl_avro_node *const node = &schema->nodes[place->node];
    avro_value_t *const value = &place->value;
    const char *text = NULL;
    const void *bytes = NULL;
    size_t size = 0;
    int number = 0;
    compared++;
    switch ((enum qtl_avro_type)node->type) {
    case QTL_AVRO_NULL:
        assert_int_equal(slot->type, QTL_SLOT_ABSENT);
        return;
    case QTL_AVRO_BOOLEAN:
        assert_int_equal(avro_value_get_boolean(value, &number), 0);
        assert_text(slot, QTL_SLOT_FLAG, number ? "true" : "false", number ? 4 : 5);
        return;
    case QTL_AVRO_INT:
    case QTL_AVRO_LONG:
    case QTL_AVRO_FLOAT:
    case QTL_AVRO_DOUBLE:
        check_number(value, node, slot, type);
        return;
    case QTL_AVRO_STRING:
        assert_int_equal(avro_value_get_string(value, &text, &size), 0);
        assert_text(slot, QTL_SLOT_STRING, text, size - 1);
        return;
    case QTL_AVRO_BYTES:
        assert_int_equal(avro_value_get_bytes(value, &bytes, &size), 0);
        check_bytes(node, bytes, size, slot, type);
        return;
    case QTL_AVRO_FIXED:
        assert_int_equal(avro_value_get_fixed(value, &bytes, &size), 0);
        check_bytes(node, bytes, size, slot, type);
        return;
    case QTL_AVRO_ENUM:
        assert_int_equal(avro_value_get_enum(value, &number), 0);
        text = avro_schema_enum_get(avro_value_get_schema(value), number);
        assert_text(slot, QTL_SLOT_STRING, text, strlen(text));
        return;
    case QTL_AVRO_RECORD:
    case QTL_AVRO_ARRAY:
    case QTL_AVRO_MAP:
        assert_int_equal(slot->type, QTL_SLOT_CONTAINER);
        return;
    case QTL_AVRO_UNION:
        break;
    }
    fail();
}

/* Written as JSON, as `append` does it, the fields are the same event, or none for the same reason.
 */
static void check_json(const struct qtl_fields *fields)
{
    static struct qtl_decoder *decoder;
    static struct qtl_bytes json;
    struct qtl_event event;
    struct qtl_event again;
    if (decoder == NULL) {
        decoder = qtl_decoder_new(QTL_STREAM_ORDERS, NULL, NULL);
    }
    json.length = 0;
    qtl_fields_json_write(fields, QTL_STREAM_ORDERS, &json);
    const struct qtl_log_record record = {.timestamp_ms = QTL_TIME_ABSENT,
                                          .value = {json.bytes, (uint32_t)json.length},
                                          .has_value = true};
    const enum qtl_reason reason = qtl_decode_fields(decoder, fields, QTL_TIME_ABSENT, &event);
    if (qtl_decode(decoder, &record, &again) != reason) {
        fail_msg("%s and not: %.*s", qtl_reason_code(reason), (int)json.length, json.bytes);
    }
    if (reason == QTL_REASON_NONE) {
        assert_int_equal(event.customer_hash, again.customer_hash);
        assert_int_equal(event.order_hash, again.order_hash);
        assert_int_equal(event.occurred_at, again.occurred_at);
        assert_int_equal(event.placed_at, again.placed_at);
        assert_int_equal(event.amount_e4, again.amount_e4);
        assert_int_equal(event.margin_e4, again.margin_e4);
        taken++;
    }
}

/* Two places at a time, each under a field of each type. */
static void check_pair(const struct qtl_avro_schema *schema, struct qtl_text bytes,
                       struct place *const pair[2], uint32_t expected_bytes)
{
    static const enum qtl_field asked[2][4] = {
        {QTL_FIELD_CUSTOMER_ID, QTL_FIELD_OCCURRED_AT, QTL_FIELD_KIND, QTL_FIELD_AMOUNT},
        {QTL_FIELD_ORDER_ID, QTL_FIELD_PLACED_AT, QTL_FIELD_CURRENCY, QTL_FIELD_MARGIN}};
    struct qtl_field_map maps[QTL_FIELDS] = {0};
    static char none[] = "";
    for (int field = 0; field < QTL_FIELDS; field++) {
        maps[field].path = none;
    }
    for (int i = 0; i < 8; i++) {
        maps[asked[i / 4][i % 4]].path = pair[i / 4]->path;
    }
    static struct qtl_avro_scratch scratch;
    struct qtl_fields fields;
    uint32_t used = 0;
    struct qtl_avro_program *const program = qtl_avro_program_new(schema, QTL_STREAM_ORDERS, maps);
    assert_non_null(program);
    assert_true(qtl_avro_program_run(program, bytes, &scratch, &fields, &used));
    assert_int_equal(used, expected_bytes);
    for (int i = 0; i < 8; i++) {
        const enum qtl_field field = asked[i / 4][i % 4];
        check(schema, pair[i / 4], &fields.slots[field], qtl_field_type(field));
    }
    check_json(&fields);
    /* The same under a kind and times that orders have. */
    fields.slots[QTL_FIELD_KIND].type = QTL_SLOT_ABSENT;
    fields.slots[QTL_FIELD_CURRENCY].type = QTL_SLOT_ABSENT;
    check_json(&fields);
    fields.slots[QTL_FIELD_OCCURRED_AT] =
        (struct qtl_slot){.type = QTL_SLOT_INSTANT, .number = 1795402800};
    fields.slots[QTL_FIELD_PLACED_AT].type = QTL_SLOT_ABSENT;
    check_json(&fields);
    qtl_avro_program_free(program);
}

struct oracle {
    avro_schema_t schema;
    avro_value_iface_t *class;
    avro_value_t value;
};

static void oracle_init(struct oracle *oracle, struct qtl_text text)
{
    assert_int_equal(avro_schema_from_json_length(text.bytes, text.length, &oracle->schema), 0);
    oracle->class = avro_generic_class_from_schema(oracle->schema);
    assert_non_null(oracle->class);
    assert_int_equal(avro_generic_value_new(oracle->class, &oracle->value), 0);
}

static void oracle_fini(struct oracle *oracle)
{
    avro_value_decref(&oracle->value);
    avro_value_iface_decref(oracle->class);
    avro_schema_decref(oracle->schema);
}

/* avro-c reads the bytes, and every value of it is what ours reads. */
static void compare(const struct qtl_avro_schema *schema, struct oracle *oracle,
                    struct qtl_text bytes)
{
    assert_int_equal(avro_value_reset(&oracle->value), 0);
    const avro_reader_t reader = avro_reader_memory(bytes.bytes, bytes.length);
    if (avro_value_read(reader, &oracle->value) != 0) {
        fail_msg("%s", avro_strerror());
    }
    avro_reader_free(reader);
    places.count = 0;
    walk(schema, 0, oracle->value, "", 0);
    for (uint32_t i = 0; i < places.count; i += 2) {
        struct place *const first = &places.items[i];
        struct place *const pair[2] = {first, i + 1 < places.count ? first + 1 : first};
        check_pair(schema, bytes, pair, bytes.length);
    }
}

static void cut_everywhere(const struct qtl_avro_program *program, struct qtl_text bytes)
{
    static struct qtl_avro_scratch scratch;
    for (uint32_t length = 0; length < bytes.length; length++) {
        struct qtl_fields fields;
        uint32_t used = 0;
        char *const copy = exact_copy(bytes.bytes, length);
        assert_false(qtl_avro_program_run(program, (struct qtl_text){copy, length}, &scratch,
                                          &fields, &used));
        free(copy);
    }
}

static void damage(const struct qtl_avro_schema *schema, const struct qtl_avro_program *program,
                   struct oracle *oracle, struct qtl_text bytes)
{
    static struct qtl_avro_scratch scratch;
    for (int i = 0; i < DAMAGES_EACH && bytes.length > 0; i++) {
        struct qtl_fields fields;
        uint32_t used = 0;
        char *const copy = exact_copy(bytes.bytes, bytes.length);
        copy[kit_below(&kit, bytes.length)] = (char)kit_random(&kit);
        const struct qtl_text damaged = {copy, bytes.length};
        scratch.blocks_passed = 0;
        if (qtl_avro_program_run(program, damaged, &scratch, &fields, &used) &&
            used == damaged.length && scratch.blocks_passed == 0) {
            compare(schema, oracle, damaged);
            accepted_damage++;
        }
        free(copy);
    }
}

static void try_record(const struct qtl_avro_schema *schema, const struct qtl_avro_program *program,
                       struct oracle *oracle)
{
    struct qtl_bytes out = {0};
    kit.sized = kit_below(&kit, 2) == 0;
    kit_encode(&kit, schema, 0, 0, &out);
    char *const copy = exact_copy(out.bytes, out.length);
    const struct qtl_text bytes = {copy, (uint32_t)out.length};
    if (out.length < 20000) {
        compare(schema, oracle, bytes);
        cut_everywhere(program, bytes);
        damage(schema, program, oracle, bytes);
    }
    free(copy);
    qtl_bytes_fini(&out);
}

static void random_schemas_and_records_are_read_alike(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SCHEMAS; seed++) {
        struct qtl_avro_schema *schema = NULL;
        struct qtl_error error = {0};
        struct oracle oracle;
        kit.random = seed * UINT64_C(0x9e3779b97f4a7c15);
        const struct qtl_text text = kit_schema(&kit);
        if (qtl_avro_schema_parse(text, "made up", &schema, &error) != QTL_OK) {
            fail_msg("%s: %.*s", error.text, (int)text.length, text.bytes);
        }
        oracle_init(&oracle, text);
        struct qtl_avro_program *const program =
            qtl_avro_program_new(schema, QTL_STREAM_ORDERS, NULL);
        assert_non_null(program);
        for (int i = 0; i < RECORDS_EACH; i++) {
            try_record(schema, program, &oracle);
        }
        qtl_avro_program_free(program);
        oracle_fini(&oracle);
        qtl_avro_schema_free(schema);
    }
    qtl_bytes_fini(&kit.text);
    print_message("%" PRIu64 " values compared, %" PRIu64
                  " damaged records accepted by both, %" PRIu64 " events also by JSON\n",
                  compared, accepted_damage, taken);
    assert_true(taken > 1000);
    assert_true(compared > 100000);
    assert_true(accepted_damage > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_schemas_and_records_are_read_alike),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
