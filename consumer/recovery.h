/*
 * The start along the epoch records (RECOVERY, Start): scans each slice's partition of
 * quintil.state, reads the recorded ranges of the input again, books the events and takes the
 * states from the decisions. What was published is the truth, whatever the rules are today.
 *
 * For now every start begins at the first record: a snapshot, to come, begins a slice at its stamp
 * and only what is behind it is scanned; its place is begin_slice() in recovery.c.
 *
 * Refuses, each with a sentence that says what to do: offsets missing where records exist, or the
 * other way round; a gap; input gone; records of a newer version; another shape; another state than
 * the one recorded; a segment that is gone from the rules.
 *
 * Threads: the main thread, before the others start; it owns reader and slices for that long.
 */
#ifndef QTL_CONSUMER_RECOVERY_H
#define QTL_CONSUMER_RECOVERY_H

#include "schemas/log.h"
#include "schemas/status.h"
#include "scoring/ledger.h"
#include "scoring/rules.h"
#include "scoring/slice.h"

#include <stdbool.h>
#include <stddef.h>

struct qtl_config;

/* All borrowed for the call. */
struct qtl_recovery_settings {
    struct qtl_log_reader *reader;
    const struct qtl_config *config;
    const struct qtl_rules *rules;
    /* Called between epochs and while it waits: anything but OK ends the recovery with that. NULL:
     * nothing does. */
    enum qtl_status (*look_around)(void *context, struct qtl_error *error);
    void *context;
    /* No offset is committed any more, and the last record's are taken instead. */
    bool offsets_from_state;
};

/* Recovers `count` fresh slices, slice i from partition i, and fills their ledgers; where a slice
 * is NULL, it is another instance's. Where nothing was ever committed the slice stays empty and its
 * ledger stands at the input's first offsets. Where other rules decided the last epoch, or a sweep
 * was under way, a sweep is requested of the slice. Reading positions of `reader` are anywhere
 * afterwards: seek to ledger.next_offset. After an error slices and ledgers are to be freed, not
 * used. */
QTL_CHECKED enum qtl_status qtl_recovery_run(const struct qtl_recovery_settings *settings,
                                             struct qtl_slice *const *slices, size_t count,
                                             struct qtl_ledger *ledgers, struct qtl_error *error);

#endif
