/*
 * Canonical fields -> one JSON object with our own names, as `append` puts records into the log
 * that came from elsewhere: decoded again it gives the same event, or the same reason why not.
 *
 * Threads: any.
 */
#ifndef QTL_CONSUMER_FIELDS_JSON_H
#define QTL_CONSUMER_FIELDS_JSON_H

#include "consumer/field.h"
#include "schemas/bytes.h"

/* Appends the object. Numbers stay digit for digit, instants become seconds. */
void qtl_fields_json_write(const struct qtl_fields *fields, enum qtl_stream stream,
                           struct qtl_bytes *out);

#endif
