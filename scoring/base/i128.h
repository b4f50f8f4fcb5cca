/* The one place where a 128-bit integer gets its name. */
#ifndef QTL_SCORING_BASE_I128_H
#define QTL_SCORING_BASE_I128_H

__extension__ typedef __int128 qtl_i128;

#endif
