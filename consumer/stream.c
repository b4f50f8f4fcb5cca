/*
 * Names of streams; see stream.h.
 */
#include "consumer/stream.h"

#include "scoring/base/assert.h"

#include <string.h>

static const char *const names[QTL_STREAMS] = {
    [QTL_STREAM_ORDERS] = "orders",
    [QTL_STREAM_ENGAGEMENT] = "engagement",
    [QTL_STREAM_CUSTOMERS] = "customers",
};

const char *qtl_stream_name(enum qtl_stream stream)
{
    QTL_ASSERT(stream < QTL_STREAMS);
    return names[stream];
}

int qtl_stream_find(struct qtl_text name)
{
    for (int stream = 0; stream < QTL_STREAMS; stream++) {
        if (strlen(names[stream]) == name.length &&
            memcmp(names[stream], name.bytes, name.length) == 0) {
            return stream;
        }
    }
    return -1;
}
