/*
 * Events to load into Kafka, and the bytes that they are there: JSON or bare Avro with our
 * canonical field names. The mixes are chosen by how many transitions the four flags of
 * bench/kafka_end_to_end make of them at ten events a customer.
 *
 * Threads: any; nothing is kept.
 */
#ifndef QTL_BENCH_KAFKA_LOAD_H
#define QTL_BENCH_KAFKA_LOAD_H

#include "consumer/random.h"
#include "schemas/text.h"

#include <stdbool.h>
#include <stdint.h>

enum qtl_kafka_load_format { QTL_KAFKA_LOAD_JSON, QTL_KAFKA_LOAD_AVRO };

struct qtl_kafka_load_mix {
    const char *name;
    uint32_t days;            /* over which the events are spread, evenly */
    uint32_t opens_per_mille; /* of the engagement: email_open */
    uint32_t carts_per_mille; /* the same: cart_add; the rest is page_view */
    uint32_t amount_least;    /* of an order, in whole units */
    uint32_t amount_spread;
};

struct qtl_kafka_load_event {
    char prefix[8]; /* of the customer's id, before its number */
    uint64_t customer;
    uint64_t number; /* names the event: o<number> or e<number> */
    int64_t occurred_at;
    const char *kind; /* of engagement; NULL: an order */
    uint32_t amount_cents;
};

struct qtl_kafka_load_record {
    char key_bytes[32];
    char value_bytes[224];
    struct qtl_text key;   /* the customer's id; borrowed from the record */
    struct qtl_text value; /* the same */
};

/* `busy`: about 0.4 transitions an event. `calm`: about one in 50 events. NULL where there is no
 * such mix. */
const struct qtl_kafka_load_mix *qtl_kafka_load_mix(const char *name);

/* Ends the process with 2 where it is neither json nor avro. */
enum qtl_kafka_load_format qtl_kafka_load_format(const char *name);

/* An event of any of so many customers, all equally likely; one in three is an order. The caller
 * sets number and occurred_at. */
void qtl_kafka_load_draw(struct qtl_random *random, const struct qtl_kafka_load_mix *mix,
                         uint32_t customers, struct qtl_kafka_load_event *event);

void qtl_kafka_load_encode(enum qtl_kafka_load_format format,
                           const struct qtl_kafka_load_event *event,
                           struct qtl_kafka_load_record *record);

#endif
