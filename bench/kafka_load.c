/*
 * See kafka_load.h. The bytes are made by hand: a library would make them slower than the broker
 * takes them, and what is measured is the reading. Avro is in the schemas beside this file
 * (order.avsc, engagement.avsc): strings are a length and bytes, numbers zigzag varints, the amount
 * a decimal of two digits in big-endian bytes.
 *
 * The weights of the mixes were found by replaying 200,000 events of 20,000 customers.
 */
#include "bench/kafka_load.h"

#include "scoring/base/assert.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct qtl_kafka_load_mix mixes[] = {
    {.name = "busy",
     .days = 300,
     .opens_per_mille = 500,
     .carts_per_mille = 160,
     .amount_least = 20,
     .amount_spread = 200},
    {.name = "calm",
     .days = 30,
     .opens_per_mille = 100,
     .carts_per_mille = 14,
     .amount_least = 20,
     .amount_spread = 60},
};

const struct qtl_kafka_load_mix *qtl_kafka_load_mix(const char *name)
{
    for (size_t i = 0; i < sizeof(mixes) / sizeof(mixes[0]); i++) {
        if (strcmp(mixes[i].name, name) == 0) {
            return &mixes[i];
        }
    }
    return NULL;
}

enum qtl_kafka_load_format qtl_kafka_load_format(const char *name)
{
    if (strcmp(name, "json") == 0) {
        return QTL_KAFKA_LOAD_JSON;
    }
    if (strcmp(name, "avro") != 0) {
        fprintf(stderr, "%s: expected json or avro\n", name);
        exit(2);
    }
    return QTL_KAFKA_LOAD_AVRO;
}

void qtl_kafka_load_draw(struct qtl_random *random, const struct qtl_kafka_load_mix *mix,
                         uint32_t customers, struct qtl_kafka_load_event *event)
{
    event->customer = qtl_random_below(random, customers);
    event->kind = NULL;
    if (qtl_random_below(random, 3) == 0) {
        event->amount_cents =
            (mix->amount_least + qtl_random_below(random, mix->amount_spread)) * 100 +
            qtl_random_below(random, 100);
        return;
    }
    const uint32_t dice = qtl_random_below(random, 1000);
    event->kind = dice < mix->opens_per_mille                          ? "email_open"
                  : dice < mix->opens_per_mille + mix->carts_per_mille ? "cart_add"
                                                                       : "page_view";
}

/* ---- JSON --------------------------------------------------------------------------------------
 */

static uint32_t write_json(const struct qtl_kafka_load_event *event, const char *customer,
                           char *bytes, size_t size)
{
    const int length = event->kind == NULL
                           ? snprintf(bytes, size,
                                      "{\"customer_id\":\"%s\",\"order_id\":\"o%" PRIu64
                                      "\",\"occurred_at\":%" PRId64 ",\"amount\":%u.%02u}",
                                      customer, event->number, event->occurred_at,
                                      event->amount_cents / 100, event->amount_cents % 100)
                           : snprintf(bytes, size,
                                      "{\"customer_id\":\"%s\",\"event_id\":\"e%" PRIu64
                                      "\",\"kind\":\"%s\",\"occurred_at\":%" PRId64 "}",
                                      customer, event->number, event->kind, event->occurred_at);
    QTL_ASSERT(length > 0 && (size_t)length < size);
    return (uint32_t)length;
}

/* ---- Avro --------------------------------------------------------------------------------------
 */

struct bytes {
    char *next;
    const char *end;
};

static void put_long(struct bytes *out, int64_t value)
{
    uint64_t rest = ((uint64_t)value << 1) ^ (value < 0 ? UINT64_MAX : 0);
    do {
        QTL_ASSERT(out->next < out->end);
        *out->next++ = (char)((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
        rest >>= 7;
    } while (rest != 0);
}

static void put_text(struct bytes *out, const char *text)
{
    const size_t length = strlen(text);
    put_long(out, (int64_t)length);
    QTL_ASSERT((size_t)(out->end - out->next) >= length);
    memcpy(out->next, text, length);
    out->next += length;
}

/* Two's complement, big-endian, in four bytes: shorter would do, longer is as good. */
static void put_decimal(struct bytes *out, uint32_t hundredths)
{
    QTL_ASSERT(hundredths <= INT32_MAX);
    put_long(out, 4);
    QTL_ASSERT(out->end - out->next >= 4);
    for (int shift = 24; shift >= 0; shift -= 8) {
        *out->next++ = (char)(hundredths >> shift);
    }
}

static uint32_t write_avro(const struct qtl_kafka_load_event *event, const char *customer,
                           char *bytes, size_t size)
{
    struct bytes out = {.next = bytes, .end = bytes + size};
    char name[24];
    snprintf(name, sizeof(name), "%c%" PRIu64, event->kind == NULL ? 'o' : 'e', event->number);
    put_text(&out, customer);
    put_text(&out, name);
    if (event->kind != NULL) {
        put_text(&out, event->kind);
    }
    put_long(&out, event->occurred_at);
    if (event->kind == NULL) {
        put_decimal(&out, event->amount_cents);
    }
    return (uint32_t)(out.next - bytes);
}

void qtl_kafka_load_encode(enum qtl_kafka_load_format format,
                           const struct qtl_kafka_load_event *event,
                           struct qtl_kafka_load_record *record)
{
    const int length = snprintf(record->key_bytes, sizeof(record->key_bytes), "%s%" PRIu64,
                                event->prefix, event->customer);
    QTL_ASSERT(length > 0 && (size_t)length < sizeof(record->key_bytes));
    record->key = (struct qtl_text){record->key_bytes, (uint32_t)length};
    record->value.bytes = record->value_bytes;
    switch (format) {
    case QTL_KAFKA_LOAD_JSON:
        record->value.length =
            write_json(event, record->key_bytes, record->value_bytes, sizeof(record->value_bytes));
        return;
    case QTL_KAFKA_LOAD_AVRO:
        record->value.length =
            write_avro(event, record->key_bytes, record->value_bytes, sizeof(record->value_bytes));
        return;
    }
}
