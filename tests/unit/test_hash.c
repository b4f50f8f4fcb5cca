/* The hashes are part of stored formats: they must never change. Vectors from the xxhash tool. */
#include "scoring/base/hash.h"
#include "tests/unit/test.h"

static void hashes_of_known_texts(void **state)
{
    (void)state;
    assert_int_equal(qtl_hash("", 0, 0), UINT64_C(0x2d06800538d394c2));
    const struct qtl_hash128 hash = qtl_hash_128("", 0);
    assert_int_equal(hash.high, UINT64_C(0x99aa06d3014798d8));
    assert_int_equal(hash.low, UINT64_C(0x6001c324468d497f));
}

static void an_absent_event_id_hashes_to_zero(void **state)
{
    (void)state;
    struct qtl_event event = {.customer_id = {"c", 1}, .order_id = {"o", 1}};
    qtl_event_seal(&event);
    assert_int_equal(event.event_hash, 0);
    event.event_id = (struct qtl_text){"e", 1};
    qtl_event_seal(&event);
    assert_int_not_equal(event.event_hash, 0);
}

static void partitions_never_change(void **state)
{
    (void)state;
    const uint64_t hash = qtl_hash("c1", 2, 0);
    assert_int_equal(qtl_hash_partition(hash, 1), 0);
    assert_int_equal(qtl_hash_partition(hash, 1000), 966);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hashes_of_known_texts),
        cmocka_unit_test(partitions_never_change),
        cmocka_unit_test(an_absent_event_id_hashes_to_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
