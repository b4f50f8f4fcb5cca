/* The codes of dead letters; the table is reasons.def. */
#ifndef QTL_SCHEMAS_REASON_H
#define QTL_SCHEMAS_REASON_H

#include "schemas/event.h"

/* The reason's code as users see it, e.g. "bad_amount". Static text. @thread any */
const char *qtl_reason_code(enum qtl_reason reason);

#endif
