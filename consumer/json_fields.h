/*
 * A JSON document -> the canonical fields, by compiled paths: one pass, numbers as text, no tree.
 *
 * Threads: belongs to one thread.
 */
#ifndef QTL_CONSUMER_JSON_FIELDS_H
#define QTL_CONSUMER_JSON_FIELDS_H

#include "consumer/field.h"
#include "schemas/text.h"

#include <stdbool.h>

#define QTL_JSON_DEPTH_MAX 64

struct qtl_json_fields;

/* Takes the fields of `stream` from paths[field]; NULL there: the field's own name, "": from
 * nowhere. The paths must parse (qtl_json_path_parse) and are not needed afterwards. */
struct qtl_json_fields *qtl_json_fields_new(enum qtl_stream stream,
                                            const char *const paths[QTL_FIELDS]);
void qtl_json_fields_free(struct qtl_json_fields *json); /* NULL is fine */

/* Fills every slot. False where the document does not parse, is no object, or is nested deeper than
 * QTL_JSON_DEPTH_MAX; the slots are then undefined. Of a member that stands twice the last counts.
 * A document that is not UTF-8 parses, but fields->is_utf8 is false. Texts are borrowed from
 * `document` and from `json` until the next call. */
bool qtl_json_fields_read(struct qtl_json_fields *json, struct qtl_text document,
                          struct qtl_fields *fields);

#endif
