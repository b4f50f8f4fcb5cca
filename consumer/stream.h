/* Names of the three input streams, as users write them. */
#ifndef QTL_CONSUMER_STREAM_H
#define QTL_CONSUMER_STREAM_H

#include "schemas/event.h"
#include "schemas/text.h"

/* "orders", "engagement", "customers". Static text. @thread any */
const char *qtl_stream_name(enum qtl_stream stream);

/* The stream with that name, or -1. @thread any */
int qtl_stream_find(struct qtl_text name);

#endif
