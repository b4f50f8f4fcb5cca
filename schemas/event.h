/*
 * An event: one order, engagement or customer-profile record in canonical form (DESIGN 2). What
 * consumer/ makes of a record's bytes and scoring/ books.
 *
 * Units: times are whole seconds since 1970 UTC. Every number is an int64 count of ten-thousandths
 * (`_e4`): money of the base currency, items, values alike.
 *
 * Ownership: the texts are borrowed from whoever made the event; they must stay valid until the
 * epoch that carries the event is published.
 */
#ifndef QTL_SCHEMAS_EVENT_H
#define QTL_SCHEMAS_EVENT_H

#include "schemas/text.h"

#include <stdint.h>

/* In the order of the merge: at one second orders come first. */
enum qtl_stream {
    QTL_STREAM_ORDERS,
    QTL_STREAM_ENGAGEMENT,
    QTL_STREAM_CUSTOMERS,
};
#define QTL_STREAMS 3

enum qtl_order_kind {
    QTL_ORDER_PLACED,
    QTL_ORDER_AMENDED,
    QTL_ORDER_CANCELLED,
    QTL_ORDER_RETURNED,
};

enum qtl_reason {
#define QTL_REASON(name, code, meaning) QTL_REASON_##name,
#include "schemas/reasons.def"
#undef QTL_REASON
};

#define QTL_TIME_ABSENT INT64_MIN
#define QTL_EVENT_TIME_MIN INT64_C(631152000)  /* 1990-01-01 */
#define QTL_EVENT_TIME_MAX INT64_C(4133980799) /* the last second of 2100 */
#define QTL_CUSTOMER_ID_BYTES_MAX 255
#define QTL_E4 10000                                   /* one, in ten-thousandths */
#define QTL_AMOUNT_E4_MAX INT64_C(1000000000000000000) /* 10^14 units: RECOVERY, Bounds */
#define QTL_TOTAL_E4_MAX (INT64_C(1) << 62)

struct qtl_event {
    struct qtl_text customer_id; /* 1..255 bytes of UTF-8 */
    struct qtl_text event_id;    /* length 0: absent */
    struct qtl_text order_id;    /* orders only */
    struct qtl_text raw;  /* the record's bytes, for a dead letter; set by who read it, or empty */
    int64_t offset;       /* in its partition; set by who read it */
    int64_t occurred_at;  /* 1990..2100 */
    int64_t placed_at;    /* orders, other kinds than placed; QTL_TIME_ABSENT */
    int64_t stamp;        /* the record's own timestamp, or QTL_TIME_ABSENT; set by who read it */
    int64_t merge_second; /* set by the slice: DESIGN 3, Time */
    int64_t amount_e4;    /* orders; for engagement the value */
    int64_t margin_e4;
    int64_t items_e4;
    int64_t discount_e4;
    /* Hashes of the texts, set by qtl_event_seal() in scoring/base/hash.h. */
    uint64_t customer_hash;
    uint64_t event_hash; /* never 0 where event_id is there, 0 where it is absent */
    uint64_t order_hash;
    uint8_t stream; /* enum qtl_stream */
    uint8_t kind;   /* enum qtl_order_kind, or the engagement kind's number 0..31 */
};

#endif
