/*
 * Where each byte of a YAML scalar's value stands in the file. A part of consumer/yaml_tree.c:
 * there a value has lost its quotes, escapes, line breaks and indentation; here it finds them
 * again.
 */
#ifndef QTL_CONSUMER_YAML_PLACES_H
#define QTL_CONSUMER_YAML_PLACES_H

#include "schemas/text.h"
#include "scoring/problems.h"

enum qtl_yaml_style {
    QTL_YAML_STYLE_PLAIN,
    QTL_YAML_STYLE_SINGLE_QUOTED,
    QTL_YAML_STYLE_DOUBLE_QUOTED,
    QTL_YAML_STYLE_BLOCK, /* `|` and `>` */
};

/* Fills places[0..value.length]. `raw` is the file from the scalar's first character on (a quote,
 * `|` or `>` included), which stands at `start`. */
void qtl_yaml_places_find(struct qtl_text raw, struct qtl_place start, enum qtl_yaml_style style,
                          struct qtl_text value, struct qtl_place *places);

#endif
