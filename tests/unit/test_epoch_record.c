/*
 * Epoch records to bytes and back: random ones, in one part and in many; and everything that is no
 * record: cut, flipped, out of order, from the future. The reader must refuse it without harm.
 */
#include "tests/unit/epoch_record_kit.h"

enum { SEEDS = 300 };

static void compare_lists(const struct qtl_epoch_record *a, const struct qtl_epoch_record *b)
{
    assert_int_equal(a->rejected_count, b->rejected_count);
    for (size_t i = 0; i < a->rejected_count; i++) {
        assert_int_equal(a->rejected[i].stream, b->rejected[i].stream);
        assert_int_equal(a->rejected[i].offset, b->rejected[i].offset);
        assert_int_equal(a->rejected[i].reason, b->rejected[i].reason);
    }
    assert_int_equal(a->erasure_count, b->erasure_count);
    for (size_t i = 0; i < a->erasure_count; i++) {
        assert_true(kit_is_same(a->erasures[i].customer_id, b->erasures[i].customer_id));
        assert_int_equal(a->erasures[i].records_before, b->erasures[i].records_before);
        assert_int_equal(a->erasures[i].decisions_before, b->erasures[i].decisions_before);
    }
    assert_int_equal(a->decision_count, b->decision_count);
    for (size_t i = 0; i < a->decision_count; i++) {
        const struct qtl_transition *const left = &a->decisions[i];
        const struct qtl_transition *const right = &b->decisions[i];
        assert_true(kit_is_same(left->customer_id, right->customer_id));
        assert_int_equal(left->segment, right->segment);
        assert_int_equal(left->from, right->from);
        assert_int_equal(left->to, right->to);
        assert_int_equal(left->at, right->at);
        assert_int_equal(left->sequence, right->sequence);
        assert_int_equal(left->cause, right->cause);
        assert_int_equal(left->records_before, right->records_before);
        assert_int_equal(left->holdout, right->holdout);
    }
}

static void compare_records(const struct qtl_epoch_record *a, const struct qtl_epoch_record *b)
{
    assert_int_equal(a->sequence, b->sequence);
    assert_int_equal(a->wall, b->wall);
    assert_int_equal(a->clock, b->clock);
    assert_memory_equal(a->first_offset, b->first_offset, sizeof(a->first_offset));
    assert_memory_equal(a->next_offset, b->next_offset, sizeof(a->next_offset));
    assert_int_equal(a->rules_version, b->rules_version);
    assert_int_equal(a->cuts_version, b->cuts_version);
    assert_int_equal(a->zones_version, b->zones_version);
    assert_int_equal(a->shape, b->shape);
    assert_int_equal(a->state_hash, b->state_hash);
    assert_int_equal(a->unfinished, b->unfinished);
    assert_int_equal(a->sweep_waits, b->sweep_waits);
    compare_lists(a, b);
}

/* Writes the record and reads it back; returns in how many parts it was. */
static uint32_t go_round(const struct qtl_epoch_record *record, struct qtl_state_reader *reader)
{
    struct qtl_epoch_record_encoder encoder;
    struct qtl_bytes bytes = {0};
    qtl_epoch_record_begin(&encoder, record);
    const uint32_t parts = encoder.parts;
    for (uint32_t part = 0; part < parts; part++) {
        bytes.length = 0;
        assert_true(qtl_epoch_record_next(&encoder, &bytes));
        assert_true(bytes.length <= QTL_EPOCH_RECORD_PART_BYTES);
        assert_int_equal(qtl_state_reader_feed(reader, kit_text_of(&bytes)), QTL_OK);
        assert_int_equal(reader->type, part + 1 == parts ? QTL_STATE_EPOCH : QTL_STATE_PART);
        memset(bytes.bytes, 0xee, bytes.length); /* nobody needs them any longer */
    }
    assert_false(qtl_epoch_record_next(&encoder, &bytes));
    qtl_bytes_fini(&bytes);
    compare_records(record, &reader->epoch);
    return parts;
}

static void random_records_go_round(void **state)
{
    (void)state;
    struct qtl_state_reader reader = {0};
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct qtl_random random = qtl_random_seed(seed, 0);
        struct kit_record *const kit = kit_record_new(&random, (uint32_t)(seed % 50));
        assert_int_equal(go_round(&kit->record, &reader), 1);
        const bool has_more = kit->record.erasure_count > 0 || kit->record.cuts_version != 0 ||
                              kit->record.zones_version != 0;
        assert_int_equal(reader.from_future, has_more);
        kit_record_free(kit);
    }
    qtl_state_reader_fini(&reader);
}

static void large_records_go_round_in_parts(void **state)
{
    (void)state;
    struct qtl_state_reader reader = {0};
    uint32_t parts = 0;
    for (uint64_t seed = 1; seed <= 5; seed++) {
        struct qtl_random random = qtl_random_seed(seed, 1);
        struct kit_record *const kit = kit_record_new(&random, 60000);
        parts += go_round(&kit->record, &reader);
        kit_record_free(kit);
    }
    assert_true(parts > 20);
    qtl_state_reader_fini(&reader);
}

static void names_go_round(void **state)
{
    (void)state;
    struct qtl_state_reader reader = {0};
    struct qtl_bytes bytes = {0};
    qtl_epoch_record_encode_names(&kit_names, &bytes);
    for (int again = 0; again < 2; again++) {
        assert_int_equal(qtl_state_reader_feed(&reader, kit_text_of(&bytes)), QTL_OK);
        assert_int_equal(reader.type, QTL_STATE_NAMES);
        assert_int_equal(reader.names.rules_version, kit_names.rules_version);
        assert_int_equal(reader.names.segment_count, 2);
        for (size_t i = 0; i < 2; i++) {
            const struct qtl_segment_names *const names = &reader.names.segments[i];
            assert_true(kit_is_same(names->name, kit_segments[i].name));
            assert_int_equal(names->state_count, 2);
            assert_true(kit_is_same(names->states[0], kit_segments[i].states[0]));
            assert_true(kit_is_same(names->states[1], kit_segments[i].states[1]));
        }
    }
    for (size_t length = 0; length < bytes.length; length++) {
        const struct qtl_text cut = {bytes.bytes, (uint32_t)length};
        assert_int_equal(qtl_state_reader_feed(&reader, cut), QTL_MALFORMED);
    }
    qtl_bytes_fini(&bytes);
    qtl_state_reader_fini(&reader);
}

static void what_is_cut_or_longer_is_malformed(void **state)
{
    (void)state;
    struct qtl_random random = qtl_random_seed(3, 0);
    struct kit_record *const kit = kit_record_new(&random, 12);
    struct qtl_epoch_record_encoder encoder;
    struct qtl_bytes bytes = {0};
    struct qtl_state_reader reader = {0};
    qtl_epoch_record_begin(&encoder, &kit->record);
    assert_true(qtl_epoch_record_next(&encoder, &bytes));
    for (size_t length = 0; length < bytes.length; length++) {
        char *const cut = malloc(length + 1); /* so that a sanitizer sees who reads on */
        assert_non_null(cut);
        memcpy(cut, bytes.bytes, length);
        char *const exact = realloc(cut, length > 0 ? length : 1);
        assert_non_null(exact);
        const struct qtl_text text = {exact, (uint32_t)length};
        assert_int_equal(qtl_state_reader_feed(&reader, text), QTL_MALFORMED);
        free(exact);
    }
    qtl_bytes_put_flag(&bytes, false);
    assert_int_equal(qtl_state_reader_feed(&reader, kit_text_of(&bytes)), QTL_MALFORMED);
    bytes.length--;
    assert_int_equal(qtl_state_reader_feed(&reader, kit_text_of(&bytes)), QTL_OK);
    qtl_bytes_fini(&bytes);
    qtl_state_reader_fini(&reader);
    kit_record_free(kit);
}

static void what_is_flipped_does_no_harm(void **state)
{
    (void)state;
    struct qtl_state_reader reader = {0};
    unsigned taken = 0;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct qtl_random random = qtl_random_seed(seed, 2);
        struct kit_record *const kit = kit_record_new(&random, 8);
        struct qtl_epoch_record_encoder encoder;
        struct qtl_bytes bytes = {0};
        qtl_epoch_record_begin(&encoder, &kit->record);
        assert_true(qtl_epoch_record_next(&encoder, &bytes));
        for (int i = 0; i < 200; i++) {
            char *const victim = &bytes.bytes[qtl_random_below(&random, (uint32_t)bytes.length)];
            const char before = *victim;
            *victim = (char)qtl_random_next(&random);
            const enum qtl_status status = qtl_state_reader_feed(&reader, kit_text_of(&bytes));
            assert_true(status == QTL_OK || status == QTL_MALFORMED);
            taken += status == QTL_OK ? 1 : 0;
            *victim = before;
        }
        assert_int_equal(qtl_state_reader_feed(&reader, kit_text_of(&bytes)), QTL_OK);
        compare_records(&kit->record, &reader.epoch);
        qtl_bytes_fini(&bytes);
        kit_record_free(kit);
    }
    assert_true(taken > 100); /* a number may be another number */
    qtl_state_reader_fini(&reader);
}

/* The parts of a record of at least four. */
struct parts {
    struct kit_record *kit;
    struct qtl_bytes bytes[32];
    uint32_t count;
};

static void parts_init(struct parts *parts)
{
    struct qtl_epoch_record_encoder encoder = {.parts = 0};
    *parts = (struct parts){.kit = NULL};
    for (uint64_t seed = 1; encoder.parts < 4; seed++) {
        if (parts->kit != NULL) {
            kit_record_free(parts->kit);
        }
        struct qtl_random random = qtl_random_seed(seed, 1);
        parts->kit = kit_record_new(&random, 60000);
        qtl_epoch_record_begin(&encoder, &parts->kit->record);
    }
    assert_true(encoder.parts <= 32);
    while (qtl_epoch_record_next(&encoder, &parts->bytes[parts->count])) {
        parts->count++;
    }
}

static void parts_fini(struct parts *parts)
{
    for (uint32_t i = 0; i < parts->count; i++) {
        qtl_bytes_fini(&parts->bytes[i]);
    }
    kit_record_free(parts->kit);
}

static enum qtl_status feed_part(struct qtl_state_reader *reader, const struct parts *parts,
                                 uint32_t part)
{
    return qtl_state_reader_feed(reader, kit_text_of(&parts->bytes[part]));
}

static void parts_stand_in_order_and_together(void **state)
{
    (void)state;
    struct parts parts;
    parts_init(&parts);
    struct qtl_state_reader reader = {0};
    assert_int_equal(feed_part(&reader, &parts, 1), QTL_MALFORMED); /* no beginning */
    assert_int_equal(feed_part(&reader, &parts, 0), QTL_OK);
    assert_int_equal(feed_part(&reader, &parts, 2), QTL_MALFORMED); /* one left out */
    assert_int_equal(feed_part(&reader, &parts, 0), QTL_OK);
    assert_int_equal(feed_part(&reader, &parts, 0), QTL_MALFORMED); /* twice */
    struct qtl_bytes names = {0};
    qtl_epoch_record_encode_names(&kit_names, &names);
    assert_int_equal(feed_part(&reader, &parts, 0), QTL_OK);
    assert_int_equal(qtl_state_reader_feed(&reader, kit_text_of(&names)), QTL_MALFORMED);
    qtl_bytes_fini(&names);
    /* A part of another epoch. */
    struct qtl_epoch_record other = parts.kit->record;
    other.wall++;
    struct qtl_epoch_record_encoder encoder;
    struct qtl_bytes bytes = {0};
    qtl_epoch_record_begin(&encoder, &other);
    assert_true(qtl_epoch_record_next(&encoder, &bytes));
    bytes.length = 0;
    assert_true(qtl_epoch_record_next(&encoder, &bytes));
    assert_int_equal(feed_part(&reader, &parts, 0), QTL_OK);
    assert_int_equal(qtl_state_reader_feed(&reader, kit_text_of(&bytes)), QTL_MALFORMED);
    qtl_bytes_fini(&bytes);
    /* It is none the worse for it. */
    for (uint32_t part = 0; part < parts.count; part++) {
        assert_int_equal(feed_part(&reader, &parts, part), QTL_OK);
    }
    assert_int_equal(reader.type, QTL_STATE_EPOCH);
    compare_records(&parts.kit->record, &reader.epoch);
    qtl_state_reader_fini(&reader);
    parts_fini(&parts);
}

static void another_version_is_said_to_be_one(void **state)
{
    (void)state;
    struct qtl_state_reader reader = {0};
    struct qtl_bytes bytes = {0};
    qtl_epoch_record_encode_names(&kit_names, &bytes);
    bytes.bytes[0] = 4; /* zigzag 2 */
    assert_int_equal(qtl_state_reader_feed(&reader, kit_text_of(&bytes)), QTL_MALFORMED);
    assert_int_equal(reader.version, 2);
    bytes.bytes[0] = 2;
    assert_int_equal(qtl_state_reader_feed(&reader, kit_text_of(&bytes)), QTL_OK);
    qtl_bytes_fini(&bytes);
    qtl_state_reader_fini(&reader);
}

/* Blocks with a negative count carry their size; other Avro writers make them. */
static void blocks_with_their_size_are_read(void **state)
{
    (void)state;
    struct qtl_bytes bytes = {0};
    qtl_bytes_put_long(&bytes, QTL_EPOCH_RECORD_VERSION);
    qtl_bytes_put_long(&bytes, 1); /* names */
    qtl_bytes_put_long(&bytes, 77);
    qtl_bytes_put_long(&bytes, -1);
    qtl_bytes_put_long(&bytes, 9);
    const size_t size_place = bytes.length - 1;
    qtl_bytes_put_text(&bytes, (struct qtl_text){"a", 1});
    qtl_bytes_put_long(&bytes, 1); /* one state, then one more in a block of its own */
    qtl_bytes_put_text(&bytes, (struct qtl_text){"o", 1});
    qtl_bytes_put_long(&bytes, 1);
    qtl_bytes_put_text(&bytes, (struct qtl_text){"i", 1});
    qtl_bytes_put_long(&bytes, 0);
    qtl_bytes_put_long(&bytes, 0);
    struct qtl_state_reader reader = {0};
    assert_int_equal(qtl_state_reader_feed(&reader, kit_text_of(&bytes)), QTL_OK);
    assert_int_equal(reader.names.segment_count, 1);
    assert_int_equal(reader.names.segments[0].state_count, 2);
    assert_true(kit_is_same(reader.names.segments[0].states[1], (struct qtl_text){"i", 1}));
    bytes.bytes[size_place] = 2 * 8; /* the size is wrong */
    assert_int_equal(qtl_state_reader_feed(&reader, kit_text_of(&bytes)), QTL_MALFORMED);
    qtl_bytes_fini(&bytes);
    qtl_state_reader_fini(&reader);
}

static void numbers_go_round(void **state)
{
    (void)state;
    static const int64_t numbers[] = {0, -1, 1, 63, 64, -64, -65, INT32_MAX, INT64_MAX, INT64_MIN};
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        struct qtl_bytes bytes = {0};
        qtl_bytes_put_long(&bytes, numbers[i]);
        assert_int_equal(bytes.length, qtl_bytes_of_long(numbers[i]));
        struct qtl_bytes_cursor cursor = {.at = bytes.bytes, .end = bytes.bytes + bytes.length};
        assert_true(qtl_bytes_take_long(&cursor) == numbers[i]);
        assert_false(cursor.bad);
        assert_ptr_equal(cursor.at, cursor.end);
        qtl_bytes_fini(&bytes);
    }
    static const char too_long[] = "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02";
    struct qtl_bytes_cursor cursor = {.at = too_long, .end = too_long + 10};
    assert_int_equal(qtl_bytes_take_long(&cursor), 0);
    assert_true(cursor.bad);
}

static void keys_are_for_people(void **state)
{
    (void)state;
    char text[QTL_EPOCH_RECORD_KEY_MAX];
    assert_true(kit_is_same(qtl_epoch_record_key(3, 17, 0, text), (struct qtl_text){"3/17/0", 6}));
    assert_true(kit_is_same(qtl_epoch_record_names_key(4095, 0xabc, text),
                            (struct qtl_text){"4095/names/0000000000000abc", 27}));
    assert_true(qtl_epoch_record_key(UINT32_MAX, UINT64_MAX, UINT32_MAX, text).length <
                QTL_EPOCH_RECORD_KEY_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_records_go_round),
        cmocka_unit_test(large_records_go_round_in_parts),
        cmocka_unit_test(names_go_round),
        cmocka_unit_test(what_is_cut_or_longer_is_malformed),
        cmocka_unit_test(what_is_flipped_does_no_harm),
        cmocka_unit_test(parts_stand_in_order_and_together),
        cmocka_unit_test(another_version_is_said_to_be_one),
        cmocka_unit_test(blocks_with_their_size_are_read),
        cmocka_unit_test(numbers_go_round),
        cmocka_unit_test(keys_are_for_people),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
