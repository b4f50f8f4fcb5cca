/* Avro's binary numbers: exact, and what their texts are. */
#include "consumer/avro_number.h"
#include "consumer/value.h"
#include "tests/unit/test.h"

#include <stdio.h>
#include <string.h>

static char scratch[QTL_AVRO_NUMBER_TEXT_MAX];

/* Ten-thousandths; INT64_MIN where it is none. */
static int64_t value_of(const struct qtl_slot *slot)
{
    int64_t value = 0;
    const bool good = slot->type == QTL_SLOT_DECIMAL
                          ? qtl_value_of_decimal(slot->number, slot->exponent, 4, &value)
                          : qtl_value_number(slot->text, 4, &value);
    return good ? value : INT64_MIN;
}

static void doubles_are_their_shortest_text(void **state)
{
    (void)state;
    static const struct {
        double number;
        int64_t value;
        const char *text;
    } rows[] = {
        {0.0, 0, "0"},
        {-0.0, 0, "-0"},
        {0.1, 1000, "0.1"},
        {0.30000000000000004, 3000, "0.30000000000000004"},
        {29.33, 293300, "29.33"},
        {-29.33, -293300, "-29.33"},
        {0.00005, 0, "5e-05"},   /* half, to even, by its text; its bits are above a half */
        {0.00015, 2, "0.00015"}, /* its bits are below a half */
        {0.00025, 2, "0.00025"},
        {1.00005, 10000, "1.00005"}, /* half to even */
        {1e14, INT64_C(1000000000000000000), "100000000000000"},
        {1.0000000000001e14, INT64_MIN, "100000000000010"},
        {99999999999.9999, INT64_C(999999999999999), "99999999999.9999"},
        {12345678901234.56, INT64_C(123456789012345600), "12345678901234.56"},
        {9007199254740993.0, INT64_MIN, "9007199254740992"},
        {1e300, INT64_MIN, "1e+300"},
        {5e-324, 0, "4.94065645841247e-324"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct qtl_slot slot = {0};
        qtl_avro_number_double(rows[i].number, false, scratch, &slot);
        if (value_of(&slot) != rows[i].value) {
            fail_msg("%s gave %lld", rows[i].text, (long long)value_of(&slot));
        }
        slot = (struct qtl_slot){0};
        qtl_avro_number_double(rows[i].number, true, scratch, &slot);
        assert_int_equal(slot.type, QTL_SLOT_NUMBER);
        assert_int_equal(slot.text.length, strlen(rows[i].text));
        assert_memory_equal(slot.text.bytes, rows[i].text, slot.text.length);
    }
}

static void floats_are_theirs(void **state)
{
    (void)state;
    static const struct {
        float number;
        int64_t value;
    } rows[] = {
        {0.1F, 1000},       {29.33F, 293300},        {16777.217F, 167772170},  {-0.25F, -2500},
        {99.9999F, 999999}, {123456.7F, 1234567000}, {1e10F, 100000000000000}, {0.00005F, 0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct qtl_slot slot = {0};
        qtl_avro_number_float(rows[i].number, false, scratch, &slot);
        assert_int_equal(value_of(&slot), rows[i].value);
    }
}

static void what_is_no_number_is_none(void **state)
{
    (void)state;
    static const double rows[] = {(double)__builtin_nanf(""), (double)__builtin_inff(),
                                  -(double)__builtin_inff()};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct qtl_slot slot = {0};
        qtl_avro_number_double(rows[i], false, scratch, &slot);
        assert_int_equal(value_of(&slot), INT64_MIN);
        slot = (struct qtl_slot){0};
        qtl_avro_number_float((float)rows[i], true, scratch, &slot);
        assert_int_equal(slot.text.length, 0);
    }
}

static struct qtl_slot decimal(const void *bytes, size_t length, uint16_t scale, bool as_text)
{
    struct qtl_slot slot = {0};
    qtl_avro_number_decimal((struct qtl_text){bytes, (uint32_t)length}, scale, as_text, scratch,
                            &slot);
    return slot;
}

static void assert_id(const void *bytes, size_t length, uint16_t scale, const char *expected)
{
    const struct qtl_slot slot = decimal(bytes, length, scale, true);
    assert_int_equal(slot.text.length, strlen(expected));
    assert_memory_equal(slot.text.bytes, expected, slot.text.length);
}

static void decimals_of_any_length(void **state)
{
    (void)state;
    static const unsigned char tenths[] = {0x01, 0x25};                   /* 293 */
    static const unsigned char lowest[] = {0x80, 0, 0, 0, 0, 0, 0, 0};    /* -2^63 */
    static const unsigned char beyond[] = {0, 0x80, 0, 0, 0, 0, 0, 0, 0}; /* 2^63 */
    static const unsigned char ones[] = {0xff, 0xff, 0xff, 0xff, 0xff,
                                         0xff, 0xff, 0xff, 0xff, 0xff};
    struct qtl_slot slot = decimal(tenths, 2, 1, false);
    assert_int_equal(value_of(&slot), 293000);
    slot = decimal(lowest, 8, 9, false);
    assert_int_equal(value_of(&slot), INT64_C(-92233720368548));
    slot = decimal(beyond, 9, 9, false);
    assert_int_equal(value_of(&slot), INT64_C(92233720368548));
    slot = decimal(ones, sizeof(ones), 0, false); /* -1, with more bytes than it needs */
    assert_int_equal(value_of(&slot), -10000);
    slot = decimal("", 0, 0, false);
    assert_int_equal(value_of(&slot), INT64_MIN);
    assert_id(beyond, 9, 0, "9223372036854775808");
    assert_id(lowest, 8, 0, "-9223372036854775808");
    assert_id(lowest, 8, 18, "-9.223372036854775808");
    assert_id(tenths, 2, 2, "2.93");
    assert_id(tenths, 2, 5, "0.00293");
    assert_id("\0", 1, 2, "0.00");
}

/* 10^616 has 256 bytes: with a scale of 616 it is one. */
static void the_longest_that_is_read(void **state)
{
    (void)state;
    static unsigned char bytes[QTL_AVRO_NUMBER_BYTES_MAX + 1];
    enum { DIGITS = 616 };
    bytes[sizeof(bytes) - 1] = 1;
    for (int i = 0; i < DIGITS; i++) {
        unsigned carry = 0;
        for (size_t j = sizeof(bytes); j-- > 0;) {
            carry += bytes[j] * 10U;
            bytes[j] = (unsigned char)carry;
            carry >>= 8;
        }
    }
    assert_int_equal(bytes[0], 0);
    struct qtl_slot slot = decimal(bytes, sizeof(bytes), DIGITS, false);
    assert_int_equal(value_of(&slot), 10000);
    slot = decimal(bytes, sizeof(bytes), DIGITS - 14, false);
    assert_int_equal(value_of(&slot), INT64_C(1000000000000000000));
    bytes[0] = 1; /* a byte too many */
    slot = decimal(bytes, sizeof(bytes), DIGITS, false);
    assert_int_equal(value_of(&slot), INT64_MIN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(doubles_are_their_shortest_text), cmocka_unit_test(floats_are_theirs),
        cmocka_unit_test(what_is_no_number_is_none),       cmocka_unit_test(decimals_of_any_length),
        cmocka_unit_test(the_longest_that_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
