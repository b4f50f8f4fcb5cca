/*
 * Any bytes as a record of each stream, under our own field names and under a mapping. What is
 * taken must be a sound event; a decoder that has seen everything so far must say the same as a
 * fresh one, since it keeps its parser from record to record.
 */
#include "consumer/config.h"
#include "consumer/decode.h"
#include "consumer/value.h"
#include "scoring/base/assert.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define DECODERS 4

/* "customer.id" and the like: nested, through arrays, shared, with forms of their own. */
static const struct qtl_stream_settings *mapping(void)
{
    static char customer[] = "customer.id";
    static char order[] = "lines[1].order";
    static char created[] = "created_at";
    static char total[] = "total.gross";
    static char none[] = "";
    static const struct qtl_stream_settings settings = {
        .timestamp = QTL_TIMESTAMP_RECORD,
        .fields =
            {
                [QTL_FIELD_CUSTOMER_ID] = {.path = customer},
                [QTL_FIELD_ORDER_ID] = {.path = order},
                [QTL_FIELD_EVENT_ID] = {.path = order},
                [QTL_FIELD_OCCURRED_AT] = {.path = created,
                                           .conversion = {.time = QTL_TIME_FORM_EPOCH_MS}},
                [QTL_FIELD_AMOUNT] = {.path = total, .conversion = {.scale = 2}},
                [QTL_FIELD_ITEMS] = {.path = none},
            },
    };
    return &settings;
}

static struct qtl_decoder *make(int number)
{
    const enum qtl_stream stream =
        number < QTL_STREAMS ? (enum qtl_stream)number : QTL_STREAM_ORDERS;
    return qtl_decoder_new(stream, number < QTL_STREAMS ? NULL : mapping(), NULL);
}

static void check_number(int64_t value_e4)
{
    QTL_ASSERT(value_e4 <= QTL_AMOUNT_E4_MAX && value_e4 >= -QTL_AMOUNT_E4_MAX);
}

static void check_event(const struct qtl_event *event, enum qtl_stream stream)
{
    QTL_ASSERT(event->stream == stream);
    QTL_ASSERT(event->customer_id.length > 0);
    QTL_ASSERT(event->customer_id.length <= QTL_CUSTOMER_ID_BYTES_MAX);
    QTL_ASSERT(qtl_value_is_utf8(event->customer_id));
    QTL_ASSERT(qtl_value_is_utf8(event->event_id));
    QTL_ASSERT(qtl_value_is_utf8(event->order_id));
    QTL_ASSERT(event->order_id.length > 0 || stream != QTL_STREAM_ORDERS);
    QTL_ASSERT(event->occurred_at <= QTL_EVENT_TIME_MAX);
    QTL_ASSERT(event->occurred_at >= QTL_EVENT_TIME_MIN ||
               (stream == QTL_STREAM_CUSTOMERS && event->occurred_at == QTL_TIME_ABSENT));
    QTL_ASSERT(event->placed_at >= QTL_EVENT_TIME_MIN || event->placed_at == QTL_TIME_ABSENT);
    QTL_ASSERT(event->amount_e4 >= 0 || stream == QTL_STREAM_ENGAGEMENT);
    QTL_ASSERT(event->items_e4 >= 0 && event->discount_e4 >= 0);
    check_number(event->amount_e4);
    check_number(event->margin_e4);
    check_number(event->items_e4);
    check_number(event->discount_e4);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct qtl_decoder *lasting[DECODERS];
    const struct qtl_log_record record = {.timestamp_ms = QTL_TIME_ABSENT,
                                          .value = {(const char *)data, (uint32_t)size},
                                          .has_value = true};
    for (int i = 0; i < DECODERS; i++) {
        if (lasting[i] == NULL) {
            lasting[i] = make(i);
        }
        struct qtl_decoder *const fresh = make(i);
        struct qtl_event event;
        struct qtl_event again;
        const enum qtl_reason reason = qtl_decode(lasting[i], &record, &event);
        QTL_ASSERT(reason == qtl_decode(fresh, &record, &again));
        if (reason == QTL_REASON_NONE) {
            check_event(&event, qtl_decoder_stream(fresh));
            QTL_ASSERT(event.customer_hash == again.customer_hash);
            QTL_ASSERT(event.order_hash == again.order_hash);
            QTL_ASSERT(event.event_hash == again.event_hash);
            QTL_ASSERT(event.amount_e4 == again.amount_e4);
            QTL_ASSERT(event.occurred_at == again.occurred_at && event.kind == again.kind);
        }
        qtl_decoder_free(fresh);
    }
    return 0;
}
