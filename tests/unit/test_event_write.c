/* Events in the project's own form: every column and key, and which are left out. */
#include "sinks/event_write.h"
#include "tests/unit/test.h"

#include <string.h>

static const struct qtl_event placed = {
    .customer_id = {"c1", 2},
    .order_id = {"o1", 2},
    .event_id = {"e1", 2},
    .occurred_at = 1735689600,
    .placed_at = QTL_TIME_ABSENT,
    .amount_e4 = 123400,
    .margin_e4 = 30000,
    .items_e4 = 20000,
    .stream = QTL_STREAM_ORDERS,
    .kind = QTL_ORDER_PLACED,
};

static void check(struct qtl_event event, const char *csv, const char *json)
{
    struct qtl_json_buffer buffer = {0};
    qtl_event_write_csv(&buffer, &event);
    assert_int_equal(buffer.length, strlen(csv));
    assert_memory_equal(buffer.bytes, csv, buffer.length);
    buffer.length = 0;
    qtl_event_write_json(&buffer, &event);
    assert_int_equal(buffer.length, strlen(json));
    assert_memory_equal(buffer.bytes, json, buffer.length);
    qtl_json_buffer_fini(&buffer);
}

static void orders_of_every_kind(void **state)
{
    (void)state;
    struct qtl_event event = placed;
    check(
        event, "c1,o1,placed,2025-01-01T00:00:00Z,12.34,3,2,0,,e1\n",
        "{\"customer_id\":\"c1\",\"order_id\":\"o1\",\"kind\":\"placed\",\"occurred_at\":"
        "\"2025-01-01T00:00:00Z\",\"amount\":12.34,\"margin\":3,\"items\":2,\"event_id\":\"e1\"}");
    event.kind = QTL_ORDER_CANCELLED;
    event.placed_at = 1735689600;
    event.occurred_at = 1735689661;
    check(event, "c1,o1,cancelled,2025-01-01T00:01:01Z,,,,,2025-01-01T00:00:00Z,e1\n",
          "{\"customer_id\":\"c1\",\"order_id\":\"o1\",\"kind\":\"cancelled\",\"occurred_at\":"
          "\"2025-01-01T00:01:01Z\",\"placed_at\":\"2025-01-01T00:00:00Z\",\"event_id\":\"e1\"}");
    event.kind = QTL_ORDER_RETURNED;
    check(event, "c1,o1,returned,2025-01-01T00:01:01Z,12.34,,,,2025-01-01T00:00:00Z,e1\n",
          "{\"customer_id\":\"c1\",\"order_id\":\"o1\",\"kind\":\"returned\",\"occurred_at\":"
          "\"2025-01-01T00:01:01Z\",\"amount\":12.34,\"placed_at\":\"2025-01-01T00:00:00Z\","
          "\"event_id\":\"e1\"}");
    event.kind = QTL_ORDER_AMENDED;
    event.discount_e4 = 5000;
    event.event_id.length = 0;
    check(event, "c1,o1,amended,2025-01-01T00:01:01Z,12.34,3,2,0.5,2025-01-01T00:00:00Z,\n",
          "{\"customer_id\":\"c1\",\"order_id\":\"o1\",\"kind\":\"amended\",\"occurred_at\":"
          "\"2025-01-01T00:01:01Z\",\"amount\":12.34,\"margin\":3,\"items\":2,\"discount\":0.5,"
          "\"placed_at\":\"2025-01-01T00:00:00Z\"}");
}

static void engagement_with_and_without_a_value(void **state)
{
    (void)state;
    struct qtl_event event = {
        .customer_id = {"c2", 2},
        .event_id = {"e2", 2},
        .occurred_at = 1735689600,
        .placed_at = QTL_TIME_ABSENT,
        .stream = QTL_STREAM_ENGAGEMENT,
    };
    check(event, "c2,email_sent,2025-01-01T00:00:00Z,0,e2\n",
          "{\"customer_id\":\"c2\",\"kind\":\"email_sent\",\"occurred_at\":"
          "\"2025-01-01T00:00:00Z\",\"event_id\":\"e2\"}");
    event.amount_e4 = -15000;
    check(event, "c2,email_sent,2025-01-01T00:00:00Z,-1.5,e2\n",
          "{\"customer_id\":\"c2\",\"kind\":\"email_sent\",\"occurred_at\":"
          "\"2025-01-01T00:00:00Z\",\"value\":-1.5,\"event_id\":\"e2\"}");
}

static void as_many_columns_as_cells(void **state)
{
    (void)state;
    struct qtl_json_buffer buffer = {0};
    for (enum qtl_stream stream = QTL_STREAM_ORDERS; stream <= QTL_STREAM_ENGAGEMENT; stream++) {
        struct qtl_event event = placed;
        event.stream = (uint8_t)stream;
        int commas[2] = {0, 0};
        for (int i = 0; i < 2; i++) {
            buffer.length = 0;
            if (i == 0) {
                qtl_event_write_csv_header(&buffer, stream);
            } else {
                qtl_event_write_csv(&buffer, &event);
            }
            for (size_t byte = 0; byte < buffer.length; byte++) {
                commas[i] += buffer.bytes[byte] == ',';
            }
        }
        assert_int_equal(commas[0], commas[1]);
    }
    qtl_json_buffer_fini(&buffer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(orders_of_every_kind),
        cmocka_unit_test(engagement_with_and_without_a_value),
        cmocka_unit_test(as_many_columns_as_cells),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
