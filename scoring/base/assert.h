/* Assertions for scoring/ and whoever includes it. They stand in schemas/, which has bugs too. */
#ifndef QTL_SCORING_BASE_ASSERT_H
#define QTL_SCORING_BASE_ASSERT_H

#include "schemas/assert.h" /* IWYU pragma: export */

#endif
