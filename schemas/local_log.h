/*
 * The local log: schemas/log.h on files in a folder, for one machine (DESIGN 2; RECOVERY, Local
 * log). This header makes and describes the folder; consumer/local_reader.h reads it and
 * sinks/local_writer.h appends to it; what the two share stands in schemas/local/.
 *
 *   DATA/log.json                                    format and number of partitions, fixed for
 * ever DATA/engine.lock, DATA/intake.lock               who writes now
 *   DATA/topics/<topic>/<partition>/<first offset>.log   segments: frames, one a record
 *   DATA/commits/<writer>-<number>.log               commit records: frames, one a transaction
 *   DATA/commits/<writer>.mark                       the last commit that is durable
 *
 * A transaction is visible once its commit record is durable; the record holds the lengths of all
 * files it touched, so that what lies beyond them never was. Each topic has one kind of writer:
 * the engine (output topics and input positions) or the intake (input topics).
 */
#ifndef QTL_SCHEMAS_LOCAL_LOG_H
#define QTL_SCHEMAS_LOCAL_LOG_H

#include "schemas/log.h"

enum qtl_local_kind {
    QTL_LOCAL_INTAKE, /* many processes take turns, one transaction each */
    QTL_LOCAL_ENGINE, /* one process for as long as it runs */
};
#define QTL_LOCAL_KINDS 2

#define QTL_LOCAL_PATH_DEFAULT "./quintil-data"
#define QTL_LOCAL_PARTITIONS_DEFAULT 4 /* as `partitions` in settings.def */
/* Key, value and headers of one record together. More is MALFORMED. */
#define QTL_LOCAL_RECORD_BYTES_MAX (16 << 20)

/* Makes the folder and an empty log in it, where there is none. Where there is one: OK if it has
 * that many partitions or `partitions` is 0 (none asked for: the default for a new one), BAD_CONF
 * with a sentence otherwise. Safe to call from several processes at once. @thread any */
QTL_CHECKED enum qtl_status qtl_local_log_create(const char *path, int32_t partitions,
                                                 struct qtl_error *error);

/* The number of partitions of every topic of the log in `path`; BAD_CONF where there is no log.
 * @thread any */
QTL_CHECKED enum qtl_status qtl_local_log_partitions(const char *path, int32_t *partitions,
                                                     struct qtl_error *error);

/* Which kind of writer a topic belongs to. @thread any */
enum qtl_local_kind qtl_local_log_kind(enum qtl_topic topic);

#endif
