/* cmocka behind one header: it needs these four before it, in this order. */
#ifndef QTL_TESTS_UNIT_TEST_H
#define QTL_TESTS_UNIT_TEST_H

/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#endif
