/*
 * libavro as the oracle: what we write is schemas/epoch_record.avsc, field by field and byte by
 * byte, and what libavro writes we read.
 */
#include "tests/unit/epoch_record_kit.h"

#include <avro.h>

#include <stdio.h>

struct oracle {
    avro_schema_t schema;
    avro_value_iface_t *values;
    avro_value_t value;
};

static void oracle_init(struct oracle *oracle)
{
    FILE *const file = fopen(QTL_SCHEMAS "/epoch_record.avsc", "rb");
    assert_non_null(file);
    static char text[65536];
    const size_t length = fread(text, 1, sizeof(text), file);
    fclose(file);
    assert_true(length > 0 && length < sizeof(text));
    if (avro_schema_from_json_length(text, length, &oracle->schema) != 0) {
        fail_msg("%s", avro_strerror());
    }
    oracle->values = avro_generic_class_from_schema(oracle->schema);
    assert_non_null(oracle->values);
    assert_int_equal(avro_generic_value_new(oracle->values, &oracle->value), 0);
}

static void oracle_fini(struct oracle *oracle)
{
    avro_value_decref(&oracle->value);
    avro_value_iface_decref(oracle->values);
    avro_schema_decref(oracle->schema);
}

/* Reads all of the bytes into oracle->value, and writes them again: the same. */
static void go_through(struct oracle *oracle, const struct qtl_bytes *bytes)
{
    assert_int_equal(avro_value_reset(&oracle->value), 0);
    const avro_reader_t reader = avro_reader_memory(bytes->bytes, (int64_t)bytes->length);
    if (avro_value_read(reader, &oracle->value) != 0) {
        fail_msg("%s", avro_strerror());
    }
    avro_reader_free(reader);
    char *const copy = malloc(bytes->length);
    assert_non_null(copy);
    const avro_writer_t writer = avro_writer_memory(copy, (int64_t)bytes->length);
    assert_int_equal(avro_value_write(writer, &oracle->value), 0);
    assert_int_equal(avro_writer_tell(writer), bytes->length);
    assert_memory_equal(copy, bytes->bytes, bytes->length);
    avro_writer_free(writer);
    free(copy);
}

static avro_value_t member(const avro_value_t *value, const char *name)
{
    avro_value_t field = {0};
    assert_int_equal(avro_value_get_by_name(value, name, &field, NULL), 0);
    return field;
}

/* The body of oracle->value, which is of that branch. */
static avro_value_t body(struct oracle *oracle, int branch)
{
    avro_value_t field = member(&oracle->value, "body");
    int which = -1;
    assert_int_equal(avro_value_get_discriminant(&field, &which), 0);
    assert_int_equal(which, branch);
    avro_value_t current = {0};
    assert_int_equal(avro_value_get_current_branch(&field, &current), 0);
    return current;
}

static int64_t number(const avro_value_t *record, const char *name)
{
    avro_value_t field = member(record, name);
    int64_t value = 0;
    int32_t small = 0;
    int flag = 0;
    const avro_type_t type = avro_value_get_type(&field);
    if (type == AVRO_INT32) {
        assert_int_equal(avro_value_get_int(&field, &small), 0);
        return small;
    }
    if (type == AVRO_BOOLEAN) {
        assert_int_equal(avro_value_get_boolean(&field, &flag), 0);
        return flag;
    }
    assert_int_equal(avro_value_get_long(&field, &value), 0);
    return value;
}

static void assert_text(const avro_value_t *record, const char *name, struct qtl_text expected)
{
    avro_value_t field = name != NULL ? member(record, name) : *record;
    const char *text = NULL;
    size_t size = 0; /* with the NUL behind it */
    assert_int_equal(avro_value_get_string(&field, &text, &size), 0);
    assert_int_equal(size, expected.length + 1);
    assert_memory_equal(text, expected.bytes, expected.length);
}

static size_t length_of(const avro_value_t *array)
{
    size_t size = 0;
    assert_int_equal(avro_value_get_size(array, &size), 0);
    return size;
}

static avro_value_t element(const avro_value_t *array, size_t place)
{
    avro_value_t value = {0};
    assert_int_equal(avro_value_get_by_index(array, place, &value, NULL), 0);
    return value;
}

static void check_scalars(const avro_value_t *epoch, const struct qtl_epoch_record *record)
{
    assert_int_equal(number(epoch, "sequence"), record->sequence);
    assert_int_equal(number(epoch, "wall"), record->wall);
    assert_int_equal(number(epoch, "clock"), record->clock);
    static const char *const streams[QTL_STREAMS] = {"orders", "engagement", "customers"};
    for (int stream = 0; stream < QTL_STREAMS; stream++) {
        const avro_value_t range = member(epoch, streams[stream]);
        assert_int_equal(number(&range, "first"), record->first_offset[stream]);
        assert_int_equal(number(&range, "next"), record->next_offset[stream]);
    }
    assert_int_equal(number(epoch, "rules_version"), record->rules_version);
    assert_int_equal(number(epoch, "cuts_version"), record->cuts_version);
    assert_int_equal(number(epoch, "zones_version"), record->zones_version);
    assert_int_equal(number(epoch, "shape"), record->shape);
    assert_int_equal(number(epoch, "state_hash"), record->state_hash);
    assert_int_equal(number(epoch, "unfinished"), record->unfinished);
    assert_int_equal(number(epoch, "sweep_waits"), record->sweep_waits);
}

static void check_decision(const avro_value_t *value, const struct qtl_transition *decision)
{
    assert_text(value, "customer_id", decision->customer_id);
    assert_int_equal(number(value, "segment"), decision->segment);
    assert_int_equal(number(value, "from"), decision->from);
    assert_int_equal(number(value, "to"), decision->to);
    assert_int_equal(number(value, "at"), decision->at);
    assert_int_equal(number(value, "sequence"), decision->sequence);
    assert_int_equal(number(value, "cause"), decision->cause);
    assert_int_equal(number(value, "records_before"), decision->records_before);
    assert_int_equal(number(value, "holdout"), decision->holdout);
    const avro_value_t scores = member(value, "scores");
    int which = -1;
    assert_int_equal(avro_value_get_discriminant(&scores, &which), 0);
    assert_int_equal(which, 0);
}

/* The lists of one part; `done` counts what earlier parts had. */
static void check_lists(const avro_value_t *epoch, const struct qtl_epoch_record *record,
                        size_t done[3])
{
    const avro_value_t rejected = member(epoch, "rejected");
    for (size_t i = 0; i < length_of(&rejected); i++) {
        const avro_value_t value = element(&rejected, i);
        const struct qtl_rejected *const expected = &record->rejected[done[0]++];
        assert_int_equal(number(&value, "stream"), expected->stream);
        assert_int_equal(number(&value, "offset"), expected->offset);
        assert_int_equal(number(&value, "reason"), expected->reason);
    }
    const avro_value_t erasures = member(epoch, "erasures");
    for (size_t i = 0; i < length_of(&erasures); i++) {
        const avro_value_t value = element(&erasures, i);
        const struct qtl_erasure *const expected = &record->erasures[done[1]++];
        assert_text(&value, "customer_id", expected->customer_id);
        assert_int_equal(number(&value, "records_before"), expected->records_before);
        assert_int_equal(number(&value, "decisions_before"), expected->decisions_before);
    }
    const avro_value_t decisions = member(epoch, "decisions");
    for (size_t i = 0; i < length_of(&decisions); i++) {
        const avro_value_t value = element(&decisions, i);
        check_decision(&value, &record->decisions[done[2]++]);
    }
}

static void check_record(struct oracle *oracle, const struct qtl_epoch_record *record)
{
    struct qtl_epoch_record_encoder encoder;
    struct qtl_bytes bytes = {0};
    size_t done[3] = {0};
    qtl_epoch_record_begin(&encoder, record);
    for (uint32_t part = 0; qtl_epoch_record_next(&encoder, &bytes); part++) {
        go_through(oracle, &bytes);
        assert_int_equal(number(&oracle->value, "version"), QTL_EPOCH_RECORD_VERSION);
        const avro_value_t epoch = body(oracle, 0);
        assert_int_equal(number(&epoch, "part"), part);
        assert_int_equal(number(&epoch, "parts"), encoder.parts);
        check_scalars(&epoch, record);
        check_lists(&epoch, record, done);
        bytes.length = 0;
    }
    assert_int_equal(done[0], record->rejected_count);
    assert_int_equal(done[1], record->erasure_count);
    assert_int_equal(done[2], record->decision_count);
    qtl_bytes_fini(&bytes);
}

static void epochs_are_as_the_schema_says(void **state)
{
    (void)state;
    struct oracle oracle;
    oracle_init(&oracle);
    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct qtl_random random = qtl_random_seed(seed, 3);
        struct kit_record *const kit = kit_record_new(&random, seed == 60 ? 30000 : 40);
        check_record(&oracle, &kit->record);
        kit_record_free(kit);
    }
    oracle_fini(&oracle);
}

static void names_are_as_the_schema_says(void **state)
{
    (void)state;
    struct oracle oracle;
    oracle_init(&oracle);
    struct qtl_bytes bytes = {0};
    qtl_epoch_record_encode_names(&kit_names, &bytes);
    go_through(&oracle, &bytes);
    const avro_value_t names = body(&oracle, 1);
    assert_int_equal(number(&names, "rules_version"), kit_names.rules_version);
    const avro_value_t segments = member(&names, "segments");
    assert_int_equal(length_of(&segments), kit_names.segment_count);
    for (size_t i = 0; i < kit_names.segment_count; i++) {
        const avro_value_t segment = element(&segments, i);
        assert_text(&segment, "name", kit_segments[i].name);
        const avro_value_t states = member(&segment, "states");
        assert_int_equal(length_of(&states), kit_segments[i].state_count);
        for (size_t s = 0; s < kit_segments[i].state_count; s++) {
            const avro_value_t text = element(&states, s);
            assert_text(&text, NULL, kit_segments[i].states[s]);
        }
    }
    qtl_bytes_fini(&bytes);
    oracle_fini(&oracle);
}

/* A record with scores, made by libavro alone: read, and said to be from the future. */
static void scores_are_read_over(void **state)
{
    (void)state;
    struct oracle oracle;
    oracle_init(&oracle);
    struct qtl_random random = qtl_random_seed(9, 3);
    struct kit_record *const kit = kit_record_new(&random, 5);
    struct qtl_epoch_record record = kit->record;
    record.cuts_version = record.zones_version = record.erasure_count = 0;
    record.decision_count = 0;
    struct qtl_epoch_record_encoder encoder;
    struct qtl_bytes bytes = {0};
    qtl_epoch_record_begin(&encoder, &record);
    assert_true(qtl_epoch_record_next(&encoder, &bytes));
    struct qtl_state_reader reader = {0};
    assert_int_equal(qtl_state_reader_feed(&reader, kit_text_of(&bytes)), QTL_OK);
    assert_false(reader.from_future);
    go_through(&oracle, &bytes);
    const avro_value_t epoch = body(&oracle, 0);
    avro_value_t decisions = member(&epoch, "decisions");
    avro_value_t decision = {0};
    assert_int_equal(avro_value_append(&decisions, &decision, NULL), 0);
    avro_value_t field = member(&decision, "customer_id");
    assert_int_equal(avro_value_set_string(&field, "c1"), 0);
    field = member(&decision, "sequence");
    assert_int_equal(avro_value_set_long(&field, 5), 0);
    field = member(&decision, "scores");
    avro_value_t scores = {0};
    assert_int_equal(avro_value_set_branch(&field, 1, &scores), 0);
    static const char *const names[] = {"r", "f", "m"};
    for (int i = 0; i < 3; i++) {
        field = member(&scores, names[i]);
        assert_int_equal(avro_value_set_int(&field, i + 3), 0);
    }
    char written[4096];
    const avro_writer_t writer = avro_writer_memory(written, sizeof(written));
    assert_int_equal(avro_value_write(writer, &oracle.value), 0);
    const struct qtl_text text = {written, (uint32_t)avro_writer_tell(writer)};
    assert_int_equal(qtl_state_reader_feed(&reader, text), QTL_OK);
    assert_true(reader.from_future);
    assert_int_equal(reader.epoch.decision_count, 1);
    assert_int_equal(reader.epoch.decisions[0].sequence, 5);
    avro_writer_free(writer);
    qtl_bytes_fini(&bytes);
    qtl_state_reader_fini(&reader);
    kit_record_free(kit);
    oracle_fini(&oracle);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(epochs_are_as_the_schema_says),
        cmocka_unit_test(names_are_as_the_schema_says),
        cmocka_unit_test(scores_are_read_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
