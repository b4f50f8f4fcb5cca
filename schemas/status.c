/*
 * Names, exit codes and sentences of statuses; see status.h. The table is status.def.
 */
#include "schemas/status.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

enum qtl_status qtl_error_set(struct qtl_error *error, enum qtl_status status, const char *format,
                              ...)
{
    if (error != NULL) {
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(error->text, sizeof(error->text), format, arguments);
        va_end(arguments);
    }
    return status;
}

const char *qtl_status_name(enum qtl_status status)
{
    static const char *const names[] = {
#define QTL_STATUS(name, meaning) [QTL_##name] = #name,
#include "schemas/status.def"
#undef QTL_STATUS
    };
    return names[status];
}

int qtl_status_exit_code(enum qtl_status status)
{
    if (status == QTL_OK || status == QTL_END) {
        return 0;
    }
    return status == QTL_BAD_CONF ? 2 : 1;
}
