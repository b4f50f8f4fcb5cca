/*
 * The restart along the epoch records: random shops with late records, bad stamps, dead letters and
 * totals that overflow, in epochs of random sizes; recovered engines must be the same in every
 * customer and decide alike from there on. Every failure names its seed.
 */
#include "scoring/customer.h"
#include "tests/unit/recovery_kit.h"

#define BASE INT64_C(1790000000)
enum { SEEDS = 40, CUSTOMERS = 25, EPOCHS = 60, EPOCHS_AFTER = 15 };

#define RULES_TEXT                                                                                 \
    "retention: 30d\n"                                                                             \
    "kinds: [favourite]\n"                                                                         \
    "segments:\n"                                                                                  \
    "  big:\n"                                                                                     \
    "    when: spend(2d) >= 300 and orders(7d) >= 2\n"                                             \
    "    leave_when: spend(2d) < 100\n"                                                            \
    "    hold: 6h\n"                                                                               \
    "    holdout: 25%\n"                                                                           \
    "  quiet:\n"                                                                                   \
    "    when: since(any) >= 1d and not in(big)\n"                                                 \
    "  abandoned:\n"                                                                               \
    "    when: since(cart_add) >= 2h and since(cart_add) < 3d and last(cart_add) > last(order)\n"  \
    "  settled:\n"                                                                                 \
    "    when: in(big) and dwell(big) >= 12h\n"                                                    \
    "  keen:\n"                                                                                    \
    "    when: count(favourite, 90m) >= 2 or returns(10d) > 0\n"

static const char rules_text[] = RULES_TEXT;
static const char last_rules_text[] = RULES_TEXT "  fresh: {when: age(order) < 3d}\n";

/* The same names in another order, other conditions, one segment more. */
static const char other_rules_text[] = "retention: 30d\n"
                                       "kinds: [favourite]\n"
                                       "segments:\n"
                                       "  keen:\n"
                                       "    when: count(favourite, 90m) >= 3\n"
                                       "  abandoned:\n"
                                       "    when: since(cart_add) >= 3h\n"
                                       "  fresh:\n"
                                       "    when: age(order) < 1d\n"
                                       "  big:\n"
                                       "    when: spend(2d) >= 200\n"
                                       "    hold: 1d\n"
                                       "  quiet:\n"
                                       "    when: since(any) >= 2d\n"
                                       "  settled:\n"
                                       "    when: dwell(big) >= 12h\n";

struct world {
    struct kit_log log;
    struct qtl_config config;
    struct qtl_rules *rules;
    struct qtl_rules *other_rules;
    struct qtl_rules *last_rules;
    struct kit_engine live;
    struct qtl_epoch *epoch;
    struct qtl_random random;
    int64_t now; /* arrival of the newest record */
    unsigned orders;
    bool is_settled[KIT_PARTITIONS]; /* the last epoch had a record and left nothing over */
    uint64_t transitions;
    uint64_t unfinished;
    uint64_t letters;
    uint64_t rejects;
    uint64_t swept;
    uint64_t sweeps_waiting;
    uint64_t waits;
    uint64_t waits_otherwise;
};

static void world_init(struct world *world, uint64_t seed)
{
    *world = (struct world){.random = qtl_random_seed(seed, 7), .now = BASE};
    kit_log_init(&world->log, seed);
    qtl_config_init(&world->config);
    if (seed % 3 == 0) {
        world->config.streams[QTL_STREAM_ENGAGEMENT].timestamp = QTL_TIMESTAMP_EVENT;
    }
    if (seed % 4 == 0) {
        world->config.streams[QTL_STREAM_ENGAGEMENT].unknown_kinds = QTL_UNKNOWN_KINDS_SKIP;
    }
    world->rules = kit_rules(rules_text);
    world->other_rules = kit_rules(other_rules_text);
    world->last_rules = kit_rules(last_rules_text);
    world->epoch = qtl_epoch_new(1);
    kit_engine_init(&world->live, &world->log, &world->config, world->rules);
    struct qtl_error error;
    assert_int_equal(kit_recover(&world->live, &error), QTL_OK); /* of nothing */
}

static void world_fini(struct world *world)
{
    kit_engine_fini(&world->live);
    qtl_epoch_free(world->epoch);
    qtl_rules_free(world->rules);
    qtl_rules_free(world->other_rules);
    qtl_rules_free(world->last_rules);
    qtl_config_fini(&world->config);
    kit_log_fini(&world->log);
}

static uint32_t below(struct world *world, uint32_t bound)
{
    return qtl_random_below(&world->random, bound);
}

/* Late, now and then by weeks, or a little ahead. */
static int64_t some_time(struct world *world)
{
    switch (below(world, 8)) {
    case 0:
        return world->now - below(world, 40 * 86400);
    case 1:
        return world->now - below(world, 86400);
    case 2:
        return world->now + below(world, 300);
    default:
        return world->now - below(world, 120);
    }
}

static int64_t some_stamp(struct world *world)
{
    switch (below(world, 16)) {
    case 0:
        return QTL_TIME_ABSENT;
    case 1:
        return 0;
    case 2:
        return INT64_C(253402300799000); /* the year 9999 */
    case 3:
        return world->now * 1000000; /* microseconds */
    case 4:
        return (world->now - below(world, 5 * 86400)) * 1000;
    default:
        return world->now * 1000;
    }
}

static int write_order(struct world *world, int customer, char *text, size_t bytes)
{
    static const char *const kinds[] = {"placed",    "placed",  "placed",  "placed",
                                        "cancelled", "amended", "returned"};
    const char *const kind = kinds[below(world, 7)];
    const unsigned order = kind[0] == 'p' ? world->orders++ : below(world, world->orders + 2);
    /* Customer 0 buys so much that a total overflows. */
    const int64_t amount = customer == 0 ? INT64_C(100000000000000) : (int64_t)below(world, 300);
    return snprintf(text, bytes,
                    "{\"customer_id\":\"c%d\",\"order_id\":\"o%u\",\"occurred_at\":%" PRId64
                    ",\"kind\":\"%s\",\"amount\":%" PRId64 ",\"event_id\":\"e%u\"}",
                    customer, order, some_time(world), kind, amount, below(world, 400));
}

static int write_engagement(struct world *world, int customer, char *text, size_t bytes)
{
    static const char *const kinds[] = {"cart_add",  "page_view",  "favourite",
                                        "favourite", "email_sent", "unheard_of"};
    return snprintf(text, bytes,
                    "{\"customer_id\":\"c%d\",\"kind\":\"%s\",\"occurred_at\":%" PRId64
                    ",\"event_id\":\"e%u\",\"value\":%u}",
                    customer, kinds[below(world, 6)], some_time(world), below(world, 400),
                    below(world, 9));
}

static void append_record(struct world *world, int partition)
{
    char text[256];
    world->now += below(world, 3) == 0 ? below(world, 7200) : below(world, 60);
    const int stream = (int)below(world, QTL_STREAMS);
    const int place = below(world, 8) == 0 ? 0 : (int)below(world, CUSTOMERS);
    const int customer = partition + KIT_PARTITIONS * place;
    int length = 0;
    if (below(world, 12) == 0) {
        length = snprintf(text, sizeof(text), "{\"customer_id\":\"c%d\",\"occ", customer);
    } else if (stream == QTL_STREAM_ORDERS) {
        length = write_order(world, customer, text, sizeof(text));
    } else if (stream == QTL_STREAM_ENGAGEMENT) {
        length = write_engagement(world, customer, text, sizeof(text));
    } else {
        length = snprintf(text, sizeof(text), "{\"customer_id\":\"c%d\"}", customer);
    }
    const int64_t gap = below(world, 10) == 0 ? below(world, 4) : 0;
    kit_append(&world->log.topics[stream][partition], some_stamp(world),
               (struct qtl_text){text, (uint32_t)length}, gap);
}

/* New records, and what the next epoch takes of them. */
static struct kit_epoch_plan next_plan(struct world *world, int partition)
{
    for (uint32_t i = below(world, 4) == 0 ? 0 : below(world, 25); i > 0; i--) {
        append_record(world, partition);
    }
    if (below(world, 6) == 0) {
        world->now += below(world, 3 * 86400); /* an outage */
    }
    struct kit_epoch_plan plan = {.wall = world->now, .deadlines_max = QTL_DEADLINES_MAX};
    for (int stream = 0; stream < QTL_STREAMS; stream++) {
        plan.counts[stream] = below(world, 3) == 0 ? 0 : below(world, 20);
    }
    plan.clock = world->now - (below(world, 3) == 0 ? below(world, 7200) : 0);
    if (below(world, 5) == 0) {
        plan.deadlines_max = 1 + below(world, 3);
    }
    plan.is_live = below(world, 3) == 0;
    return plan;
}

static void run_epochs(struct world *world, int epochs)
{
    for (int i = 0; i < epochs; i++) {
        const int partition = (int)below(world, KIT_PARTITIONS);
        const struct kit_epoch_plan plan = next_plan(world, partition);
        kit_apply(&world->live, partition, &plan, world->epoch, true);
        const struct qtl_epoch_slice *const part = &world->epoch->slices[0];
        world->is_settled[partition] = qtl_ledger_is_due(part) && !part->outcome.unfinished;
        world->transitions += part->outcome.transition_count;
        world->unfinished += part->outcome.unfinished ? 1 : 0;
        world->rejects += part->outcome.reject_count;
        world->swept += part->outcome.swept ? 1 : 0;
        world->letters += part->dead_letter_count;
    }
}

/* Every time, id and total of every row. */
static void compare_series(const struct qtl_customer *a, const struct qtl_customer *b)
{
    for (unsigned code = 0; code <= QTL_SERIES_AMENDMENTS; code++) {
        const struct qtl_series *const left = qtl_book_series(a->book, code);
        const struct qtl_series *const right = qtl_book_series(b->book, code);
        assert_int_equal(left == NULL, right == NULL);
        if (left == NULL) {
            continue;
        }
        assert_int_equal(left->count, right->count);
        assert_int_equal(qtl_series_forgotten(left), qtl_series_forgotten(right));
        if (left->count == 0 || code == QTL_SERIES_AMENDMENTS) {
            continue;
        }
        assert_int_equal(left->row_words, right->row_words);
        assert_memory_equal(qtl_series_row(left, 0), qtl_series_row(right, 0),
                            left->count * left->row_words * sizeof(uint32_t));
        for (enum qtl_column column = 0; column < QTL_COLUMNS; column++) {
            assert_true(qtl_series_total(left, column, left->count) ==
                        qtl_series_total(right, column, right->count));
        }
    }
}

static void compare_customers(const struct qtl_rules *rules, struct qtl_customer *a,
                              struct qtl_customer *b)
{
    assert_int_equal(qtl_text_compare(qtl_customer_id(a), qtl_customer_id(b)), 0);
    assert_int_equal(a->clock, b->clock);
    assert_int_equal(a->born, b->born);
    assert_int_equal(a->sequence, b->sequence);
    assert_memory_equal(a->since, b->since, rules->segment_count * sizeof(a->since[0]));
    assert_memory_equal(qtl_customer_states(a, rules->segment_count),
                        qtl_customer_states(b, rules->segment_count), rules->segment_count);
    compare_series(a, b);
}

static void compare_engines(const struct kit_engine *live, const struct kit_engine *recovered)
{
    for (int i = 0; i < KIT_PARTITIONS; i++) {
        const uint32_t count = qtl_slice_customer_count(live->slices[i]);
        assert_int_equal(count, qtl_slice_customer_count(recovered->slices[i]));
        assert_int_equal(qtl_slice_clock(live->slices[i]), qtl_slice_clock(recovered->slices[i]));
        for (uint32_t number = 0; number < count; number++) {
            compare_customers(live->rules, qtl_slice_customer(live->slices[i], number),
                              qtl_slice_customer(recovered->slices[i], number));
        }
        const struct qtl_ledger *const a = &live->ledgers[i];
        const struct qtl_ledger *const b = &recovered->ledgers[i];
        assert_int_equal(a->sequence, b->sequence);
        assert_memory_equal(a->next_offset, b->next_offset, sizeof(a->next_offset));
        assert_int_equal(a->clock, b->clock);
        assert_int_equal(a->rules_version, b->rules_version);
        assert_int_equal(a->names_written, b->names_written);
        assert_int_equal(a->unfinished, b->unfinished);
        assert_int_equal(a->sweep_waits, b->sweep_waits);
    }
}

static void compare_outcomes(const struct qtl_outcome *a, const struct qtl_outcome *b)
{
    assert_int_equal(a->transition_count, b->transition_count);
    for (size_t i = 0; i < a->transition_count; i++) {
        const struct qtl_transition *const left = &a->transitions[i];
        const struct qtl_transition *const right = &b->transitions[i];
        assert_int_equal(left->customer_id.length, right->customer_id.length);
        assert_memory_equal(left->customer_id.bytes, right->customer_id.bytes,
                            left->customer_id.length);
        assert_int_equal(left->id_high, right->id_high);
        assert_int_equal(left->id_low, right->id_low);
        assert_int_equal(left->at, right->at);
        assert_int_equal(left->segment, right->segment);
        assert_int_equal(left->from, right->from);
        assert_int_equal(left->to, right->to);
        assert_int_equal(left->sequence, right->sequence);
        assert_int_equal(left->cause, right->cause);
        assert_int_equal(left->records_before, right->records_before);
        assert_int_equal(left->holdout, right->holdout);
        assert_int_equal(left->evidence_count, right->evidence_count);
        for (uint16_t e = 0; e < left->evidence_count; e++) {
            assert_int_equal(left->evidence[e].metric, right->evidence[e].metric);
            assert_true(left->evidence[e].value == right->evidence[e].value);
        }
    }
    assert_int_equal(a->reject_count, b->reject_count);
    assert_int_equal(a->state_hash, b->state_hash);
    assert_int_equal(a->swept, b->swept);
    assert_int_equal(a->sweep_waits, b->sweep_waits);
    assert_int_equal(a->clock, b->clock);
}

/* Where the last epoch left nothing over, customers wait for the same second at once. Not quite
 * all: the later an evaluation, the more it knows, and it may pass over a second at which nothing
 * will change after all. */
static void compare_deadlines(struct world *world, const struct kit_engine *recovered,
                              int partition)
{
    const uint32_t count = qtl_slice_customer_count(world->live.slices[partition]);
    for (uint32_t number = 0; number < count; number++) {
        const struct qtl_customer *const a =
            qtl_slice_customer(world->live.slices[partition], number);
        const struct qtl_customer *const b =
            qtl_slice_customer(recovered->slices[partition], number);
        world->waits++;
        world->waits_otherwise += a->deadline != b->deadline ? 1 : 0;
    }
}

/* One epoch for both engines; the live one publishes. */
static void apply_to_both(struct world *world, struct kit_engine *recovered, int partition,
                          const struct kit_epoch_plan *plan)
{
    struct qtl_epoch *const epoch = qtl_epoch_new(1);
    kit_apply(recovered, partition, plan, epoch, false);
    kit_apply(&world->live, partition, plan, world->epoch, true);
    compare_outcomes(&world->epoch->slices[0].outcome, &epoch->slices[0].outcome);
    recovered->ledgers[partition] = world->live.ledgers[partition];
    qtl_epoch_free(epoch);
}

/* What fell due since the last record fires again in the recovered engine, and changes nothing that
 * it did not change before. Then every customer waits for the same second. */
static void catch_up(struct world *world, struct kit_engine *recovered)
{
    for (int i = 0; i < KIT_PARTITIONS; i++) {
        if (world->is_settled[i]) {
            compare_deadlines(world, recovered, i);
        }
        const struct kit_epoch_plan plan = {
            .wall = world->now, .clock = world->now, .deadlines_max = QTL_DEADLINES_MAX};
        apply_to_both(world, recovered, i, &plan);
        compare_deadlines(world, recovered, i);
    }
}

static void go_on(struct world *world, struct kit_engine *recovered)
{
    for (int i = 0; i < EPOCHS_AFTER; i++) {
        const int partition = (int)below(world, KIT_PARTITIONS);
        struct kit_epoch_plan plan = next_plan(world, partition);
        plan.deadlines_max = QTL_DEADLINES_MAX;
        apply_to_both(world, recovered, partition, &plan);
        compare_deadlines(world, recovered, partition);
    }
}

/* An engine recovered from the log, with these rules. */
static void recover(struct world *world, const struct qtl_rules *rules, struct kit_engine *engine)
{
    kit_engine_init(engine, &world->log, &world->config, rules);
    struct qtl_error error;
    if (kit_recover(engine, &error) != QTL_OK) {
        fail_msg("%s", error.text);
    }
}

/* The live engine dies; one that was recovered with these rules takes its place. */
static void restart(struct world *world, const struct qtl_rules *rules)
{
    kit_engine_fini(&world->live);
    recover(world, rules, &world->live);
}

/* Every deadline that is left fires, in both. */
static void wait_for_ever(struct world *world, struct kit_engine *recovered)
{
    world->now += 40 * 86400;
    for (int i = 0; i < KIT_PARTITIONS; i++) {
        const struct kit_epoch_plan plan = {.wall = world->now,
                                            .clock = world->now,
                                            .deadlines_max = QTL_DEADLINES_MAX,
                                            .is_live = true};
        apply_to_both(world, recovered, i, &plan);
    }
}

static void compare_with_a_recovered_one(struct world *world)
{
    struct kit_engine recovered;
    recover(world, world->live.rules, &recovered);
    compare_engines(&world->live, &recovered);
    catch_up(world, &recovered);
    go_on(world, &recovered);
    wait_for_ever(world, &recovered);
    compare_engines(&world->live, &recovered);
    assert_true(100 * world->waits_otherwise <= world->waits);
    kit_engine_fini(&recovered);
}

static void a_recovered_engine_is_the_same(void **state)
{
    (void)state;
    struct world sums = {0};
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        print_message("seed %" PRIu64 "\n", seed);
        struct world world;
        world_init(&world, seed);
        run_epochs(&world, EPOCHS);
        compare_with_a_recovered_one(&world);
        sums.transitions += world.transitions;
        sums.unfinished += world.unfinished;
        sums.letters += world.letters;
        sums.rejects += world.rejects;
        world_fini(&world);
    }
    /* It was worth the while. */
    assert_true(sums.transitions > 1000);
    assert_true(sums.unfinished > 10);
    assert_true(sums.letters > 100);
    assert_true(sums.rejects > 10);
}

/* Restarts under other rules and back, with their sweeps, some of them interrupted: the log still
 * tells one story. */
static void a_recovered_engine_is_the_same_across_rules(void **state)
{
    (void)state;
    struct world sums = {0};
    for (uint64_t seed = 101; seed < 101 + SEEDS; seed++) {
        print_message("seed %" PRIu64 "\n", seed);
        struct world world;
        world_init(&world, seed);
        run_epochs(&world, EPOCHS / 2);
        restart(&world, world.other_rules);
        run_epochs(&world, (int)below(&world, 12));
        for (int i = 0; i < KIT_PARTITIONS; i++) {
            sums.sweeps_waiting += world.live.ledgers[i].sweep_waits ? 1 : 0;
        }
        restart(&world, world.other_rules);
        run_epochs(&world, (int)below(&world, 12));
        compare_with_a_recovered_one(&world);
        restart(&world, world.last_rules);
        run_epochs(&world, (int)below(&world, 12));
        compare_with_a_recovered_one(&world);
        sums.swept += world.swept;
        world_fini(&world);
    }
    assert_true(sums.sweeps_waiting > 5);
    assert_true(sums.swept > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_recovered_engine_is_the_same),
        cmocka_unit_test(a_recovered_engine_is_the_same_across_rules),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
