/*
 * The codes of dead letters; the table is schemas/reasons.def.
 */
#include "schemas/reason.h"

const char *qtl_reason_code(enum qtl_reason reason)
{
    static const char *const codes[] = {
#define QTL_REASON(name, code, meaning) [QTL_REASON_##name] = code,
#include "schemas/reasons.def"
#undef QTL_REASON
    };
    return codes[reason];
}
