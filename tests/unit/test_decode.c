/* Bytes to events: what is taken, exactly, and which reason wins where a record is not. */
#include "consumer/config.h"
#include "consumer/decode.h"
#include "scoring/rules.h"
#include "tests/unit/test.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOON INT64_C(1795348800) /* 2026-11-22T12:00:00Z */
#define GOOD "\"customer_id\":\"c1\",\"order_id\":\"o1\",\"occurred_at\":1795348800"
#define LIKED "\"customer_id\":\"c1\",\"kind\":\"page_view\",\"occurred_at\":1795348800"

static struct qtl_text text_of(const char *bytes)
{
    return (struct qtl_text){bytes, (uint32_t)strlen(bytes)};
}

static enum qtl_reason decode_bytes(struct qtl_decoder *decoder, struct qtl_text value,
                                    int64_t timestamp_ms, struct qtl_event *event)
{
    const struct qtl_log_record record = {
        .timestamp_ms = timestamp_ms, .value = value, .has_value = true};
    return qtl_decode(decoder, &record, event);
}

static enum qtl_reason decode(struct qtl_decoder *decoder, const char *value,
                              struct qtl_event *event)
{
    return decode_bytes(decoder, text_of(value), QTL_TIME_ABSENT, event);
}

static void assert_text(struct qtl_text text, const char *expected)
{
    if (text.length != strlen(expected) || memcmp(text.bytes, expected, text.length) != 0) {
        fail_msg("%.*s is not %s", (int)text.length, text.bytes, expected);
    }
}

static void an_order_with_everything(void **state)
{
    (void)state;
    struct qtl_decoder *const decoder = qtl_decoder_new(QTL_STREAM_ORDERS, NULL, NULL);
    struct qtl_event event;
    assert_int_equal(
        decode(
            decoder,
            "{\"customer_id\":\"c\\u00e9\",\"order_id\":820982911946154508,"
            "\"event_id\":\"e/1\",\"kind\":\"returned\",\"occurred_at\":\"2026-11-22T12:00:00Z\","
            "\"placed_at\":1700000000,\"amount\":\"19.99\",\"margin\":-3.5,\"items\":2,"
            "\"discount\":0.5,\"currency\":\"usd\",\"other\":{\"amount\":[1,2]}}",
            &event),
        QTL_REASON_NONE);
    assert_text(event.customer_id, "c\xc3\xa9");
    assert_text(event.order_id, "820982911946154508");
    assert_text(event.event_id, "e/1");
    assert_int_equal(event.stream, QTL_STREAM_ORDERS);
    assert_int_equal(event.kind, QTL_ORDER_RETURNED);
    assert_int_equal(event.occurred_at, NOON);
    assert_int_equal(event.placed_at, 1700000000);
    assert_int_equal(event.amount_e4, 199900);
    assert_int_equal(event.margin_e4, -35000);
    assert_int_equal(event.items_e4, 20000);
    assert_int_equal(event.discount_e4, 5000);
    assert_int_not_equal(event.customer_hash, 0);
    assert_int_not_equal(event.event_hash, 0);
    qtl_decoder_free(decoder);
}

static void what_is_absent_takes_its_default(void **state)
{
    (void)state;
    struct qtl_decoder *const decoder = qtl_decoder_new(QTL_STREAM_ORDERS, NULL, NULL);
    struct qtl_event event;
    assert_int_equal(decode(decoder,
                            "{" GOOD ",\"amount\":5,\"event_id\":null,\"items\":null,"
                            "\"margin\":null,\"kind\":null,\"currency\":null,\"placed_at\":null}",
                            &event),
                     QTL_REASON_NONE);
    assert_int_equal(event.kind, QTL_ORDER_PLACED);
    assert_int_equal(event.event_id.length, 0);
    assert_int_equal(event.event_hash, 0);
    assert_int_equal(event.placed_at, QTL_TIME_ABSENT);
    assert_int_equal(event.amount_e4, 50000);
    assert_int_equal(event.margin_e4, 0);
    assert_int_equal(event.items_e4, QTL_E4);
    assert_int_equal(event.discount_e4, 0);
    assert_int_equal(decode(decoder, "{" GOOD ",\"kind\":\"cancelled\"}", &event), QTL_REASON_NONE);
    assert_int_equal(event.kind, QTL_ORDER_CANCELLED);
    /* When a placed order was placed is when it occurred. */
    assert_int_equal(decode(decoder, "{" GOOD ",\"amount\":5,\"placed_at\":1700000000}", &event),
                     QTL_REASON_NONE);
    assert_int_equal(event.placed_at, QTL_TIME_ABSENT);
    qtl_decoder_free(decoder);
}

struct expectation {
    const char *value;
    enum qtl_reason reason;
};

static void check_reasons(struct qtl_decoder *decoder, const struct expectation *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct qtl_event event;
        const enum qtl_reason reason = decode(decoder, rows[i].value, &event);
        if (reason != rows[i].reason) {
            fail_msg("%s: %s, not %s", rows[i].value, qtl_reason_code(reason),
                     qtl_reason_code(rows[i].reason));
        }
        /* A bad record leaves no trace in the decoder: the next good one is taken. */
        if (qtl_decoder_stream(decoder) == QTL_STREAM_ORDERS) {
            assert_int_equal(decode(decoder, "{" GOOD ",\"amount\":1}", &event), QTL_REASON_NONE);
        }
    }
}

static void documents_that_do_not_parse(void **state)
{
    (void)state;
    static const struct expectation rows[] = {
        {"", QTL_REASON_MALFORMED},
        {" ", QTL_REASON_MALFORMED},
        {"{", QTL_REASON_MALFORMED},
        {"{" GOOD ",\"amount\":5", QTL_REASON_MALFORMED},
        {"{" GOOD ",\"amount\":", QTL_REASON_MALFORMED},
        {"{" GOOD ",\"amount\":\"5", QTL_REASON_MALFORMED},
        {"{" GOOD ",\"amount\":\"5\\", QTL_REASON_MALFORMED},
        {"{" GOOD ",\"amount\":\"5\\u00", QTL_REASON_MALFORMED},
        {"{" GOOD ",\"amount\":5,}", QTL_REASON_MALFORMED},
        {"{" GOOD ",\"amount\":5}}", QTL_REASON_MALFORMED},
        {"{" GOOD ",\"amount\":5}{}", QTL_REASON_MALFORMED},
        {"{" GOOD ",\"amount\":5} 1", QTL_REASON_MALFORMED},
        {"{" GOOD ",\"amount\":5}1", QTL_REASON_MALFORMED},
        {"{" GOOD ",\"amount\":5}\"", QTL_REASON_MALFORMED},
        {"{" GOOD ",\"amount\":5}\":5}", QTL_REASON_MALFORMED},
        {"{" GOOD ",\"amount\":5}tru", QTL_REASON_MALFORMED},
        {"{" GOOD ",\"amount\":5},", QTL_REASON_MALFORMED},
        {"{" GOOD ",\f\"amount\":5}", QTL_REASON_MALFORMED},
        {"{" GOOD ",\"amount\":5}\v", QTL_REASON_MALFORMED},
        {"{" GOOD ",\"amount\":5} \n\t\r", QTL_REASON_NONE},
        {"{" GOOD " \"amount\":5}", QTL_REASON_MALFORMED},
        {"{" GOOD ",\"amount\" 5}", QTL_REASON_MALFORMED},
        {"{" GOOD ",\"amount\":NaN}", QTL_REASON_MALFORMED},
        {"{" GOOD ",\"amount\":-Infinity}", QTL_REASON_MALFORMED},
        {"{" GOOD ",\"amount\":05}", QTL_REASON_MALFORMED},
        {"{" GOOD ",\"amount\":+5}", QTL_REASON_MALFORMED},
        {"{" GOOD ",\"amount\":5.}", QTL_REASON_MALFORMED},
        {"{" GOOD ",\"amount\":0x5}", QTL_REASON_MALFORMED},
        {"{" GOOD ",'amount':5}", QTL_REASON_MALFORMED},
        {"{" GOOD ",\"amount\":5 /* five */}", QTL_REASON_MALFORMED},
        {"[{" GOOD ",\"amount\":5}]", QTL_REASON_MALFORMED},
        {"5", QTL_REASON_MALFORMED},
        {"null", QTL_REASON_MALFORMED},
        {"\"text\"", QTL_REASON_MALFORMED},
        {"\xef\xbb\xbf{" GOOD ",\"amount\":5}", QTL_REASON_MALFORMED},
        {"{" GOOD ",\"amount\":5,\"note\":\"\xff\"}", QTL_REASON_MALFORMED},
        {"{" GOOD ",\"amount\":5,\"note\":\"\xed\xa0\x80\"}", QTL_REASON_MALFORMED},
        {"{" GOOD ",\"amount\":5,\"note\":\"line\nend\"}", QTL_REASON_MALFORMED},
        {"{" GOOD ",\"amount\":5,\"note\":\"\\x\"}", QTL_REASON_MALFORMED},
    };
    struct qtl_decoder *const decoder = qtl_decoder_new(QTL_STREAM_ORDERS, NULL, NULL);
    check_reasons(decoder, rows, sizeof(rows) / sizeof(rows[0]));
    struct qtl_event event;
    const struct qtl_log_record tombstone = {.timestamp_ms = QTL_TIME_ABSENT};
    assert_int_equal(qtl_decode(decoder, &tombstone, &event), QTL_REASON_MALFORMED);
    static const char with_nul[] = "{" GOOD ",\"amount\":5}";
    const struct qtl_text nul = {with_nul, sizeof(with_nul)};
    assert_int_equal(decode_bytes(decoder, nul, QTL_TIME_ABSENT, &event), QTL_REASON_MALFORMED);
    qtl_decoder_free(decoder);
}

/* A record cut anywhere is malformed, and the decoder goes on. */
static void every_cut_of_a_record_is_malformed(void **state)
{
    (void)state;
    static const char whole[] =
        "{" GOOD ",\"amount\":-1.5e+3,\"note\":[{\"a\":\"\\u00e9\\n\"},null,"
        "true,false,-0.5],\"kind\":\"cancelled\"}";
    struct qtl_decoder *const decoder = qtl_decoder_new(QTL_STREAM_ORDERS, NULL, NULL);
    struct qtl_event event;
    for (uint32_t length = 0; length < sizeof(whole) - 1; length++) {
        const struct qtl_text cut = {whole, length};
        assert_int_equal(decode_bytes(decoder, cut, QTL_TIME_ABSENT, &event), QTL_REASON_MALFORMED);
    }
    assert_int_equal(decode(decoder, whole, &event), QTL_REASON_BAD_AMOUNT);
    qtl_decoder_free(decoder);
}

static void reasons_of_orders(void **state)
{
    (void)state;
    static const struct expectation rows[] = {
        /* wrong types */
        {"{" GOOD ",\"amount\":true}", QTL_REASON_MALFORMED},
        {"{" GOOD ",\"amount\":{}}", QTL_REASON_MALFORMED},
        {"{" GOOD ",\"amount\":[5]}", QTL_REASON_MALFORMED},
        {"{" GOOD ",\"amount\":5,\"kind\":1}", QTL_REASON_MALFORMED},
        {"{" GOOD ",\"amount\":5,\"event_id\":{}}", QTL_REASON_MALFORMED},
        {"{\"customer_id\":true,\"order_id\":1,\"occurred_at\":1795348800,\"amount\":5}",
         QTL_REASON_MALFORMED},
        /* missing */
        {"{}", QTL_REASON_MISSING_FIELD},
        {"{" GOOD "}", QTL_REASON_MISSING_FIELD},
        {"{" GOOD ",\"amount\":null}", QTL_REASON_MISSING_FIELD},
        {"{" GOOD ",\"kind\":\"amended\"}", QTL_REASON_MISSING_FIELD},
        {"{\"customer_id\":\"c\",\"occurred_at\":1795348800,\"amount\":5}",
         QTL_REASON_MISSING_FIELD},
        {"{\"customer_id\":\"c\",\"order_id\":\"\",\"occurred_at\":1795348800,\"amount\":5}",
         QTL_REASON_MISSING_FIELD},
        {"{\"customer_id\":null,\"order_id\":1,\"occurred_at\":1795348800,\"amount\":5}",
         QTL_REASON_MISSING_FIELD},
        {"{\"customer_id\":\"c\",\"order_id\":1,\"amount\":5}", QTL_REASON_MISSING_FIELD},
        /* customers */
        {"{\"customer_id\":\"\",\"order_id\":1,\"occurred_at\":1795348800,\"amount\":5}",
         QTL_REASON_BAD_CUSTOMER_ID},
        {"{\"customer_id\":\"a\xff\",\"order_id\":1,\"occurred_at\":1795348800,\"amount\":5}",
         QTL_REASON_BAD_CUSTOMER_ID},
        {"{\"customer_id\":\"a\\ud800\",\"order_id\":1,\"occurred_at\":1795348800,\"amount\":5}",
         QTL_REASON_BAD_CUSTOMER_ID},
        {"{\"customer_id\":\"a\\udc00\",\"order_id\":1,\"occurred_at\":1795348800,\"amount\":5}",
         QTL_REASON_BAD_CUSTOMER_ID},
        {"{\"customer_id\":\"\\ud800\\u0041\",\"order_id\":1,\"occurred_at\":5,\"amount\":5}",
         QTL_REASON_BAD_CUSTOMER_ID},
        {"{\"customer_id\":\"a\xff\",\"order_id\":1,\"occurred_at\":5,\"amount\":5,\"x\":\"\xff\"}",
         QTL_REASON_MALFORMED},
        {"{\"customer_id\":\"\\udc00\\ud800\",\"order_id\":1,\"occurred_at\":5,\"amount\":5}",
         QTL_REASON_BAD_CUSTOMER_ID},
        /* times */
        {"{\"customer_id\":1,\"order_id\":1,\"amount\":5,\"occurred_at\":0}", QTL_REASON_BAD_TIME},
        {"{\"customer_id\":1,\"order_id\":1,\"amount\":5,\"occurred_at\":631151999}",
         QTL_REASON_BAD_TIME},
        {"{\"customer_id\":1,\"order_id\":1,\"amount\":5,\"occurred_at\":631152000}",
         QTL_REASON_NONE},
        {"{\"customer_id\":1,\"order_id\":1,\"amount\":5,\"occurred_at\":4133980799}",
         QTL_REASON_NONE},
        {"{\"customer_id\":1,\"order_id\":1,\"amount\":5,\"occurred_at\":4133980800}",
         QTL_REASON_BAD_TIME},
        {"{\"customer_id\":1,\"order_id\":1,\"amount\":5,\"occurred_at\":\"9999-12-31\"}",
         QTL_REASON_BAD_TIME},
        {"{\"customer_id\":1,\"order_id\":1,\"amount\":5,\"occurred_at\":1795348800000000}",
         QTL_REASON_BAD_TIME},
        {"{\"customer_id\":1,\"order_id\":1,\"amount\":5,\"occurred_at\":\"\"}",
         QTL_REASON_BAD_TIME},
        {"{\"customer_id\":1,\"order_id\":1,\"amount\":5,\"occurred_at\":\"soon\"}",
         QTL_REASON_BAD_TIME},
        {"{" GOOD ",\"amount\":5,\"kind\":\"returned\",\"placed_at\":\"x\"}", QTL_REASON_BAD_TIME},
        {"{" GOOD ",\"amount\":5,\"kind\":\"returned\",\"placed_at\":5}", QTL_REASON_BAD_TIME},
        {"{" GOOD ",\"amount\":5,\"kind\":\"returned\",\"placed_at\":\"9999-01-01\"}",
         QTL_REASON_NONE},
    };
    struct qtl_decoder *const decoder = qtl_decoder_new(QTL_STREAM_ORDERS, NULL, NULL);
    check_reasons(decoder, rows, sizeof(rows) / sizeof(rows[0]));
    qtl_decoder_free(decoder);
}

static void reasons_of_kinds_and_numbers(void **state)
{
    (void)state;
    static const struct expectation rows[] = {
        /* kind, currency */
        {"{" GOOD ",\"amount\":5,\"kind\":\"Placed\"}", QTL_REASON_UNKNOWN_KIND},
        {"{" GOOD ",\"kind\":\"refunded\"}", QTL_REASON_UNKNOWN_KIND},
        {"{" GOOD ",\"amount\":5,\"kind\":\"\"}", QTL_REASON_UNKNOWN_KIND},
        {"{" GOOD ",\"amount\":5,\"currency\":\"EUR\"}", QTL_REASON_UNKNOWN_CURRENCY},
        {"{" GOOD ",\"amount\":5,\"currency\":\"\"}", QTL_REASON_UNKNOWN_CURRENCY},
        {"{" GOOD ",\"amount\":5,\"currency\":\"USDT\"}", QTL_REASON_UNKNOWN_CURRENCY},
        /* numbers */
        {"{" GOOD ",\"amount\":\"NaN\"}", QTL_REASON_BAD_AMOUNT},
        {"{" GOOD ",\"amount\":\"\"}", QTL_REASON_BAD_AMOUNT},
        {"{" GOOD ",\"amount\":\"Infinity\"}", QTL_REASON_BAD_AMOUNT},
        {"{" GOOD ",\"amount\":-0.01}", QTL_REASON_BAD_AMOUNT},
        {"{" GOOD ",\"amount\":-0.00001}", QTL_REASON_NONE},
        {"{" GOOD ",\"amount\":1e15}", QTL_REASON_BAD_AMOUNT},
        {"{" GOOD ",\"amount\":1e400}", QTL_REASON_BAD_AMOUNT},
        {"{" GOOD ",\"amount\":9223372036854775808}", QTL_REASON_BAD_AMOUNT},
        {"{" GOOD ",\"amount\":100000000000000}", QTL_REASON_NONE},
        {"{" GOOD ",\"amount\":5,\"items\":-1}", QTL_REASON_BAD_AMOUNT},
        {"{" GOOD ",\"amount\":5,\"discount\":-1}", QTL_REASON_BAD_AMOUNT},
        {"{" GOOD ",\"amount\":5,\"margin\":-1}", QTL_REASON_NONE},
        {"{" GOOD ",\"amount\":5,\"margin\":\"x\"}", QTL_REASON_BAD_AMOUNT},
        {"{" GOOD ",\"kind\":\"cancelled\",\"amount\":-5}", QTL_REASON_BAD_AMOUNT},
    };
    struct qtl_decoder *const decoder = qtl_decoder_new(QTL_STREAM_ORDERS, NULL, NULL);
    check_reasons(decoder, rows, sizeof(rows) / sizeof(rows[0]));
    qtl_decoder_free(decoder);
}

static void the_first_reason_wins(void **state)
{
    (void)state;
    static const struct expectation rows[] = {
        {"{\"kind\":7,\"amount\":-5}", QTL_REASON_MALFORMED},
        {"{\"customer_id\":\"\",\"kind\":\"x\"}", QTL_REASON_MISSING_FIELD},
        {"{\"customer_id\":\"\",\"order_id\":1,\"occurred_at\":0,\"kind\":\"x\",\"amount\":-5}",
         QTL_REASON_BAD_CUSTOMER_ID},
        {"{\"customer_id\":1,\"order_id\":1,\"occurred_at\":0,\"kind\":\"x\",\"amount\":-5}",
         QTL_REASON_BAD_TIME},
        {"{" GOOD ",\"kind\":\"x\",\"currency\":\"EUR\",\"amount\":-5}", QTL_REASON_UNKNOWN_KIND},
        {"{" GOOD ",\"currency\":\"EUR\",\"amount\":-5}", QTL_REASON_UNKNOWN_CURRENCY},
    };
    struct qtl_decoder *const decoder = qtl_decoder_new(QTL_STREAM_ORDERS, NULL, NULL);
    check_reasons(decoder, rows, sizeof(rows) / sizeof(rows[0]));
    qtl_decoder_free(decoder);
}

static void ids_keep_their_digits(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        const char *id;
    } rows[] = {
        {"99999999999999999999", "99999999999999999999"},
        {"12345678901234567890123456789", "12345678901234567890123456789"},
        {"-0", "-0"},
        {"1e5", "1e5"},
        {"1.0", "1.0"},
        {"\"007\"", "007"},
        {"\" padded \"", " padded "},
        {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t"},
        {"\"\\ud83d\\uded2 cart\"", "\xf0\x9f\x9b\x92 cart"},
        {"\"\\uD83D\\uDED2\"", "\xf0\x9f\x9b\x92"},
        {"\"why?\"", "why?"},
    };
    struct qtl_decoder *const decoder = qtl_decoder_new(QTL_STREAM_ORDERS, NULL, NULL);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char value[512];
        snprintf(value, sizeof(value),
                 "{\"customer_id\":%s,\"order_id\":%s,\"event_id\":%s,\"occurred_at\":1795348800,"
                 "\"amount\":1}",
                 rows[i].json, rows[i].json, rows[i].json);
        struct qtl_event event;
        assert_int_equal(decode(decoder, value, &event), QTL_REASON_NONE);
        assert_text(event.customer_id, rows[i].id);
        assert_text(event.order_id, rows[i].id);
        assert_text(event.event_id, rows[i].id);
    }
    struct qtl_event event;
    assert_int_equal(decode(decoder,
                            "{\"customer_id\":\"a\\u0000b\",\"order_id\":1,"
                            "\"occurred_at\":1795348800,\"amount\":1}",
                            &event),
                     QTL_REASON_NONE);
    assert_int_equal(event.customer_id.length, 3);
    assert_memory_equal(event.customer_id.bytes, "a\0b", 3);
    /* A cut emoji in a text that nobody reads hurts nobody. */
    assert_int_equal(decode(decoder, "{" GOOD ",\"amount\":1,\"note\":\"\\ud83d\"}", &event),
                     QTL_REASON_NONE);
    qtl_decoder_free(decoder);
}

static void money_of_nineteen_digits_is_exact(void **state)
{
    (void)state;
    struct qtl_decoder *const decoder = qtl_decoder_new(QTL_STREAM_ORDERS, NULL, NULL);
    struct qtl_event event;
    assert_int_equal(decode(decoder, "{" GOOD ",\"amount\":12345678901234.56785}", &event),
                     QTL_REASON_NONE);
    assert_int_equal(event.amount_e4, INT64_C(123456789012345678)); /* half to even */
    assert_int_equal(decode(decoder, "{" GOOD ",\"amount\":\"99999999999999.9999\"}", &event),
                     QTL_REASON_NONE);
    assert_int_equal(event.amount_e4, INT64_C(999999999999999999));
    assert_int_equal(decode(decoder, "{" GOOD ",\"amount\":1234567890123456789}", &event),
                     QTL_REASON_BAD_AMOUNT);
    qtl_decoder_free(decoder);
}

static void customer_ids_end_at_255_bytes(void **state)
{
    (void)state;
    struct qtl_decoder *const decoder = qtl_decoder_new(QTL_STREAM_ORDERS, NULL, NULL);
    for (int length = 254; length <= 300; length++) {
        char id[301];
        char value[512];
        memset(id, 'x', sizeof(id));
        snprintf(value, sizeof(value),
                 "{\"customer_id\":\"%.*s\",\"order_id\":1,\"occurred_at\":1795348800,"
                 "\"amount\":1}",
                 length, id);
        struct qtl_event event;
        assert_int_equal(decode(decoder, value, &event),
                         length <= 255 ? QTL_REASON_NONE : QTL_REASON_BAD_CUSTOMER_ID);
    }
    qtl_decoder_free(decoder);
}

static void nesting_ends_at_64(void **state)
{
    (void)state;
    struct qtl_decoder *const decoder = qtl_decoder_new(QTL_STREAM_ORDERS, NULL, NULL);
    for (int depth = 60; depth <= 100000; depth = depth < 70 ? depth + 1 : depth * 10) {
        char *const value = calloc((size_t)depth * 2 + 256, 1);
        strcpy(value, "{" GOOD ",\"amount\":1,\"deep\":");
        const size_t from = strlen(value);
        memset(value + from, '[', (size_t)depth);
        memset(value + from + depth, ']', (size_t)depth);
        value[from + 2 * (size_t)depth] = '}';
        struct qtl_event event;
        assert_int_equal(decode(decoder, value, &event),
                         depth + 1 <= 64 ? QTL_REASON_NONE : QTL_REASON_MALFORMED);
        free(value);
    }
    qtl_decoder_free(decoder);
}

static void a_record_over_its_bound_is_malformed(void **state)
{
    (void)state;
    struct qtl_decoder *const decoder = qtl_decoder_new(QTL_STREAM_ORDERS, NULL, NULL);
    static const char record[] = "{" GOOD ",\"amount\":1}";
    char *const value = malloc(QTL_RECORD_BYTES_MAX + 1);
    memset(value, ' ', QTL_RECORD_BYTES_MAX + 1);
    memcpy(value, record, sizeof(record) - 1);
    struct qtl_event event;
    assert_int_equal(decode_bytes(decoder, (struct qtl_text){value, QTL_RECORD_BYTES_MAX},
                                  QTL_TIME_ABSENT, &event),
                     QTL_REASON_NONE);
    assert_int_equal(decode_bytes(decoder, (struct qtl_text){value, QTL_RECORD_BYTES_MAX + 1},
                                  QTL_TIME_ABSENT, &event),
                     QTL_REASON_MALFORMED);
    free(value);
    qtl_decoder_free(decoder);
}

static void of_equal_members_the_last_counts(void **state)
{
    (void)state;
    struct qtl_stream_settings settings = {0};
    settings.fields[QTL_FIELD_CUSTOMER_ID].path = (char[]){"customer.id"};
    struct qtl_decoder *const decoder = qtl_decoder_new(QTL_STREAM_ORDERS, &settings, NULL);
    struct qtl_event event;
    assert_int_equal(decode(decoder,
                            "{\"customer\":{\"id\":1},\"order_id\":1,\"occurred_at\":1795348800,"
                            "\"amount\":1,\"amount\":2,\"customer\":{\"id\":3}}",
                            &event),
                     QTL_REASON_NONE);
    assert_int_equal(event.amount_e4, 20000);
    assert_text(event.customer_id, "3");
    static const struct expectation rows[] = {
        {"{\"order_id\":1,\"occurred_at\":1795348800,\"amount\":1,\"customer\":{\"id\":3},"
         "\"customer\":{\"name\":\"x\"}}",
         QTL_REASON_MISSING_FIELD},
        {"{\"order_id\":1,\"occurred_at\":1795348800,\"amount\":1,\"customer\":{\"id\":3},"
         "\"customer\":null}",
         QTL_REASON_MISSING_FIELD},
        {"{\"order_id\":1,\"occurred_at\":1795348800,\"amount\":1,\"customer\":{\"id\":3},"
         "\"amount\":null}",
         QTL_REASON_MISSING_FIELD},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(decode(decoder, rows[i].value, &event), rows[i].reason);
    }
    qtl_decoder_free(decoder);
}

static void a_mapping_finds_nested_fields(void **state)
{
    (void)state;
    struct qtl_stream_settings settings = {0};
    settings.base_currency = "EUR";
    settings.fields[QTL_FIELD_CUSTOMER_ID].path = (char[]){"customer.id"};
    settings.fields[QTL_FIELD_ORDER_ID].path = (char[]){"lines[1].order"};
    settings.fields[QTL_FIELD_EVENT_ID].path = (char[]){"lines[1].order"};
    settings.fields[QTL_FIELD_OCCURRED_AT].path = (char[]){"created_at"};
    settings.fields[QTL_FIELD_OCCURRED_AT].conversion.time = QTL_TIME_FORM_EPOCH_MS;
    settings.fields[QTL_FIELD_AMOUNT].path = (char[]){"total.gross"};
    settings.fields[QTL_FIELD_AMOUNT].conversion.scale = 2;
    struct qtl_decoder *const decoder = qtl_decoder_new(QTL_STREAM_ORDERS, &settings, NULL);
    struct qtl_event event;
    assert_int_equal(
        decode(decoder,
               "{\"total\":{\"net\":1,\"gross\":\"2933\"},\"created_at\":\"1795348800999\","
               "\"lines\":[{\"order\":1},{\"x\":[7],\"order\":\"o2\"},{\"order\":3}],\"id\":9,"
               "\"customer\":{\"name\":{\"id\":1},\"id\":42},\"currency\":\"EUR\",\"amount\":-1}",
               &event),
        QTL_REASON_NONE);
    assert_text(event.customer_id, "42");
    assert_text(event.order_id, "o2");
    assert_text(event.event_id, "o2");
    assert_int_equal(event.occurred_at, NOON);
    assert_int_equal(event.amount_e4, 293300);
    qtl_decoder_free(decoder);
}

static void times_are_held_against_the_records_own(void **state)
{
    (void)state;
    struct qtl_stream_settings by_event = {.timestamp = QTL_TIMESTAMP_EVENT};
    struct qtl_decoder *const decoder = qtl_decoder_new(QTL_STREAM_ORDERS, NULL, NULL);
    struct qtl_decoder *const loader = qtl_decoder_new(QTL_STREAM_ORDERS, &by_event, NULL);
    const struct qtl_text value = text_of("{" GOOD ",\"amount\":1}");
    struct qtl_event event;
    const int64_t ahead = NOON * 1000 - 300000;
    assert_int_equal(decode_bytes(decoder, value, ahead, &event), QTL_REASON_NONE);
    assert_int_equal(decode_bytes(decoder, value, ahead - 1, &event), QTL_REASON_BAD_TIME);
    assert_int_equal(decode_bytes(loader, value, ahead - 1, &event), QTL_REASON_NONE);
    /* Absurd stamps are no measure. */
    assert_int_equal(decode_bytes(decoder, value, 0, &event), QTL_REASON_NONE);
    assert_int_equal(decode_bytes(decoder, value, -1, &event), QTL_REASON_NONE);
    assert_int_equal(decode_bytes(decoder, value, INT64_MAX, &event), QTL_REASON_NONE);
    const struct qtl_text far = text_of("{\"customer_id\":1,\"order_id\":1,\"amount\":1,"
                                        "\"occurred_at\":\"9999-12-31T23:59:59Z\"}");
    assert_int_equal(decode_bytes(decoder, far, INT64_MAX, &event), QTL_REASON_BAD_TIME);
    assert_int_equal(decode_bytes(loader, far, INT64_MAX, &event), QTL_REASON_BAD_TIME);
    qtl_decoder_free(decoder);
    qtl_decoder_free(loader);
}

static void engagement_and_its_kinds(void **state)
{
    (void)state;
    struct qtl_decoder *const decoder = qtl_decoder_new(QTL_STREAM_ENGAGEMENT, NULL, NULL);
    struct qtl_event event;
    assert_int_equal(decode(decoder, "{" LIKED ",\"value\":-2.5,\"event_id\":7}", &event),
                     QTL_REASON_NONE);
    assert_int_equal(event.stream, QTL_STREAM_ENGAGEMENT);
    assert_int_equal(event.kind, 5);
    assert_int_equal(event.amount_e4, -25000);
    assert_int_equal(event.placed_at, QTL_TIME_ABSENT);
    assert_text(event.event_id, "7");
    static const struct expectation rows[] = {
        {"{" LIKED "}", QTL_REASON_NONE},
        {"{" LIKED ",\"amount\":\"of no meaning here\"}", QTL_REASON_NONE},
        {"{" LIKED ",\"value\":\"NaN\"}", QTL_REASON_BAD_AMOUNT},
        {"{\"customer_id\":1,\"occurred_at\":1795348800}", QTL_REASON_MISSING_FIELD},
        {"{\"customer_id\":1,\"kind\":\"page_view\"}", QTL_REASON_MISSING_FIELD},
        {"{\"customer_id\":1,\"kind\":\"favourite\",\"occurred_at\":1795348800}",
         QTL_REASON_UNKNOWN_KIND},
        {"{\"customer_id\":1,\"kind\":\"placed\",\"occurred_at\":1795348800}",
         QTL_REASON_UNKNOWN_KIND},
        {"{\"customer_id\":1,\"kind\":\"favourite\",\"occurred_at\":0}", QTL_REASON_BAD_TIME},
    };
    check_reasons(decoder, rows, sizeof(rows) / sizeof(rows[0]));
    qtl_decoder_free(decoder);

    struct qtl_stream_settings skipping = {.unknown_kinds = QTL_UNKNOWN_KINDS_SKIP};
    struct qtl_rules rules = {.kinds = {(char[]){"email_sent"}, (char[]){"favourite"}},
                              .kind_count = 2};
    struct qtl_decoder *const own = qtl_decoder_new(QTL_STREAM_ENGAGEMENT, &skipping, &rules);
    assert_int_equal(decode(own,
                            "{\"customer_id\":1,\"kind\":\"favourite\",\"occurred_at\":1795348800}",
                            &event),
                     QTL_REASON_NONE);
    assert_int_equal(event.kind, 1);
    assert_int_equal(decode(own, "{\"kind\":\"heartbeat\"}", &event), QTL_REASON_SKIPPED);
    assert_int_equal(decode(own, "{\"kind\":\"heartbeat\"", &event), QTL_REASON_MALFORMED);
    qtl_decoder_free(own);
}

static void customers_need_no_time(void **state)
{
    (void)state;
    struct qtl_decoder *const decoder = qtl_decoder_new(QTL_STREAM_CUSTOMERS, NULL, NULL);
    struct qtl_event event;
    assert_int_equal(decode(decoder,
                            "{\"customer_id\":\"c\",\"birth_date\":\"--02-29\",\"subscribed\":true,"
                            "\"attributes\":{\"plan\":\"gold\"},\"time_zone\":\"Europe/Paris\"}",
                            &event),
                     QTL_REASON_NONE);
    assert_int_equal(event.stream, QTL_STREAM_CUSTOMERS);
    assert_int_equal(event.occurred_at, QTL_TIME_ABSENT);
    static const struct expectation rows[] = {
        {"{\"customer_id\":\"c\",\"occurred_at\":1795348800}", QTL_REASON_NONE},
        {"{\"customer_id\":\"c\",\"occurred_at\":1}", QTL_REASON_BAD_TIME},
        {"{\"customer_id\":\"c\",\"attributes\":5}", QTL_REASON_MALFORMED},
        {"{\"birth_date\":\"2000-01-01\"}", QTL_REASON_MISSING_FIELD},
        {"{\"customer_id\":\"\"}", QTL_REASON_BAD_CUSTOMER_ID},
        {"null", QTL_REASON_MALFORMED},
    };
    check_reasons(decoder, rows, sizeof(rows) / sizeof(rows[0]));
    qtl_decoder_free(decoder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_order_with_everything),
        cmocka_unit_test(what_is_absent_takes_its_default),
        cmocka_unit_test(documents_that_do_not_parse),
        cmocka_unit_test(every_cut_of_a_record_is_malformed),
        cmocka_unit_test(reasons_of_orders),
        cmocka_unit_test(reasons_of_kinds_and_numbers),
        cmocka_unit_test(the_first_reason_wins),
        cmocka_unit_test(ids_keep_their_digits),
        cmocka_unit_test(money_of_nineteen_digits_is_exact),
        cmocka_unit_test(customer_ids_end_at_255_bytes),
        cmocka_unit_test(nesting_ends_at_64),
        cmocka_unit_test(a_record_over_its_bound_is_malformed),
        cmocka_unit_test(of_equal_members_the_last_counts),
        cmocka_unit_test(a_mapping_finds_nested_fields),
        cmocka_unit_test(times_are_held_against_the_records_own),
        cmocka_unit_test(engagement_and_its_kinds),
        cmocka_unit_test(customers_need_no_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
