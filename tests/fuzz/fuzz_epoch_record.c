/*
 * Bytes of quintil.state: the input is cut into records at a length before each, all of which go
 * into one reader. Nothing crashes; what was taken, written again and read again, is taken alike.
 */
#include "schemas/assert.h"
#include "schemas/state_reader.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_again(const struct qtl_epoch_record *record)
{
    struct qtl_epoch_record_encoder encoder;
    struct qtl_state_reader reader = {0};
    struct qtl_bytes bytes = {0};
    qtl_epoch_record_begin(&encoder, record);
    for (; qtl_epoch_record_next(&encoder, &bytes); bytes.length = 0) {
        const struct qtl_text text = {bytes.bytes, (uint32_t)bytes.length};
        QTL_ASSERT(qtl_state_reader_feed(&reader, text) == QTL_OK);
    }
    QTL_ASSERT(reader.type == QTL_STATE_EPOCH);
    QTL_ASSERT(reader.epoch.sequence == record->sequence);
    QTL_ASSERT(reader.epoch.state_hash == record->state_hash);
    QTL_ASSERT(reader.epoch.rejected_count == record->rejected_count);
    QTL_ASSERT(reader.epoch.erasure_count == record->erasure_count);
    QTL_ASSERT(reader.epoch.decision_count == record->decision_count);
    qtl_bytes_fini(&bytes);
    qtl_state_reader_fini(&reader);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct qtl_state_reader reader = {0};
    while (size >= 2) {
        const size_t asked = (size_t)data[0] << 8 | data[1];
        const size_t length = asked <= size - 2 ? asked : size - 2;
        const struct qtl_text text = {(const char *)data + 2, (uint32_t)length};
        if (qtl_state_reader_feed(&reader, text) == QTL_OK && reader.type == QTL_STATE_EPOCH) {
            write_again(&reader.epoch);
        }
        data += 2 + length;
        size -= 2 + length;
    }
    qtl_state_reader_fini(&reader);
    return 0;
}
