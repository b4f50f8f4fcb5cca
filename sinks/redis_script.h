/*
 * The program's own script for Redis: the bytes of sinks/redis_apply.lua, put into the program by
 * the build (cmake/embed.cmake). @thread any
 */
#ifndef QTL_SINKS_REDIS_SCRIPT_H
#define QTL_SINKS_REDIS_SCRIPT_H

#include "schemas/text.h"

struct qtl_text qtl_redis_script(void);

#endif
