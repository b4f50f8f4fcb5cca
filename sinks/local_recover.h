/*
 * Brings a local log's segment files back to what is committed: for the holder of the writer's
 * lock.
 */
#ifndef QTL_SINKS_LOCAL_RECOVER_H
#define QTL_SINKS_LOCAL_RECOVER_H

#include "schemas/local/local_layout.h"
#include "schemas/local/local_table.h"

/* One partition: removes segments and cuts off bytes that were never committed. CORRUPT with a
 * sentence where committed bytes are missing. */
QTL_CHECKED enum qtl_status qtl_local_recover_partition(const struct qtl_local_layout *layout,
                                                        const struct qtl_local_table *table,
                                                        enum qtl_topic topic, int32_t partition,
                                                        struct qtl_error *error);
/* Every partition of one kind of writer. `verify`: the frames of the newest segments too. */
QTL_CHECKED enum qtl_status qtl_local_recover_all(const struct qtl_local_layout *layout,
                                                  const struct qtl_local_table *table,
                                                  enum qtl_local_kind kind, bool verify,
                                                  struct qtl_error *error);

#endif
