/*
 * The built-in rule pack `shop`: schemas/rules/shop.yaml as it was when the program was built.
 */
#ifndef QTL_CONSUMER_SHOP_RULES_H
#define QTL_CONSUMER_SHOP_RULES_H

#include "schemas/text.h"

/* The file's text. Static. @thread any */
struct qtl_text qtl_shop_rules(void);

#endif
