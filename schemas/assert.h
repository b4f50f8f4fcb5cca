/*
 * Assertions: always compiled in. A failed one is a bug and stops the process. Never on input from
 * outside.
 */
#ifndef QTL_SCHEMAS_ASSERT_H
#define QTL_SCHEMAS_ASSERT_H

/* Prints where and what to standard error and aborts. */
_Noreturn void qtl_assert_failed(const char *file, int line, const char *what);

#define QTL_ASSERT(fact) ((fact) ? (void)0 : qtl_assert_failed(__FILE__, __LINE__, #fact))

#define QTL_UNREACHABLE(why) qtl_assert_failed(__FILE__, __LINE__, why)

#endif
