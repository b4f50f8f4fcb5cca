/*
 * See ingest.h. When an epoch closes: it is full; or it has records, has been open for epoch.min_ms
 * and at most one other is under way (so that shards score while publish commits: group commit);
 * or it has been open for epoch.max_ms; or nothing came and the wall clock began a new second, at
 * which deadlines may be due. Nothing here sleeps but in the reader's wait().
 *
 * Thread: ingest, but for the counters and the stop.
 */
#include "consumer/ingest.h"

#include "consumer/config.h"
#include "consumer/partition.h"
#include "consumer/wall_clock.h"
#include "scoring/base/assert.h"
#include "scoring/base/ring.h"
#include "scoring/shards.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

enum { UNDER_WAY_MAX = 1, TURN_RECORDS = 256 };

/* A slice's partitions and its clock as ingest knows it. */
struct lane {
    struct qtl_partition partitions[QTL_STREAMS];
    int64_t clock; /* the slice's at the start: never above its own */
    bool is_ours;
};

struct qtl_ingest {
    struct qtl_ingest_settings settings; /* Immutable after new. */
    /* Owned by the ingest thread. */
    struct lane *lanes;
    int64_t *clocks;         /* scratch: one a slice, for closing */
    struct qtl_epoch **free; /* epochs at hand */
    size_t free_count;
    struct qtl_wall_clock wall_clock;
    struct qtl_wall_reading now;
    int64_t ticked;  /* the last second for which deadlines were looked at */
    bool caught_up;  /* the last epoch ran at the wall clock in every slice */
    bool unfinished; /* the last epoch that came back left deadlines for the next */
    bool warned_of_jump;
    bool is_revoked;
    /* Written by ingest, read by anyone. */
    atomic_uint_fast64_t records;
    /* Written by anyone, read by ingest. */
    atomic_bool stopping;
};

static enum qtl_status open_lane(struct qtl_ingest *ingest, size_t slice, struct qtl_error *error)
{
    struct lane *const lane = &ingest->lanes[slice];
    const struct qtl_ledger *const ledger = &ingest->settings.ledgers[slice];
    struct qtl_log_reader *const reader = ingest->settings.reader;
    lane->clock = ledger->clock;
    lane->is_ours = !ledger->elsewhere;
    for (int i = 0; lane->is_ours && i < QTL_STREAMS; i++) {
        struct qtl_partition *const partition = &lane->partitions[i];
        qtl_partition_init(partition, reader, ingest->settings.decoders[i], (enum qtl_stream)i,
                           (int32_t)slice);
        partition->by_event = ingest->settings.config->streams[i].timestamp == QTL_TIMESTAMP_EVENT;
        partition->next_offset = ledger->next_offset[i];
        const enum qtl_status status = reader->ops->seek(reader, (enum qtl_topic)i, (int32_t)slice,
                                                         partition->next_offset, error);
        if (status != QTL_OK) {
            return status;
        }
    }
    return QTL_OK;
}

enum qtl_status qtl_ingest_new(const struct qtl_ingest_settings *settings,
                               struct qtl_ingest **ingest, struct qtl_error *error)
{
    struct qtl_ingest *const made = calloc(1, sizeof(*made));
    QTL_ASSERT(made != NULL);
    made->settings = *settings;
    made->lanes = calloc(settings->slice_count, sizeof(*made->lanes));
    made->clocks = calloc(settings->slice_count, sizeof(*made->clocks));
    made->free = calloc(settings->epoch_count, sizeof(struct qtl_epoch *));
    QTL_ASSERT(made->lanes != NULL && made->clocks != NULL && made->free != NULL);
    atomic_init(&made->records, 0);
    atomic_init(&made->stopping, false);
    qtl_wall_clock_init(&made->wall_clock, NULL, NULL);
    enum qtl_status status = QTL_OK;
    for (size_t slice = 0; slice < settings->slice_count && status == QTL_OK; slice++) {
        status = open_lane(made, slice, error);
    }
    if (status != QTL_OK) {
        qtl_ingest_free(made);
        return status;
    }
    *ingest = made;
    return QTL_OK;
}

void qtl_ingest_free(struct qtl_ingest *ingest)
{
    if (ingest == NULL) {
        return;
    }
    for (size_t slice = 0; slice < ingest->settings.slice_count; slice++) {
        for (int i = 0; i < QTL_STREAMS; i++) {
            qtl_partition_fini(&ingest->lanes[slice].partitions[i]); /* all zero: nothing to do */
        }
    }
    free(ingest->lanes);
    free(ingest->clocks);
    free(ingest->free);
    free(ingest);
}

void qtl_ingest_stop(struct qtl_ingest *ingest)
{
    /* Relaxed: nothing else is handed over; the reader's wake() ends the wait. */
    atomic_store_explicit(&ingest->stopping, true, memory_order_relaxed);
    ingest->settings.reader->ops->wake(ingest->settings.reader);
}

bool qtl_ingest_is_revoked(const struct qtl_ingest *ingest)
{
    return ingest->is_revoked;
}

uint64_t qtl_ingest_records(const struct qtl_ingest *ingest)
{
    return atomic_load_explicit(&ingest->records, memory_order_relaxed);
}

static bool is_stopping(const struct qtl_ingest *ingest)
{
    return atomic_load_explicit(&ingest->stopping, memory_order_relaxed);
}

static size_t under_way(const struct qtl_ingest *ingest)
{
    return ingest->settings.epoch_count - ingest->free_count - 1; /* one is being filled */
}

static void take_back(struct qtl_ingest *ingest, struct qtl_epoch *epoch)
{
    ingest->unfinished = false;
    for (size_t slice = 0; slice < epoch->slice_count; slice++) {
        ingest->unfinished = ingest->unfinished || epoch->slices[slice].outcome.unfinished;
    }
    ingest->free[ingest->free_count++] = epoch;
}

/* Takes back what publish is done with; with `wait`, at least one. */
static void collect_returned(struct qtl_ingest *ingest, bool wait)
{
    void *epoch = NULL;
    if (wait) {
        take_back(ingest, qtl_ring_pop(ingest->settings.returned));
    }
    while (qtl_ring_try_pop(ingest->settings.returned, &epoch) == QTL_OK) {
        take_back(ingest, epoch);
    }
}

static enum qtl_status fill(struct qtl_ingest *ingest, struct lane *lane, struct qtl_error *error)
{
    for (int i = 0; i < QTL_STREAMS; i++) {
        const enum qtl_status status = qtl_partition_fill(
            &lane->partitions[i], ingest->now.wall_ms / 1000, lane->clock, error);
        if (status != QTL_OK) {
            return status;
        }
    }
    return QTL_OK;
}

/* The partition whose record comes next in the merge, or -1 where none may be taken: nothing waits,
 * or a partition that lags (empty, and not `ended`) has nothing to compare with. */
static int next_in_merge(const struct lane *lane, const bool *ended)
{
    int best = -1;
    for (int i = 0; i < QTL_STREAMS; i++) {
        const struct qtl_waiting *const waiting = qtl_partition_next(&lane->partitions[i]);
        if (waiting == NULL) {
            if (!ended[i]) {
                return -1;
            }
            continue;
        }
        if (best < 0 ||
            waiting->merge_second < qtl_partition_next(&lane->partitions[best])->merge_second) {
            best = i;
        }
    }
    return best;
}

/* Takes up to TURN_RECORDS of a slice's records, and until a partition has to be read again. */
static enum qtl_status take_turn(struct qtl_ingest *ingest, struct qtl_epoch *epoch, size_t slice,
                                 size_t *taken, struct qtl_error *error)
{
    struct lane *const lane = &ingest->lanes[slice];
    const size_t records_max = (size_t)ingest->settings.config->epoch_max_records;
    const enum qtl_status status = fill(ingest, lane, error);
    if (status != QTL_OK) {
        return status;
    }
    bool
        ended[QTL_STREAMS]; /* asked for once: a partition drained below is no longer known to be */
    for (int i = 0; i < QTL_STREAMS; i++) {
        ended[i] = qtl_partition_ended(&lane->partitions[i]);
    }
    for (size_t turn = 0; turn < TURN_RECORDS && epoch->records < records_max; turn++) {
        const int next = next_in_merge(lane, ended);
        if (next < 0) {
            return QTL_OK;
        }
        qtl_partition_take(&lane->partitions[next], epoch, slice);
        (*taken)++;
    }
    return QTL_OK;
}

/* Takes what may be taken now, slice by slice in turns, until nothing more may or the epoch is
 * full. */
static enum qtl_status gather(struct qtl_ingest *ingest, struct qtl_epoch *epoch,
                              struct qtl_error *error)
{
    size_t taken = 1;
    const size_t records_max = (size_t)ingest->settings.config->epoch_max_records;
    while (taken > 0 && epoch->records < records_max) {
        taken = 0;
        for (size_t slice = 0; slice < ingest->settings.slice_count; slice++) {
            if (!ingest->lanes[slice].is_ours) {
                continue;
            }
            const enum qtl_status status = take_turn(ingest, epoch, slice, &taken, error);
            if (status != QTL_OK) {
                return status;
            }
        }
    }
    return QTL_OK;
}

/* The clock of a slice (DESIGN 3): the wall clock when all its partitions are read to their ends;
 * else the smallest merge second that waits; it stands where a partition lags with nothing to show,
 * where the wall clock jumped, and for a while where somebody left a transaction open. */
static int64_t clock_of(const struct qtl_ingest *ingest, const struct lane *lane)
{
    struct qtl_log_reader *const reader = ingest->settings.reader;
    int64_t frontier = INT64_MAX;
    bool held = ingest->now.jumped;
    for (int i = 0; i < QTL_STREAMS; i++) {
        const struct qtl_waiting *const waiting = qtl_partition_next(&lane->partitions[i]);
        if (waiting == NULL && !qtl_partition_ended(&lane->partitions[i])) {
            return lane->clock;
        }
        if (waiting != NULL && waiting->merge_second < frontier) {
            frontier = waiting->merge_second;
        }
        held =
            held || reader->ops->holds_clock(reader, (enum qtl_topic)i, lane->partitions[i].number);
    }
    if (frontier != INT64_MAX) {
        return frontier;
    }
    return held ? lane->clock : ingest->now.wall_ms / 1000;
}

static bool has_ended(const struct lane *lane)
{
    for (int i = 0; i < QTL_STREAMS; i++) {
        if (!qtl_partition_ended(&lane->partitions[i])) {
            return false;
        }
    }
    return true;
}

static bool all_ended(const struct qtl_ingest *ingest)
{
    for (size_t slice = 0; slice < ingest->settings.slice_count; slice++) {
        if (ingest->lanes[slice].is_ours && !has_ended(&ingest->lanes[slice])) {
            return false;
        }
    }
    return true;
}

/* Nothing is left to read, to score or to commit, and the last epoch knew that all was read: its
 * clock was the wall clock. */
static bool is_drained(const struct qtl_ingest *ingest, const struct qtl_epoch *epoch)
{
    return epoch->records == 0 && under_way(ingest) == 0 && ingest->caught_up &&
           !ingest->unfinished && all_ended(ingest);
}

static void read_clock(struct qtl_ingest *ingest)
{
    ingest->now = qtl_wall_clock_read(&ingest->wall_clock);
    if (ingest->now.jumped && !ingest->warned_of_jump) {
        fprintf(stderr, "quintil: warning: the wall clock jumped by more than 5 s; deadlines wait "
                        "until it has been steady for a minute\n");
    }
    ingest->warned_of_jump = ingest->now.jumped;
}

static void submit(struct qtl_ingest *ingest, struct qtl_epoch *epoch)
{
    read_clock(ingest);
    for (size_t slice = 0; slice < ingest->settings.slice_count; slice++) {
        const struct lane *const lane = &ingest->lanes[slice];
        ingest->clocks[slice] = lane->is_ours ? clock_of(ingest, lane) : 0;
    }
    const int64_t wall = ingest->now.wall_ms / 1000;
    qtl_epoch_close(epoch, wall, ingest->clocks, QTL_DEADLINES_MAX);
    ingest->caught_up = true;
    for (size_t slice = 0; slice < ingest->settings.slice_count; slice++) {
        const bool is_live = ingest->clocks[slice] == wall;
        epoch->slices[slice].input.is_live = is_live;
        ingest->caught_up = ingest->caught_up && (is_live || !ingest->lanes[slice].is_ours);
    }
    ingest->ticked = wall;
    const uint64_t records = qtl_ingest_records(ingest) + epoch->records;
    atomic_store_explicit(&ingest->records, records, memory_order_relaxed);
    qtl_shards_submit(ingest->settings.shards, epoch);
}

/* Prepares an empty epoch: each partition's offsets begin where it stands. */
static struct qtl_epoch *open_epoch(struct qtl_ingest *ingest)
{
    if (ingest->free_count == 0) {
        collect_returned(ingest, true);
    }
    struct qtl_epoch *const epoch = ingest->free[--ingest->free_count];
    qtl_epoch_reset(epoch);
    for (size_t slice = 0; slice < ingest->settings.slice_count; slice++) {
        for (int i = 0; ingest->lanes[slice].is_ours && i < QTL_STREAMS; i++) {
            const int64_t offset = ingest->lanes[slice].partitions[i].next_offset;
            epoch->slices[slice].first_offset[i] = epoch->slices[slice].next_offset[i] = offset;
        }
    }
    read_clock(ingest);
    epoch->opened_us = (uint64_t)ingest->now.monotonic_ms * 1000;
    return epoch;
}

/* How long the epoch may stay open: 0 it closes now, else milliseconds to wait for more at most. */
static int64_t time_left_ms(const struct qtl_ingest *ingest, const struct qtl_epoch *epoch)
{
    const struct qtl_config *const config = ingest->settings.config;
    const int64_t age_ms = ingest->now.monotonic_ms - (int64_t)(epoch->opened_us / 1000);
    const bool is_free = under_way(ingest) <= UNDER_WAY_MAX;
    if (epoch->records == 0) {
        const bool second_began = ingest->unfinished || ingest->now.wall_ms / 1000 > ingest->ticked;
        const int64_t to_next_ms = 1000 - ingest->now.wall_ms % 1000;
        return second_began && is_free ? 0 : to_next_ms;
    }
    if (epoch->records >= (size_t)config->epoch_max_records || age_ms >= config->epoch_max_ms ||
        (is_free && age_ms >= config->epoch_min_ms)) {
        return 0;
    }
    const int64_t until_ms = is_free ? config->epoch_min_ms : config->epoch_max_ms;
    return until_ms - age_ms;
}

static enum qtl_status say_lost(const struct qtl_log_change *change, struct qtl_error *error)
{
    if (change->refusal != NULL) {
        return qtl_error_set(error, QTL_BAD_CONF, "%s", change->refusal);
    }
    return change->fenced ? qtl_error_set(error, QTL_LOST, "another instance has taken our name")
                          : qtl_error_set(error, QTL_IO,
                                          "our partitions were given away: the group did not hear "
                                          "of us in time");
}

/* Takes what the group says: all partitions are revoked before any is assigned. */
static enum qtl_status look_at_changes(struct qtl_ingest *ingest, struct qtl_error *error)
{
    struct qtl_log_reader *const reader = ingest->settings.reader;
    struct qtl_log_change change;
    enum qtl_status status = QTL_OK;
    while ((status = reader->ops->change(reader, &change)) == QTL_OK) {
        switch (change.type) {
        case QTL_LOG_REVOKED:
            ingest->is_revoked = true;
            break;
        case QTL_LOG_ASSIGNED:
            QTL_UNREACHABLE("an assignment before the last one was let go");
        case QTL_LOG_LOST:
            return say_lost(&change, error);
        }
    }
    return status == QTL_EMPTY ? QTL_OK : status;
}

/* Fills the epoch until it is to be closed; false where it is not, for `status`, or because all is
 * drained. */
static bool fill_epoch(struct qtl_ingest *ingest, struct qtl_epoch *epoch, enum qtl_status *status,
                       struct qtl_error *error)
{
    struct qtl_log_reader *const reader = ingest->settings.reader;
    while (!is_stopping(ingest) && !ingest->is_revoked) {
        collect_returned(ingest, false);
        read_clock(ingest);
        *status = look_at_changes(ingest, error);
        if (*status == QTL_OK && (ingest->caught_up || !ingest->unfinished)) {
            *status = gather(ingest, epoch, error);
        } /* else: while catching up, deadlines left over come before any record */
        if (*status != QTL_OK || (ingest->settings.drain && is_drained(ingest, epoch))) {
            return false;
        }
        const int64_t left_ms = time_left_ms(ingest, epoch);
        if (left_ms <= 0) {
            return true;
        }
        const enum qtl_status waited = reader->ops->wait(reader, (int)left_ms);
        if (waited != QTL_EMPTY && waited != QTL_OK) {
            *status = waited;
            return false;
        }
    }
    return true;
}

enum qtl_status qtl_ingest_run(struct qtl_ingest *ingest, struct qtl_error *error)
{
    enum qtl_status status = QTL_OK;
    bool goes_on = true;
    while (goes_on && !is_stopping(ingest) && !ingest->is_revoked) {
        struct qtl_epoch *const epoch = open_epoch(ingest);
        goes_on = fill_epoch(ingest, epoch, &status, error);
        if (goes_on) {
            submit(ingest, epoch);
        } else {
            ingest->free[ingest->free_count++] = epoch;
        }
    }
    qtl_shards_submit_end(ingest->settings.shards);
    return status;
}
