/* Exact conversions: numbers, times, flags, UTF-8. */
#include "consumer/instant.h"
#include "consumer/value.h"
#include "tests/unit/test.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static struct qtl_text text_of(const char *bytes)
{
    return (struct qtl_text){bytes, (uint32_t)strlen(bytes)};
}

static void numbers_become_exact_ten_thousandths(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int places;
        int64_t value;
    } rows[] = {
        {"0", 4, 0},
        {"-0", 4, 0},
        {"29.33", 4, 293300},
        {"-29.33", 4, -293300},
        {"+5", 4, 50000},
        {" 7 ", 4, 70000},
        {"007.50", 4, 75000},
        {".5", 4, 5000},
        {"5.", 4, 50000},
        {"1e3", 4, 10000000},
        {"1.5E+2", 4, 1500000},
        {"25e-4", 4, 25},
        {"0.30000000000000004", 4, 3000},
        {"12345678901234.5678", 4, 123456789012345678},
        {"99999999999999.99994", 4, 999999999999999999},
        {"100000000000000", 4, 1000000000000000000},
        {"1e14", 4, 1000000000000000000},
        {"100000000000000.00005", 4, 1000000000000000000}, /* half, to even */
        {"0.00005", 4, 0},                                 /* half to even, down */
        {"0.00015", 4, 2},                                 /* half to even, up */
        {"0.00025", 4, 2},
        {"0.000250000000000000000000000000001", 4, 3},
        {"0.00014999999999999999999999999999", 4, 1},
        {"-0.00015", 4, -2},
        {"0.00004999", 4, 0},
        {"0.00006", 4, 1},
        {"0.000006", 4, 0},
        {"1e-999999999999999999999", 4, 0},
        {"0e999999999999", 4, 0},
        {"2933", 2, 293300},  /* cents */
        {"12345", 0, 12345},  /* scale 4 */
        {"123456", -2, 1235}, /* scale 6: half to even */
        {"123450", -2, 1234}, /* half to even */
        {"000000000000000000000000000000000000001", 4, 10000},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int64_t value = -1;
        if (!qtl_value_number(text_of(rows[i].text), rows[i].places, &value) ||
            value != rows[i].value) {
            fail_msg("%s gave %lld", rows[i].text, (long long)value);
        }
    }
}

/* Integers with a power of ten behind them, as Avro has them, are what their texts are. */
static void decimals_are_what_their_texts_are(void **state)
{
    (void)state;
    uint64_t random = 88172645463325252U;
    for (int i = 0; i < 200000; i++) {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        int64_t number = (int64_t)random >> (random >> 3 & 63);
        number = i % 16 == 0 ? INT64_MIN : i % 16 == 1 ? number / 10 * 10 + 5 : number;
        const int exponent = (int)(random >> 20 & 63) - 40;
        const int places = (int)(random >> 40) % 11 - 6;
        char text[64];
        snprintf(text, sizeof(text), "%llde%d", (long long)number, exponent);
        int64_t of_text = 0;
        int64_t of_decimal = 0;
        assert_int_equal(qtl_value_number(text_of(text), places, &of_text),
                         qtl_value_of_decimal(number, exponent, places, &of_decimal));
        assert_int_equal(of_text, of_decimal);
        assert_int_equal(qtl_value_floor(text_of(text), places, &of_text),
                         qtl_value_floor_of_decimal(number, exponent, places, &of_decimal));
        assert_int_equal(of_text, of_decimal);
    }
}

static void what_is_no_number_is_refused(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "",
        " ",
        "-",
        "+",
        ".",
        "e5",
        "1e",
        "1e+",
        "NaN",
        "nan",
        "inf",
        "-inf",
        "Infinity",
        "1,5",
        "1.2.3",
        "0x1f",
        "1 2",
        "$5",
        "5 EUR",
        "--1",
        "1e5.5",
        "1_000",
        "\xd9\xa1",
        "1e1e1",
        "100000000000000.0001",
        "1e15",
        "-1e15",
        "9223372036854775807",
        "99999999999999999999999999999999999999",
        "1e999999999999999999999",
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int64_t value = 0;
        if (qtl_value_number(text_of(rows[i]), 4, &value)) {
            fail_msg("%s was taken as %lld", rows[i], (long long)value);
        }
    }
    int64_t value = 0;
    assert_false(qtl_value_number((struct qtl_text){"1\0", 2}, 4, &value));
    assert_false(qtl_value_number((struct qtl_text){NULL, 0}, 4, &value));
}

static void finer_times_are_cut_toward_the_past(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int places;
        int64_t value;
    } rows[] = {
        {"1700000000999", -3, 1700000000},
        {"-1", -3, -1},
        {"-1000", -3, -1},
        {"-1001", -3, -2},
        {"1.9", 0, 1},
        {"-1.1", 0, -2},
        {"0.1", -6, 0},
        {"-0.1", -6, -1},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int64_t value = 77;
        assert_true(qtl_value_floor(text_of(rows[i].text), rows[i].places, &value));
        assert_int_equal(value, rows[i].value);
    }
}

static void times_in_their_forms(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint8_t form;
        int64_t second;
    } rows[] = {
        {"1970-01-01T00:00:00Z", QTL_TIME_FORM_ISO8601, 0},
        {"1990-01-01T00:00:00Z", QTL_TIME_FORM_ISO8601, 631152000},
        {"2026-11-22T03:00:00Z", QTL_TIME_FORM_ISO8601, 1795316400},
        {"2026-11-22t03:00:00z", QTL_TIME_FORM_ISO8601, 1795316400},
        {"2026-11-22 03:00:00", QTL_TIME_FORM_ISO8601, 1795316400},
        {"2026-11-22T04:00:00+01:00", QTL_TIME_FORM_ISO8601, 1795316400},
        {"2026-11-22 04:00:00 +0100", QTL_TIME_FORM_ISO8601, 1795316400},
        {"2026-11-21T22:00:00-05", QTL_TIME_FORM_ISO8601, 1795316400},
        {"2026-11-22 03:00:00 UTC", QTL_TIME_FORM_ISO8601, 1795316400},
        {"2026-11-22T03:00:00.999999999Z", QTL_TIME_FORM_ISO8601, 1795316400},
        {"2026-11-22T03:00:00,5", QTL_TIME_FORM_ISO8601, 1795316400},
        {"2026-11-22T03:00", QTL_TIME_FORM_ISO8601, 1795316400},
        {" 2026-11-22T03:00 ", QTL_TIME_FORM_ISO8601, 1795316400},
        {"2026-11-22", QTL_TIME_FORM_ANY, 1795305600},
        {"2024-02-29", QTL_TIME_FORM_ANY, 1709164800},
        {"2000-02-29", QTL_TIME_FORM_ANY, 951782400},
        {"2016-12-31T23:59:60Z", QTL_TIME_FORM_ANY, 1483228800},
        {"0000-01-01", QTL_TIME_FORM_ANY, -62167219200},
        {"9999-12-31T23:59:59Z", QTL_TIME_FORM_ANY, 253402300799},
        {"1795316400", QTL_TIME_FORM_ANY, 1795316400},
        {"1795316400.75", QTL_TIME_FORM_ANY, 1795316400},
        {"1.7953164e9", QTL_TIME_FORM_EPOCH_S, 1795316400},
        {"1795316400999", QTL_TIME_FORM_EPOCH_MS, 1795316400},
        {"1795316400999999", QTL_TIME_FORM_EPOCH_US, 1795316400},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int64_t second = -1;
        const struct qtl_conversion conversion = {.time = rows[i].form};
        if (!qtl_instant_parse(text_of(rows[i].text), conversion, &second) ||
            second != rows[i].second) {
            fail_msg("%s gave %lld", rows[i].text, (long long)second);
        }
    }
    /* A zone speaks only where the text does not. */
    const struct qtl_conversion east = {.time = QTL_TIME_FORM_ISO8601, .zone_offset_s = 3600};
    int64_t second = 0;
    assert_true(qtl_instant_parse(text_of("2026-11-22T04:00:00"), east, &second));
    assert_int_equal(second, 1795316400);
    assert_true(qtl_instant_parse(text_of("2026-11-22T03:00:00Z"), east, &second));
    assert_int_equal(second, 1795316400);
}

static void what_is_no_time_is_refused(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "",
        "yesterday",
        "2026-11-22T",
        "2026-11-22T03",
        "2026-13-01",
        "2026-00-01",
        "2026-02-29",
        "1900-02-29",
        "2026-04-31",
        "2026-11-00",
        "2026-11-22T24:00:00Z",
        "2026-11-22T03:60:00Z",
        "2026-11-22T03:00:61Z",
        "2026-11-22T03:00:00.Z",
        "2026-11-22T03:00:00+1",
        "2026-11-22T03:00:00+01:0",
        "2026-11-22T03:00:00+24:00",
        "2026-11-22T03:00:00Zx",
        "2026-11-22X03:00:00",
        "12026-11-22",
        "26-11-22",
        "2026/11/22",
        "NaN",
        "1e30",
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int64_t second = 0;
        const struct qtl_conversion conversion = {0};
        if (qtl_instant_parse(text_of(rows[i]), conversion, &second)) {
            fail_msg("%s was taken as %lld", rows[i], (long long)second);
        }
    }
    int64_t second = 0;
    const struct qtl_conversion iso = {.time = QTL_TIME_FORM_ISO8601};
    const struct qtl_conversion epoch = {.time = QTL_TIME_FORM_EPOCH_S};
    assert_false(qtl_instant_parse(text_of("1795316400"), iso, &second));
    assert_false(qtl_instant_parse(text_of("2026-11-22"), epoch, &second));
}

/* Every day of four centuries, against a count that cannot be wrong. */
static void days_follow_each_other(void **state)
{
    (void)state;
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int64_t expected = -62167219200; /* 0000-01-01 */
    for (int year = 0; year < 2401; year++) {
        const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
        for (int month = 1; month <= 12; month++) {
            const int days = lengths[month - 1] + (month == 2 && leap ? 1 : 0);
            for (int day = 1; day <= days; day++) {
                char text[32];
                snprintf(text, sizeof(text), "%04d-%02d-%02d", year, month, day);
                int64_t second = 0;
                assert_true(qtl_instant_parse(text_of(text), (struct qtl_conversion){0}, &second));
                assert_int_equal(second, expected);
                expected += 86400;
            }
        }
    }
}

static void flags_are_six_words(void **state)
{
    (void)state;
    bool value = false;
    assert_true(qtl_value_flag(text_of("true"), &value) && value);
    assert_true(qtl_value_flag(text_of("YES"), &value) && value);
    assert_true(qtl_value_flag(text_of(" 1 "), &value) && value);
    assert_true(qtl_value_flag(text_of("False"), &value) && !value);
    assert_true(qtl_value_flag(text_of("no"), &value) && !value);
    assert_true(qtl_value_flag(text_of("0"), &value) && !value);
    static const char *const rows[] = {"", "y", "tru", "truee", "2", "on", "\x11"};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_false(qtl_value_flag(text_of(rows[i]), &value));
    }
}

static void utf8_is_checked_strictly(void **state)
{
    (void)state;
    static const char *const good[] = {
        "",
        "plain ascii, longer than eight",
        "\xc3\xa9",
        "\xe2\x82\xac",
        "\xf0\x9f\x9b\x92",
        "\xed\x9f\xbf",
        "\xee\x80\x80",
        "\xf4\x8f\xbf\xbf",
        "12345678\xc3\xa9 and on",
    };
    static const char *const bad[] = {
        "\xff",
        "\x80",
        "\xc0\x80",
        "\xc1\xbf",
        "\xe0\x9f\xbf",
        "\xed\xa0\x80",
        "\xf0\x8f\xbf\xbf",
        "\xf4\x90\x80\x80",
        "\xf5\x80\x80\x80",
        "\xc3",
        "\xe2\x82",
        "\xf0\x9f\x9b",
        "\xc3(",
        "12345678\xe2(\xa1",
        "1234567\xc3",
    };
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_true(qtl_value_is_utf8(text_of(good[i])));
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(qtl_value_is_utf8(text_of(bad[i])));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_become_exact_ten_thousandths),
        cmocka_unit_test(decimals_are_what_their_texts_are),
        cmocka_unit_test(what_is_no_number_is_refused),
        cmocka_unit_test(finer_times_are_cut_toward_the_past),
        cmocka_unit_test(times_in_their_forms),
        cmocka_unit_test(what_is_no_time_is_refused),
        cmocka_unit_test(days_follow_each_other),
        cmocka_unit_test(flags_are_six_words),
        cmocka_unit_test(utf8_is_checked_strictly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
