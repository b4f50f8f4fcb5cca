/*
 * Both forms stand side by side so that a new field is added to both at once. Defaults are written
 * in CSV, where a column is there anyway, but not in JSON, where each costs bytes in the log.
 */
#include "sinks/event_write.h"

#include "scoring/base/assert.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

static const char *const order_kinds[] = {
    [QTL_ORDER_PLACED] = "placed",
    [QTL_ORDER_AMENDED] = "amended",
    [QTL_ORDER_CANCELLED] = "cancelled",
    [QTL_ORDER_RETURNED] = "returned",
};

static const char *const kinds[] = {
#define QTL_KIND(name) #name,
#include "schemas/kinds.def"
#undef QTL_KIND
};

static const char *kind_name(const struct qtl_event *event)
{
    if (event->stream == QTL_STREAM_ORDERS) {
        QTL_ASSERT(event->kind < sizeof(order_kinds) / sizeof(order_kinds[0]));
        return order_kinds[event->kind];
    }
    QTL_ASSERT(event->stream == QTL_STREAM_ENGAGEMENT);
    QTL_ASSERT(event->kind < sizeof(kinds) / sizeof(kinds[0]));
    return kinds[event->kind];
}

static bool is_sale(const struct qtl_event *event)
{
    return event->stream == QTL_STREAM_ORDERS &&
           (event->kind == QTL_ORDER_PLACED || event->kind == QTL_ORDER_AMENDED);
}

void qtl_event_write_csv_header(struct qtl_json_buffer *buffer, enum qtl_stream stream)
{
    QTL_ASSERT(stream != QTL_STREAM_CUSTOMERS);
    qtl_json_raw(buffer, stream == QTL_STREAM_ORDERS
                             ? "customer_id,order_id,kind,occurred_at,amount,margin,items,discount,"
                               "placed_at,event_id\n"
                             : "customer_id,kind,occurred_at,value,event_id\n");
}

/* A cell that needs no quoting, and the comma before it. */
static void put_cell(struct qtl_json_buffer *buffer, struct qtl_text text)
{
    QTL_ASSERT(text.length == 0 || memchr(text.bytes, ',', text.length) == NULL);
    QTL_ASSERT(text.length == 0 || memchr(text.bytes, '"', text.length) == NULL);
    QTL_ASSERT(text.length == 0 || memchr(text.bytes, '\n', text.length) == NULL);
    qtl_json_reserve(buffer, text.length);
    if (text.length > 0) {
        memcpy(buffer->bytes + buffer->length, text.bytes, text.length);
        buffer->length += text.length;
    }
}

/* The time without the quotes that JSON wants. */
static void put_time(struct qtl_json_buffer *buffer, int64_t second)
{
    const size_t from = buffer->length;
    qtl_json_time(buffer, second);
    memmove(buffer->bytes + from, buffer->bytes + from + 1, buffer->length - from - 2);
    buffer->length -= 2;
}

static void put_order_cells(struct qtl_json_buffer *buffer, const struct qtl_event *event)
{
    if (event->kind != QTL_ORDER_CANCELLED) {
        qtl_json_decimal(buffer, event->amount_e4);
    }
    const int64_t basket[] = {event->margin_e4, event->items_e4, event->discount_e4};
    for (size_t i = 0; i < sizeof(basket) / sizeof(basket[0]); i++) {
        qtl_json_raw(buffer, ",");
        if (is_sale(event)) {
            qtl_json_decimal(buffer, basket[i]);
        }
    }
    qtl_json_raw(buffer, ",");
    if (event->placed_at != QTL_TIME_ABSENT) {
        put_time(buffer, event->placed_at);
    }
}

void qtl_event_write_csv(struct qtl_json_buffer *buffer, const struct qtl_event *event)
{
    put_cell(buffer, event->customer_id);
    qtl_json_raw(buffer, ",");
    if (event->stream == QTL_STREAM_ORDERS) {
        put_cell(buffer, event->order_id);
        qtl_json_raw(buffer, ",");
    }
    qtl_json_raw(buffer, kind_name(event));
    qtl_json_raw(buffer, ",");
    put_time(buffer, event->occurred_at);
    qtl_json_raw(buffer, ",");
    if (event->stream == QTL_STREAM_ORDERS) {
        put_order_cells(buffer, event);
    } else {
        qtl_json_decimal(buffer, event->amount_e4);
    }
    qtl_json_raw(buffer, ",");
    put_cell(buffer, event->event_id);
    qtl_json_raw(buffer, "\n");
}

static void put_text(struct qtl_json_buffer *buffer, const char *key, struct qtl_text text)
{
    if (text.length > 0) {
        qtl_json_raw(buffer, key);
        qtl_json_string(buffer, text);
    }
}

static void put_number(struct qtl_json_buffer *buffer, const char *key, int64_t value_e4,
                       int64_t standard_e4)
{
    if (value_e4 != standard_e4) {
        qtl_json_raw(buffer, key);
        qtl_json_decimal(buffer, value_e4);
    }
}

static void put_order_fields(struct qtl_json_buffer *buffer, const struct qtl_event *event)
{
    if (event->kind != QTL_ORDER_CANCELLED) {
        qtl_json_raw(buffer, ",\"amount\":");
        qtl_json_decimal(buffer, event->amount_e4);
    }
    if (is_sale(event)) {
        put_number(buffer, ",\"margin\":", event->margin_e4, 0);
        put_number(buffer, ",\"items\":", event->items_e4, QTL_E4);
        put_number(buffer, ",\"discount\":", event->discount_e4, 0);
    }
    if (event->placed_at != QTL_TIME_ABSENT) {
        qtl_json_raw(buffer, ",\"placed_at\":");
        qtl_json_time(buffer, event->placed_at);
    }
}

void qtl_event_write_json(struct qtl_json_buffer *buffer, const struct qtl_event *event)
{
    qtl_json_raw(buffer, "{\"customer_id\":");
    qtl_json_string(buffer, event->customer_id);
    put_text(buffer, ",\"order_id\":", event->order_id);
    qtl_json_raw(buffer, ",\"kind\":\"");
    qtl_json_raw(buffer, kind_name(event));
    qtl_json_raw(buffer, "\",\"occurred_at\":");
    qtl_json_time(buffer, event->occurred_at);
    if (event->stream == QTL_STREAM_ORDERS) {
        put_order_fields(buffer, event);
    } else {
        put_number(buffer, ",\"value\":", event->amount_e4, 0);
    }
    put_text(buffer, ",\"event_id\":", event->event_id);
    qtl_json_raw(buffer, "}");
}
