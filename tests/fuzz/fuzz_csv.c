/*
 * Any bytes as a CSV file. The first byte chooses the stream. A row must not depend on where the
 * buffer ended when it was read, and a row and the JSON that `append` makes of it must be the same
 * event or fail for the same reason.
 */
#include "consumer/csv.h"
#include "consumer/csv_columns.h"
#include "consumer/decode.h"
#include "consumer/value.h"
#include "scoring/base/assert.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The row parsed from fewer bytes asks for more, or is the same row, or fails the same way. */
static void check_cut(struct qtl_csv_row *cut, const struct qtl_csv_row *row,
                      enum qtl_status status, struct qtl_text bytes)
{
    const enum qtl_status cut_status = qtl_csv_row_parse(cut, bytes, false);
    if (cut_status == QTL_EMPTY) {
        return;
    }
    QTL_ASSERT(cut_status == status);
    QTL_ASSERT(cut->count == row->count);
    QTL_ASSERT(cut->bytes == row->bytes || (status == QTL_MALFORMED && cut->bytes == 0));
}

static void check_row(struct qtl_decoder *decoder, struct qtl_csv_columns *columns,
                      const struct qtl_csv_row *row)
{
    struct qtl_fields fields;
    struct qtl_event event;
    struct qtl_event again;
    if (!qtl_csv_columns_fill(columns, row, &fields)) {
        return;
    }
    const enum qtl_reason reason = qtl_decode_fields(decoder, &fields, QTL_TIME_ABSENT, &event);
    const struct qtl_log_record json = {.timestamp_ms = QTL_TIME_ABSENT,
                                        .value = qtl_csv_columns_json(columns, row),
                                        .has_value = true};
    const enum qtl_reason json_reason = qtl_decode(decoder, &json, &again);
    /* Where an id with escapes and something else are no UTF-8, JSON blames the id. */
    QTL_ASSERT(json_reason == reason ||
               (reason == QTL_REASON_MALFORMED && json_reason == QTL_REASON_BAD_CUSTOMER_ID &&
                !qtl_value_is_utf8(fields.slots[QTL_FIELD_CUSTOMER_ID].text)));
    if (reason == QTL_REASON_NONE) {
        QTL_ASSERT(event.customer_hash == again.customer_hash);
        QTL_ASSERT(event.order_hash == again.order_hash);
        QTL_ASSERT(event.event_hash == again.event_hash);
        QTL_ASSERT(event.occurred_at == again.occurred_at);
        QTL_ASSERT(event.placed_at == again.placed_at);
        QTL_ASSERT(event.amount_e4 == again.amount_e4 && event.margin_e4 == again.margin_e4);
        QTL_ASSERT(event.items_e4 == again.items_e4 && event.discount_e4 == again.discount_e4);
        QTL_ASSERT(event.kind == again.kind);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) {
        return 0;
    }
    const enum qtl_stream stream = (enum qtl_stream)(data[0] % QTL_STREAMS);
    struct qtl_decoder *const decoder = qtl_decoder_new(stream, NULL, NULL);
    struct qtl_csv_columns *columns = NULL;
    struct qtl_csv_row row;
    struct qtl_csv_row cut;
    struct qtl_text left = {(const char *)data + 1, (uint32_t)size - 1};
    qtl_csv_row_init(&row);
    qtl_csv_row_init(&cut);
    while (left.length > 0) {
        const enum qtl_status status = qtl_csv_row_parse(&row, left, true);
        QTL_ASSERT(status == QTL_OK || status == QTL_MALFORMED);
        QTL_ASSERT(row.bytes > 0 && row.bytes <= left.length);
        check_cut(&cut, &row, status, (struct qtl_text){left.bytes, (left.length + 1) / 2});
        check_cut(&cut, &row, status, (struct qtl_text){left.bytes, row.bytes});
        if (status == QTL_OK && columns != NULL) {
            check_row(decoder, columns, &row);
        } else if (status == QTL_OK &&
                   qtl_csv_columns_new(&row, stream, "fuzz.csv", &columns, NULL) != QTL_OK) {
            break;
        }
        left.bytes += row.bytes;
        left.length -= row.bytes;
    }
    qtl_csv_columns_free(columns);
    qtl_csv_row_fini(&row);
    qtl_csv_row_fini(&cut);
    qtl_decoder_free(decoder);
    return 0;
}
