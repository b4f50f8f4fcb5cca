/*
 * Transitions in Avro: what avro-c reads out of them by schemas/transition.avsc, written as JSON,
 * is the JSON form byte for byte; and what stands before them names that schema.
 */
#include "consumer/avro_schema.h"
#include "sinks/transition_avro.h"
#include "sinks/transition_json.h"
#include "sinks/transition_read.h"
#include "tests/unit/rig.h"

#include <avro.h>

#include <inttypes.h>

enum { TRANSITIONS = 20000 };

static const char rule_text[] =
    "segments:\n"
    "  vip:\n"
    "    when: spend(365d) >= 2000 and orders(365d) >= 6 and since(order) < 30d\n"
    "    holdout: 10%\n"
    "  late:\n"
    "    when: last(order) > first(order) and not in(vip)\n";

struct bench {
    struct qtl_rules *rules;
    avro_schema_t schema;
    avro_value_iface_t *class;
    avro_value_t value;
    struct qtl_json_buffer expected;
    struct qtl_json_buffer found;
    uint64_t random;
};

static uint64_t next(struct bench *bench)
{
    bench->random ^= bench->random << 13;
    bench->random ^= bench->random >> 7;
    bench->random ^= bench->random << 17;
    return bench->random;
}

static char *read_schema(size_t *length)
{
    static char text[16384];
    FILE *const file = fopen(QTL_SCHEMAS "/transition.avsc", "rb");
    assert_non_null(file);
    *length = fread(text, 1, sizeof(text), file);
    fclose(file);
    return text;
}

static void bench_init(struct bench *bench)
{
    size_t length = 0;
    char *const text = read_schema(&length);
    *bench = (struct bench){.random = 88172645463325252U};
    bench->rules = rig_rules(rule_text);
    assert_int_equal(avro_schema_from_json_length(text, length, &bench->schema), 0);
    bench->class = avro_generic_class_from_schema(bench->schema);
    assert_non_null(bench->class);
    assert_int_equal(avro_generic_value_new(bench->class, &bench->value), 0);
}

static void bench_fini(struct bench *bench)
{
    avro_value_decref(&bench->value);
    avro_value_iface_decref(bench->class);
    avro_schema_decref(bench->schema);
    qtl_json_buffer_fini(&bench->expected);
    qtl_json_buffer_fini(&bench->found);
    qtl_rules_free(bench->rules);
}

static avro_value_t member(const avro_value_t *record, const char *name)
{
    avro_value_t value = {0};
    assert_int_equal(avro_value_get_by_name(record, name, &value, NULL), 0);
    return value;
}

/* What a union holds; false where that is null. */
static bool is_there(avro_value_t *value)
{
    avro_value_t branch = {0};
    assert_int_equal(avro_value_get_current_branch(value, &branch), 0);
    *value = branch;
    return avro_value_get_type(&branch) != AVRO_NULL;
}

static int64_t long_of(avro_value_t *value)
{
    int64_t number = 0;
    assert_int_equal(avro_value_get_long(value, &number), 0);
    return number;
}

static void put_string(struct qtl_json_buffer *json, avro_value_t *value)
{
    const char *text = NULL;
    size_t size = 0;
    assert_int_equal(avro_value_get_string(value, &text, &size), 0);
    qtl_json_string(json, (struct qtl_text){text, (uint32_t)size - 1});
}

static void put_decimal(struct qtl_json_buffer *json, avro_value_t *value)
{
    const void *bytes = NULL;
    size_t size = 0;
    assert_int_equal(avro_value_get_bytes(value, &bytes, &size), 0);
    assert_true(size >= 1 && size <= 8);
    const unsigned char *const at = bytes;
    uint64_t number = at[0] >= 0x80 ? UINT64_MAX : 0;
    for (size_t i = 0; i < size; i++) {
        number = number << 8 | at[i];
    }
    qtl_json_decimal(json, (int64_t)number);
}

static void put_flag(struct qtl_json_buffer *json, avro_value_t *value)
{
    int flag = 0;
    assert_int_equal(avro_value_get_boolean(value, &flag), 0);
    qtl_json_raw(json, flag ? "true" : "false");
}

static void put_evidence(struct qtl_json_buffer *json, avro_value_t *value)
{
    const avro_type_t type = avro_value_get_type(value);
    if (type == AVRO_BOOLEAN) {
        put_flag(json, value);
    } else if (type == AVRO_INT64) {
        qtl_json_integer(json, long_of(value));
    } else if (type == AVRO_BYTES) {
        put_decimal(json, value);
    } else {
        put_string(json, value);
    }
}

static void put_map(struct qtl_json_buffer *json, avro_value_t *map)
{
    size_t size = 0;
    assert_int_equal(avro_value_get_size(map, &size), 0);
    for (size_t i = 0; i < size; i++) {
        avro_value_t value = {0};
        const char *key = NULL;
        assert_int_equal(avro_value_get_by_index(map, i, &value, &key), 0);
        qtl_json_raw(json, i > 0 ? "," : "");
        qtl_json_string(json, rig_text(key));
        qtl_json_raw(json, ":");
        assert_true(is_there(&value));
        put_evidence(json, &value);
    }
}

static void put_value(struct qtl_json_buffer *json, const char *name, avro_value_t *value)
{
    const bool is_time = strcmp(name, "at") == 0 || strcmp(name, "detected_at") == 0;
    const avro_type_t type = avro_value_get_type(value);
    if (is_time) {
        assert_int_equal(long_of(value) % 1000, 0);
        qtl_json_time(json, long_of(value) / 1000);
    } else if (type == AVRO_INT64) {
        qtl_json_integer(json, long_of(value));
    } else if (type == AVRO_BOOLEAN) {
        put_flag(json, value);
    } else if (type == AVRO_MAP) {
        qtl_json_raw(json, "{");
        put_map(json, value);
        qtl_json_raw(json, "}");
    } else {
        put_string(json, value);
    }
}

/* The record that avro-c has read, as the JSON form would have it: in the schema's order, what is
 * null left out. */
static void write_found(struct bench *bench)
{
    struct qtl_json_buffer *const json = &bench->found;
    const size_t count = avro_schema_record_size(bench->schema);
    json->length = 0;
    for (size_t i = 0; i < count; i++) {
        const char *const name = avro_schema_record_field_name(bench->schema, (int)i);
        avro_value_t value = member(&bench->value, name);
        if (avro_value_get_type(&value) == AVRO_UNION && !is_there(&value)) {
            continue;
        }
        qtl_json_raw(json, i > 0 ? "," : "{");
        qtl_json_string(json, rig_text(name));
        qtl_json_raw(json, ":");
        put_value(json, name, &value);
    }
    qtl_json_raw(json, "}");
}

static void fill(struct bench *bench, struct qtl_transition *transition,
                 struct qtl_evidence evidence[16])
{
    static const char *const ids[] = {"c1", "M\xc3\xbcller \"7\"", "\x01\\", ""};
    *transition = (struct qtl_transition){
        .customer_id = rig_text(ids[next(bench) % 3]),
        .cause_event_id = rig_text(ids[next(bench) % 4]),
        .evidence = evidence,
        .id_high = next(bench),
        .id_low = next(bench) >> (next(bench) & 63),
        .at = (int64_t)(next(bench) % 4000000000U),
        .sequence = (uint32_t)next(bench),
        .segment = (uint16_t)(next(bench) % bench->rules->segment_count),
        .from = QTL_STATE_OUT,
        .to = QTL_STATE_IN,
        .cause = (uint8_t)(next(bench) % 3),
        .holdout = next(bench) % 2 == 0,
    };
    const struct qtl_segment *const segment = &bench->rules->segments[transition->segment];
    for (uint16_t i = 0; i < segment->evidence_count && i < 16; i++) {
        const uint16_t metric = segment->evidence[i];
        int64_t value = (int64_t)next(bench) >> (next(bench) & 63);
        if (bench->rules->metrics[metric].type == QTL_TYPE_INSTANT) {
            value &= 0xffffffff;
        }
        if (next(bench) % 8 > 0) {
            evidence[transition->evidence_count++] =
                (struct qtl_evidence){.metric = metric, .value = value};
        }
    }
}

static void compare(struct bench *bench, struct qtl_transition_avro *avro)
{
    struct qtl_evidence evidence[16];
    struct qtl_transition transition;
    fill(bench, &transition, evidence);
    const struct qtl_publication publication = {.detected_at = transition.at + 5,
                                                .epoch = next(bench) >> 20};
    const struct qtl_publication *const published = next(bench) % 4 == 0 ? NULL : &publication;
    bench->expected.length = 0;
    qtl_transition_json(&bench->expected, bench->rules, &transition, published);
    const struct qtl_text bytes =
        qtl_transition_avro_encode(avro, bench->rules, &transition, published);
    assert_int_equal(avro_value_reset(&bench->value), 0);
    const avro_reader_t reader = avro_reader_memory(bytes.bytes, bytes.length);
    if (avro_value_read(reader, &bench->value) != 0) {
        fail_msg("%s", avro_strerror());
    }
    char rest = 0;
    assert_int_not_equal(avro_read(reader, &rest, 1), 0); /* not a byte too many */
    avro_reader_free(reader);
    write_found(bench);
    assert_int_equal(bench->found.length, bench->expected.length);
    assert_memory_equal(bench->found.bytes, bench->expected.bytes, bench->found.length);
}

static void avro_says_what_json_says(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench);
    struct qtl_transition_avro *const avro = qtl_transition_avro_new(QTL_FRAMING_BARE, 0);
    for (int i = 0; i < TRANSITIONS; i++) {
        compare(&bench, avro);
    }
    qtl_transition_avro_free(avro);
    bench_fini(&bench);
}

static void the_framing_names_the_schema(void **state)
{
    (void)state;
    struct bench bench;
    size_t length = 0;
    char *const text = read_schema(&length);
    struct qtl_avro_schema *schema = NULL;
    struct qtl_evidence evidence[16];
    struct qtl_transition transition;
    assert_int_equal(
        qtl_avro_schema_parse((struct qtl_text){text, (uint32_t)length}, "", &schema, NULL),
        QTL_OK);
    if (schema->fingerprint != QTL_TRANSITION_AVRO_FINGERPRINT) {
        fail_msg("the fingerprint of schemas/transition.avsc is 0x%016" PRIx64,
                 schema->fingerprint);
    }
    bench_init(&bench);
    fill(&bench, &transition, evidence);
    struct qtl_transition_avro *avro = qtl_transition_avro_new(QTL_FRAMING_SINGLE_OBJECT, 0);
    struct qtl_text bytes = qtl_transition_avro_encode(avro, bench.rules, &transition, NULL);
    assert_memory_equal(bytes.bytes, "\xc3\x01", 2);
    assert_memory_equal(bytes.bytes + 2, &schema->fingerprint, 8); /* lowest byte first, as here */
    const uint32_t body = bytes.length - QTL_FRAMING_SINGLE_OBJECT_BYTES;
    qtl_transition_avro_free(avro);
    avro = qtl_transition_avro_new(QTL_FRAMING_CONFLUENT, 0x01020304);
    bytes = qtl_transition_avro_encode(avro, bench.rules, &transition, NULL);
    assert_memory_equal(bytes.bytes, "\x00\x01\x02\x03\x04", 5);
    assert_int_equal(bytes.length - QTL_FRAMING_CONFLUENT_BYTES, body);
    qtl_transition_avro_free(avro);
    qtl_avro_schema_free(schema);
    bench_fini(&bench);
}

static void assert_same(struct qtl_text found, struct qtl_text wanted)
{
    assert_int_equal(found.length, wanted.length);
    if (wanted.length > 0) {
        assert_memory_equal(found.bytes, wanted.bytes, wanted.length);
    }
}

static void assert_same_fields(const struct qtl_transition_fields *found,
                               const struct qtl_transition_fields *wanted)
{
    assert_same(found->id, wanted->id);
    assert_same(found->customer_id, wanted->customer_id);
    assert_same(found->segment, wanted->segment);
    assert_same(found->from, wanted->from);
    assert_same(found->to, wanted->to);
    assert_same(found->at, wanted->at);
    assert_same(found->cause, wanted->cause);
    assert_int_equal(found->sequence, wanted->sequence);
    assert_int_equal(found->pair_count, wanted->pair_count);
    for (uint32_t i = 0; i < wanted->pair_count; i++) {
        assert_same(found->pairs[i].name, wanted->pairs[i].name);
        assert_same(found->pairs[i].value, wanted->pairs[i].value);
    }
}

/* Whoever reads transitions back gets the same of both forms; a record cut short is none. */
static void both_forms_read_alike(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench);
    struct qtl_transition_read *const read = qtl_transition_read_new();
    struct qtl_arena arena = {0};
    for (int i = 0; i < TRANSITIONS / 10; i++) {
        struct qtl_transition_avro *const avro =
            qtl_transition_avro_new((enum qtl_framing)(i % 3), (uint32_t)i);
        struct qtl_evidence evidence[16];
        struct qtl_transition transition;
        struct qtl_transition_fields found;
        struct qtl_transition_fields wanted;
        fill(&bench, &transition, evidence);
        transition.sequence |= 1; /* none has the number 0 */
        const struct qtl_publication publication = {.detected_at = transition.at, .epoch = 1};
        const struct qtl_publication *const published = i % 5 == 0 ? NULL : &publication;
        bench.expected.length = 0;
        qtl_transition_json(&bench.expected, bench.rules, &transition, published);
        const struct qtl_text json = {bench.expected.bytes, (uint32_t)bench.expected.length};
        const struct qtl_text bytes =
            qtl_transition_avro_encode(avro, bench.rules, &transition, published);
        qtl_arena_reset(&arena);
        assert_int_equal(qtl_transition_read_change(read, json, &arena, &wanted), QTL_OK);
        assert_int_equal(qtl_transition_read_change(read, bytes, &arena, &found), QTL_OK);
        assert_same_fields(&found, &wanted);
        for (uint32_t cut = 0; cut < bytes.length; cut++) {
            const struct qtl_text part = {bytes.bytes, cut};
            assert_int_equal(qtl_transition_read_change(read, part, &arena, &found), QTL_MALFORMED);
        }
        qtl_transition_avro_free(avro);
    }
    qtl_arena_fini(&arena);
    qtl_transition_read_free(read);
    bench_fini(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(avro_says_what_json_says),
        cmocka_unit_test(the_framing_names_the_schema),
        cmocka_unit_test(both_forms_read_alike),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
