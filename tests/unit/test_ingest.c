/*
 * Ingest on a log in memory: which record may be taken while partitions lag, where the slice's
 * clock stands, when an epoch closes, when all is drained. Its source is included, so that every
 * step is looked at between two others, without threads; the whole run stands in test_pipeline.c.
 */
#include "consumer/ingest.c" /* NOLINT(bugprone-suspicious-include): see above */

#include "consumer/decode.h"
#include "tests/unit/fake_log.h"
#include "tests/unit/rig.h"

static int64_t wall_ms;
static int64_t monotonic_ms;

static int64_t read_wall(void)
{
    return wall_ms;
}

static int64_t read_monotonic(void)
{
    return monotonic_ms;
}

static void pass(int64_t ms)
{
    wall_ms += ms;
    monotonic_ms += ms;
}

enum { EPOCHS = 3, NOW = 1000000 };

struct bench {
    struct fake_reader reader;
    struct qtl_config config;
    struct qtl_rules *rules;
    struct qtl_ring *returned;
    struct qtl_ledger ledger;
    struct qtl_ingest *ingest;
    struct qtl_epoch *epochs[EPOCHS];
    struct qtl_epoch *epoch; /* the open one */
    struct qtl_error error;
};

static void reopen(struct bench *bench)
{
    qtl_epoch_reset(bench->epoch);
}

/* One slice that nothing was read of; orders and engagement lag, customers is at its end. */
static void begin(struct bench *bench, int64_t clock)
{
    *bench = (struct bench){.ledger = {.clock = clock}};
    fake_reader_init(&bench->reader, 1);
    bench->reader.partitions[QTL_STREAM_ORDERS][0].open = true;
    bench->reader.partitions[QTL_STREAM_ENGAGEMENT][0].open = true;
    qtl_config_init(&bench->config);
    bench->rules = rig_rules("segments:\n  buyer:\n    when: orders() >= 1\n");
    bench->returned = qtl_ring_new(EPOCHS);
    struct qtl_ingest_settings settings = {
        .reader = &bench->reader.base,
        .config = &bench->config,
        .returned = bench->returned,
        .ledgers = &bench->ledger,
        .slice_count = 1,
        .epoch_count = EPOCHS,
    };
    for (int i = 0; i < QTL_STREAMS; i++) {
        settings.decoders[i] =
            qtl_decoder_new((enum qtl_stream)i, &bench->config.streams[i], bench->rules);
    }
    assert_int_equal(qtl_ingest_new(&settings, &bench->ingest, &bench->error), QTL_OK);
    wall_ms = (RIG_START + NOW) * 1000;
    monotonic_ms = 5000000;
    qtl_wall_clock_init(&bench->ingest->wall_clock, read_wall, read_monotonic);
    for (int i = 0; i < EPOCHS; i++) {
        bench->epochs[i] = qtl_epoch_new(1);
        assert_int_equal(qtl_ring_push(bench->returned, bench->epochs[i]), QTL_OK);
    }
    bench->epoch = open_epoch(bench->ingest);
}

static void end(struct bench *bench)
{
    for (int i = 0; i < QTL_STREAMS; i++) {
        qtl_decoder_free(bench->ingest->settings.decoders[i]);
    }
    qtl_ingest_free(bench->ingest);
    qtl_ring_free(bench->returned);
    for (int i = 0; i < EPOCHS; i++) {
        qtl_epoch_free(bench->epochs[i]);
    }
    qtl_rules_free(bench->rules);
    qtl_config_fini(&bench->config);
    fake_reader_fini(&bench->reader);
}

static struct fake_partition *orders(struct bench *bench)
{
    return &bench->reader.partitions[QTL_STREAM_ORDERS][0];
}

static struct fake_partition *engagement(struct bench *bench)
{
    return &bench->reader.partitions[QTL_STREAM_ENGAGEMENT][0];
}

/* A record of either stream that happened and was stamped at `at`. */
static void add_stamped(struct bench *bench, enum qtl_stream stream, int64_t at, int64_t stamp)
{
    char value[160];
    const char *const rest =
        stream == QTL_STREAM_ORDERS ? "\"order_id\":\"o\",\"amount\":1" : "\"kind\":\"page_view\"";
    snprintf(value, sizeof(value), "{\"customer_id\":\"c\",\"occurred_at\":%" PRId64 ",%s}",
             RIG_START + at, rest);
    fake_add(&bench->reader.partitions[stream][0], stamp, value);
}

static void add(struct bench *bench, enum qtl_stream stream, int64_t at)
{
    add_stamped(bench, stream, at, RIG_START + at);
}

/* What is gathered now, on top of what was: "orders engagement". */
static const char *gathered(struct bench *bench)
{
    static char text[64];
    read_clock(bench->ingest);
    assert_int_equal(gather(bench->ingest, bench->epoch, &bench->error), QTL_OK);
    const struct qtl_epoch_slice *const part = &bench->epoch->slices[0];
    snprintf(text, sizeof(text), "%zu %zu", part->lists[QTL_STREAM_ORDERS].count,
             part->lists[QTL_STREAM_ENGAGEMENT].count);
    return text;
}

/* The slice's clock if the epoch closed now, from RIG_START. */
static int64_t clock_now(struct bench *bench)
{
    read_clock(bench->ingest);
    return clock_of(bench->ingest, &bench->ingest->lanes[0]) - RIG_START;
}

static void a_lagging_partition_holds_the_others(void **state)
{
    (void)state;
    struct bench bench;
    begin(&bench, 0);
    add(&bench, QTL_STREAM_ORDERS, 100);
    add(&bench, QTL_STREAM_ORDERS, 200);
    add(&bench, QTL_STREAM_ORDERS, 300);
    assert_string_equal(gathered(&bench), "0 0");
    add(&bench, QTL_STREAM_ENGAGEMENT, 200);
    /* Orders of the same second come first; the engagement may still be behind orders to come. */
    assert_string_equal(gathered(&bench), "2 1");
    add(&bench, QTL_STREAM_ENGAGEMENT, 250);
    assert_string_equal(gathered(&bench), "2 2");
    engagement(&bench)->open = false;
    assert_string_equal(gathered(&bench), "3 2");
    add(&bench, QTL_STREAM_ENGAGEMENT, 400);
    assert_string_equal(gathered(&bench), "3 2"); /* now orders lag */
    orders(&bench)->open = false;
    assert_string_equal(gathered(&bench), "3 3");
    end(&bench);
}

static void what_waits_is_bounded_and_not_read_again(void **state)
{
    (void)state;
    struct bench bench;
    begin(&bench, 0);
    for (int64_t i = 0; i < 3 * QTL_PARTITION_WAITING_MAX; i++) {
        add(&bench, QTL_STREAM_ORDERS, i);
    }
    for (int i = 0; i < 5; i++) {
        assert_string_equal(gathered(&bench), "0 0");
    }
    assert_int_equal(orders(&bench)->next, QTL_PARTITION_WAITING_MAX);
    assert_int_equal(orders(&bench)->reads, 1);
    engagement(&bench)->open = false;
    assert_string_equal(gathered(&bench), "6144 0");
    end(&bench);
}

static void an_epoch_takes_so_many_and_no_more(void **state)
{
    (void)state;
    struct bench bench;
    begin(&bench, 0);
    bench.config.epoch_max_records = 300;
    orders(&bench)->open = engagement(&bench)->open = false;
    for (int64_t i = 0; i < 1000; i++) {
        add(&bench, QTL_STREAM_ORDERS, i);
    }
    assert_string_equal(gathered(&bench), "300 0");
    assert_int_equal(time_left_ms(bench.ingest, bench.epoch), 0);
    assert_int_equal(bench.epoch->slices[0].next_offset[QTL_STREAM_ORDERS], 300);
    assert_int_equal(clock_now(&bench), 300); /* the next that waits */
    assert_false(all_ended(bench.ingest));
    reopen(&bench);
    assert_string_equal(gathered(&bench), "300 0");
    end(&bench);
}

static void dead_letters_stand_where_the_record_before_stood(void **state)
{
    (void)state;
    struct bench bench;
    begin(&bench, 0);
    add(&bench, QTL_STREAM_ORDERS, 100);
    fake_add(orders(&bench), RIG_START + 900000, "{");
    fake_add(orders(&bench), RIG_START + 900000, NULL);
    add(&bench, QTL_STREAM_ORDERS, 300);
    add(&bench, QTL_STREAM_ENGAGEMENT, 200);
    assert_string_equal(gathered(&bench), "1 1");
    assert_int_equal(bench.epoch->slices[0].dead_letter_count, 2);
    assert_int_equal(bench.epoch->records, 4);
    assert_int_equal(bench.epoch->slices[0].next_offset[QTL_STREAM_ORDERS], 3);
    end(&bench);
}

static void the_clock_stands_while_a_partition_lags_with_nothing(void **state)
{
    (void)state;
    struct bench bench;
    begin(&bench, RIG_START + 50);
    assert_int_equal(clock_now(&bench), 50);
    add(&bench, QTL_STREAM_ORDERS, 100);
    assert_string_equal(gathered(&bench), "0 0");
    assert_int_equal(clock_now(&bench), 50);
    engagement(&bench)->open = false;
    assert_string_equal(gathered(&bench), "1 0");
    assert_int_equal(clock_now(&bench), 50);
    end(&bench);
}

static void the_clock_is_the_frontier_then_the_wall(void **state)
{
    (void)state;
    struct bench bench;
    begin(&bench, RIG_START + 50);
    orders(&bench)->open = false;
    engagement(&bench)->open = false;
    bench.config.epoch_max_records = 1;
    add(&bench, QTL_STREAM_ORDERS, 100);
    add(&bench, QTL_STREAM_ORDERS, 300);
    add(&bench, QTL_STREAM_ENGAGEMENT, 200);
    assert_string_equal(gathered(&bench), "1 0");
    assert_int_equal(clock_now(&bench), 200);
    reopen(&bench);
    assert_string_equal(gathered(&bench), "0 1");
    assert_int_equal(clock_now(&bench), 300);
    reopen(&bench);
    assert_string_equal(gathered(&bench), "1 0");
    assert_int_equal(clock_now(&bench), NOW);
    pass(1000);
    assert_int_equal(clock_now(&bench), NOW + 1);
    add(&bench, QTL_STREAM_ORDERS, 400); /* came, and is not read yet */
    assert_int_equal(clock_now(&bench), 50);
    end(&bench);
}

static void absurd_stamps_do_not_move_the_frontier(void **state)
{
    (void)state;
    struct bench bench;
    begin(&bench, RIG_START);
    orders(&bench)->open = false;
    const int64_t stamps[] = {0, INT64_C(253402300799), RIG_START * 1000, RIG_START + NOW + 1};
    for (size_t i = 0; i < sizeof(stamps) / sizeof(stamps[0]); i++) {
        add_stamped(&bench, QTL_STREAM_ENGAGEMENT, 100 + (int64_t)i, stamps[i]);
        add(&bench, QTL_STREAM_ORDERS, 101 + (int64_t)i);
        (void)gathered(&bench);
        assert_int_equal(bench.epoch->slices[0].lists[QTL_STREAM_ENGAGEMENT].count, i + 1);
    }
    end(&bench);
}

static void a_clock_that_jumps_stands(void **state)
{
    (void)state;
    struct bench bench;
    begin(&bench, RIG_START + 50);
    orders(&bench)->open = false;
    engagement(&bench)->open = false;
    assert_string_equal(gathered(&bench), "0 0");
    pass(1000);
    assert_int_equal(clock_now(&bench), NOW + 1);
    wall_ms += 4000; /* not even the limit */
    assert_int_equal(clock_now(&bench), NOW + 5);
    wall_ms += 86400000;
    assert_int_equal(clock_now(&bench), 50);
    pass(59000);
    assert_int_equal(clock_now(&bench), 50);
    wall_ms -= 3600000; /* set once more: the minute begins again */
    assert_int_equal(clock_now(&bench), 50);
    pass(59000);
    assert_int_equal(clock_now(&bench), 50);
    pass(1000);
    assert_int_equal(clock_now(&bench), NOW + 5 + 86400 + 59 - 3600 + 60);
    wall_ms -= 90000000; /* and back, at once */
    assert_int_equal(clock_now(&bench), 50);
    wall_ms += 90000000;
    assert_int_equal(clock_now(&bench), NOW + 5 + 86400 + 59 - 3600 + 60);
    end(&bench);
}

static void an_epoch_closes_in_its_time(void **state)
{
    (void)state;
    struct bench bench;
    begin(&bench, 0);
    orders(&bench)->open = false;
    engagement(&bench)->open = false;
    bench.config.epoch_min_ms = 10;
    bench.config.epoch_max_ms = 1000;
    bench.ingest->ticked = RIG_START + NOW; /* deadlines of this second were looked at */
    assert_string_equal(gathered(&bench), "0 0");
    assert_int_equal(time_left_ms(bench.ingest, bench.epoch), 1000);
    add(&bench, QTL_STREAM_ORDERS, 1);
    assert_string_equal(gathered(&bench), "1 0");
    assert_int_equal(time_left_ms(bench.ingest, bench.epoch), 10);
    pass(10);
    assert_string_equal(gathered(&bench), "1 0");
    assert_int_equal(time_left_ms(bench.ingest, bench.epoch), 0);
    /* Two under way: wait for publish, for epoch.max_ms at most. */
    struct qtl_epoch *const first = bench.ingest->free[--bench.ingest->free_count];
    struct qtl_epoch *const second = bench.ingest->free[--bench.ingest->free_count];
    assert_int_equal(time_left_ms(bench.ingest, bench.epoch), 990);
    pass(990);
    read_clock(bench.ingest);
    assert_int_equal(time_left_ms(bench.ingest, bench.epoch), 0);
    take_back(bench.ingest, first);
    take_back(bench.ingest, second);
    /* Empty, in a new second: deadlines may be due. */
    reopen(&bench);
    assert_int_equal(time_left_ms(bench.ingest, bench.epoch), 0);
    end(&bench);
}

static void drained_is_when_nothing_is_left(void **state)
{
    (void)state;
    struct bench bench;
    begin(&bench, 0);
    assert_string_equal(gathered(&bench), "0 0");
    bench.ingest->caught_up = true;
    assert_false(is_drained(bench.ingest, bench.epoch)); /* two lag */
    orders(&bench)->open = false;
    engagement(&bench)->open = false;
    bench.ingest->caught_up = false;
    assert_false(is_drained(bench.ingest, bench.epoch)); /* the last epoch did not know that */
    bench.ingest->caught_up = true;
    assert_true(is_drained(bench.ingest, bench.epoch));
    bench.ingest->unfinished = true;
    assert_false(is_drained(bench.ingest, bench.epoch));
    bench.ingest->unfinished = false;
    add(&bench, QTL_STREAM_ORDERS, 1);
    assert_false(is_drained(bench.ingest, bench.epoch)); /* not read yet */
    assert_string_equal(gathered(&bench), "1 0");
    assert_false(is_drained(bench.ingest, bench.epoch)); /* not committed yet */
    reopen(&bench);
    assert_true(is_drained(bench.ingest, bench.epoch));
    struct qtl_epoch *const away = bench.ingest->free[--bench.ingest->free_count];
    assert_false(is_drained(bench.ingest, bench.epoch)); /* under way */
    away->slices[0].outcome.unfinished = true;
    take_back(bench.ingest, away);
    assert_false(is_drained(bench.ingest, bench.epoch)); /* deadlines are left */
    end(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_lagging_partition_holds_the_others),
        cmocka_unit_test(what_waits_is_bounded_and_not_read_again),
        cmocka_unit_test(an_epoch_takes_so_many_and_no_more),
        cmocka_unit_test(dead_letters_stand_where_the_record_before_stood),
        cmocka_unit_test(the_clock_stands_while_a_partition_lags_with_nothing),
        cmocka_unit_test(the_clock_is_the_frontier_then_the_wall),
        cmocka_unit_test(absurd_stamps_do_not_move_the_frontier),
        cmocka_unit_test(a_clock_that_jumps_stands),
        cmocka_unit_test(an_epoch_closes_in_its_time),
        cmocka_unit_test(drained_is_when_nothing_is_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
