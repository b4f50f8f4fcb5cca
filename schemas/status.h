/*
 * What a fallible function returns, and the sentence that goes with a failure at start-up.
 *
 * A bug stops the process (QTL_ASSERT); the world returns a status. On the data path statuses are
 * counted; at start-up and in commands they come with a `struct qtl_error`.
 */
#ifndef QTL_SCHEMAS_STATUS_H
#define QTL_SCHEMAS_STATUS_H

#define QTL_CHECKED __attribute__((warn_unused_result))

enum qtl_status {
#define QTL_STATUS(name, meaning) QTL_##name,
#include "schemas/status.def"
#undef QTL_STATUS
};

#define QTL_ERROR_TEXT_MAX 1024

/* A sentence for a person: what is wrong, where (file:line:column when there is one), and how to
 * mend it. Caller's memory; an empty text means no error was set. */
struct qtl_error {
    char text[QTL_ERROR_TEXT_MAX];
};

/* Writes the sentence, cut at the end of the buffer. Returns `status`, so that a failing function
 * can say `return qtl_error_set(error, QTL_IO, ...)`. `error` may be NULL. @thread any */
enum qtl_status qtl_error_set(struct qtl_error *error, enum qtl_status status, const char *format,
                              ...) __attribute__((format(printf, 3, 4)));

/* The status's name, e.g. "MALFORMED". Static text. @thread any */
const char *qtl_status_name(enum qtl_status status);

/* The exit code a command ends with: 0 done, 2 the user's input is wrong (BAD_CONF), 1 otherwise.
 * @thread any */
int qtl_status_exit_code(enum qtl_status status);

#endif
