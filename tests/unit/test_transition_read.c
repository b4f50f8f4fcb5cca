/* What the writers of transitions and states make, the reader reads; what is none of them it
 * refuses. */
#include "tests/unit/test.h"

#include "scoring/base/arena.h"
#include "sinks/json_write.h"
#include "sinks/transition_read.h"

#include <string.h>

static enum qtl_status read_change(const char *document, struct qtl_arena *arena,
                                   struct qtl_transition_fields *fields)
{
    struct qtl_transition_read *const read = qtl_transition_read_new();
    const enum qtl_status status =
        qtl_transition_read_change(read, qtl_text_of(document), arena, fields);
    qtl_transition_read_free(read);
    return status;
}

static void assert_text(struct qtl_text text, const char *wanted)
{
    assert_int_equal(text.length, strlen(wanted));
    assert_memory_equal(text.bytes, wanted, text.length);
}

static void test_a_transition(void **state)
{
    (void)state;
    struct qtl_arena arena = {0};
    struct qtl_transition_fields fields;
    assert_int_equal(
        read_change("{\"id\":\"19a6\",\"customer_id\":\"0244\",\"sequence\":2,\"segment\":\"vip\","
                    "\"from\":\"out\",\"to\":\"in\",\"at\":\"1997-02-03T00:00:00Z\",\"cause\":"
                    "\"order\",\"evidence\":{\"spend(365d)\":12345678901234.5678,\"orders()\":4,"
                    "\"in(x)\":true,\"last(order)\":\"1997-02-03T00:00:00Z\"},\"rules_version\":"
                    "\"85\",\"holdout\":false,\"scores_before\":{\"segment\":\"no\"},\"epoch\":7}",
                    &arena, &fields),
        QTL_OK);
    assert_text(fields.id, "19a6");
    assert_text(fields.customer_id, "0244");
    assert_text(fields.segment, "vip");
    assert_text(fields.from, "out");
    assert_text(fields.to, "in");
    assert_text(fields.at, "1997-02-03T00:00:00Z");
    assert_text(fields.cause, "order");
    assert_int_equal(fields.sequence, 2);
    assert_int_equal(fields.pair_count, 4);
    assert_text(fields.pairs[0].name, "spend(365d)");
    assert_text(fields.pairs[0].value, "12345678901234.5678");
    assert_text(fields.pairs[2].value, "true");
    assert_text(fields.pairs[3].value, "1997-02-03T00:00:00Z");
    qtl_arena_fini(&arena);
}

/* Whatever an id is made of comes back, byte for byte. */
static void test_odd_ids(void **state)
{
    (void)state;
    static const char *const ids[] = {"a b",
                                      "a:b:{c}",
                                      "line\nend\r\ttab",
                                      "quote\"back\\slash/",
                                      "\x01\x1f",
                                      "Žluťoučký 客户 \xf0\x9f\x9b\x92",
                                      "820982911946154508",
                                      "\xff\xfe not UTF-8"};
    struct qtl_json_buffer json = {0};
    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        struct qtl_arena arena = {0};
        struct qtl_transition_fields fields;
        json.length = 0;
        qtl_json_raw(&json, "{\"customer_id\":");
        qtl_json_string(&json, qtl_text_of(ids[i]));
        qtl_json_raw(&json, ",\"sequence\":4294967295,\"segment\":\"s\",\"at\":\"x\"}");
        qtl_json_reserve(&json, 1);
        json.bytes[json.length] = '\0';
        assert_int_equal(read_change(json.bytes, &arena, &fields), QTL_OK);
        assert_text(fields.customer_id, ids[i]);
        assert_int_equal(fields.sequence, UINT32_MAX);
        assert_int_equal(fields.pair_count, 0);
        qtl_arena_fini(&arena);
    }
    qtl_json_buffer_fini(&json);
}

static void test_what_is_no_transition(void **state)
{
    (void)state;
    static const char *const documents[] = {
        "",
        "null",
        "[]",
        "{}",
        "[{\"customer_id\":\"c\",\"sequence\":1,\"segment\":\"s\",\"at\":\"x\"}]",
        "{\"customer_id\":\"\",\"sequence\":1,\"segment\":\"s\",\"at\":\"x\"}",
        "{\"customer_id\":5,\"sequence\":1,\"segment\":\"s\",\"at\":\"x\"}",
        "{\"customer_id\":\"c\",\"segment\":\"s\",\"at\":\"x\"}",
        "{\"customer_id\":\"c\",\"sequence\":0,\"segment\":\"s\",\"at\":\"x\"}",
        "{\"customer_id\":\"c\",\"sequence\":-1,\"segment\":\"s\",\"at\":\"x\"}",
        "{\"customer_id\":\"c\",\"sequence\":1.5,\"segment\":\"s\",\"at\":\"x\"}",
        "{\"customer_id\":\"c\",\"sequence\":4294967296,\"segment\":\"s\",\"at\":\"x\"}",
        "{\"customer_id\":\"c\",\"sequence\":99999999999999999999,\"segment\":\"s\",\"at\":\"x\"}",
        "{\"customer_id\":\"c\",\"sequence\":1,\"at\":\"x\"}",
        "{\"customer_id\":\"c\",\"sequence\":1,\"segment\":\"s\"}",
        "{\"customer_id\":\"c\",\"sequence\":1,\"segment\":\"s\",\"at\":\"x\"",
        "{\"customer_id\":\"c\",\"sequence\":1,\"segment\":\"s\",\"at\":\"x\"}{}",
        "{\"customer_id\":\"c\",\"sequence\":1,\"segment\":\"s\",\"at\":\"x}",
        "{\"deep\":{\"customer_id\":\"c\",\"sequence\":1,\"segment\":\"s\",\"at\":\"x\"}}",
    };
    for (size_t i = 0; i < sizeof(documents) / sizeof(documents[0]); i++) {
        struct qtl_arena arena = {0};
        struct qtl_transition_fields fields;
        assert_int_equal(read_change(documents[i], &arena, &fields), QTL_MALFORMED);
        qtl_arena_fini(&arena);
    }
}

static void test_a_state(void **state)
{
    (void)state;
    struct qtl_arena arena = {0};
    struct qtl_transition_fields fields;
    struct qtl_transition_read *const read = qtl_transition_read_new();
    const struct qtl_text document =
        qtl_text_of("{\"customer_id\":\"c1\",\"sequence\":3,\"at\":\"2026-01-01T00:00:00Z\","
                    "\"segments\":{\"vip\":\"in\",\"tier\":\"gold\"},\"rules_version\":\"8\"}");
    assert_int_equal(qtl_transition_read_change(read, document, &arena, &fields), QTL_MALFORMED);
    assert_int_equal(qtl_transition_read_state(read, document, &arena, &fields), QTL_OK);
    assert_int_equal(fields.sequence, 3);
    assert_int_equal(fields.pair_count, 2);
    assert_text(fields.pairs[1].name, "tier");
    assert_text(fields.pairs[1].value, "gold");
    qtl_transition_read_free(read);
    qtl_arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_transition),
        cmocka_unit_test(test_odd_ids),
        cmocka_unit_test(test_what_is_no_transition),
        cmocka_unit_test(test_a_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
