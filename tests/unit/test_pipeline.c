/*
 * Ingest, shards and publish in their threads on a log in memory: a stream that comes slowly makes
 * no difference, a drained run has committed all, and after a failed commit nothing more is
 * published.
 */
#include "consumer/config.h"
#include "consumer/decode.h"
#include "consumer/ingest.h"
#include "scoring/base/ring.h"
#include "scoring/shards.h"
#include "sinks/publish.h"
#include "tests/unit/fake_log.h"
#include "tests/unit/rig.h"

#include <pthread.h>

enum { EPOCHS = 4, PARTITIONS = 2, RECORDS = 400 };
#define START INT64_C(1600000000)

static const char rule_text[] = "segments:\n"
                                "  busy:\n"
                                "    when: count(page_view, 5m) >= 2\n"
                                "  buyer:\n"
                                "    when: orders(10m) >= 1 and not in(busy)\n";

struct pipeline {
    struct fake_reader reader;
    struct fake_writer writer;
    struct qtl_config config;
    struct qtl_rules *rules;
    struct qtl_slice *slices[PARTITIONS];
    struct qtl_ledger ledgers[PARTITIONS];
    struct qtl_ring *returned;
    struct qtl_epoch *epochs[EPOCHS];
    struct qtl_decoder *decoders[QTL_STREAMS];
    struct qtl_shards *shards;
    struct qtl_ingest *ingest;
    struct qtl_publish *publish;
    enum qtl_status ingest_status;
    enum qtl_status publish_status;
    struct qtl_error ingest_error;
    struct qtl_error publish_error;
};

/* As `run` does it. */
static void wake(void *context)
{
    struct pipeline *const pipeline = context;
    if (atomic_load(&qtl_publish_counters(pipeline->publish)->failed)) {
        qtl_ingest_stop(pipeline->ingest);
    }
}

static void begin(struct pipeline *pipeline)
{
    *pipeline = (struct pipeline){.ingest_status = QTL_OK};
    fake_reader_init(&pipeline->reader, PARTITIONS);
    fake_writer_init(&pipeline->writer);
    qtl_config_init(&pipeline->config);
    pipeline->config.epoch_min_ms = 0;
    pipeline->rules = rig_rules(rule_text);
}

static void build(struct pipeline *pipeline)
{
    const struct qtl_slice_settings slice = {.rules = pipeline->rules, .duplicate_horizon_s = 600};
    pipeline->returned = qtl_ring_new(EPOCHS);
    for (int i = 0; i < PARTITIONS; i++) {
        pipeline->slices[i] = qtl_slice_new(&slice);
    }
    for (int i = 0; i < EPOCHS; i++) {
        pipeline->epochs[i] = qtl_epoch_new(PARTITIONS);
        assert_int_equal(qtl_ring_push(pipeline->returned, pipeline->epochs[i]), QTL_OK);
    }
    pipeline->shards = qtl_shards_start(pipeline->slices, PARTITIONS, PARTITIONS, EPOCHS);
    const struct qtl_publish_settings publish = {
        .rules = pipeline->rules,
        .writer = &pipeline->writer.base,
        .shards = pipeline->shards,
        .returned = pipeline->returned,
        .ledgers = pipeline->ledgers,
        .slice_count = PARTITIONS,
        .versions = {.rules = pipeline->rules->version},
        .customers = true,
        .wake = wake,
        .context = pipeline,
    };
    pipeline->publish = qtl_publish_new(&publish);
    struct qtl_ingest_settings ingest = {
        .reader = &pipeline->reader.base,
        .config = &pipeline->config,
        .shards = pipeline->shards,
        .returned = pipeline->returned,
        .ledgers = pipeline->ledgers,
        .slice_count = PARTITIONS,
        .epoch_count = EPOCHS,
        .drain = true,
    };
    for (int i = 0; i < QTL_STREAMS; i++) {
        pipeline->decoders[i] = ingest.decoders[i] =
            qtl_decoder_new((enum qtl_stream)i, &pipeline->config.streams[i], pipeline->rules);
    }
    assert_int_equal(qtl_ingest_new(&ingest, &pipeline->ingest, &pipeline->ingest_error), QTL_OK);
}

static void *run_ingest(void *context)
{
    struct pipeline *const pipeline = context;
    pipeline->ingest_status = qtl_ingest_run(pipeline->ingest, &pipeline->ingest_error);
    return NULL;
}

static void run(struct pipeline *pipeline)
{
    build(pipeline);
    pthread_t ingest;
    assert_int_equal(pthread_create(&ingest, NULL, run_ingest, pipeline), 0);
    pipeline->publish_status = qtl_publish_run(pipeline->publish, &pipeline->publish_error);
    assert_int_equal(pthread_join(ingest, NULL), 0);
    qtl_shards_stop(pipeline->shards);
}

static void end(struct pipeline *pipeline)
{
    qtl_ingest_free(pipeline->ingest);
    qtl_publish_free(pipeline->publish);
    qtl_ring_free(pipeline->returned);
    for (int i = 0; i < EPOCHS; i++) {
        qtl_epoch_free(pipeline->epochs[i]);
    }
    for (int i = 0; i < QTL_STREAMS; i++) {
        qtl_decoder_free(pipeline->decoders[i]);
    }
    for (int i = 0; i < PARTITIONS; i++) {
        qtl_slice_free(pipeline->slices[i]);
    }
    qtl_rules_free(pipeline->rules);
    qtl_config_fini(&pipeline->config);
    fake_reader_fini(&pipeline->reader);
    fake_writer_fini(&pipeline->writer);
}

/* Orders and page views in turn, of few customers, some in one second. */
static void fill(struct pipeline *pipeline)
{
    for (int i = 0; i < RECORDS; i++) {
        const int64_t second = START + i / 3 * 50;
        const int32_t partition = i % PARTITIONS;
        const bool is_order = i % 5 < 2;
        char value[160];
        snprintf(value, sizeof(value),
                 "{\"customer_id\":\"c%d\",\"occurred_at\":%" PRId64 ",%s%d\"%s}", i % 12, second,
                 is_order ? "\"order_id\":\"" : "\"kind\":\"page_view\",\"event_id\":\"", i,
                 is_order ? ",\"amount\":1" : "");
        const int stream = is_order ? QTL_STREAM_ORDERS : QTL_STREAM_ENGAGEMENT;
        fake_add(fake_partition(&pipeline->reader, stream, partition), second, value);
    }
}

static int compare_texts(const void *left, const void *right)
{
    return strcmp(*(char *const *)left, *(char *const *)right);
}

/* Takes out what only a run says; a second time changes nothing. */
static void strip(char *line)
{
    char *const detected = strstr(line, ",\"detected_at\":");
    if (detected != NULL) {
        const char *const behind = strchr(detected + 1, ',');
        memmove(detected, behind, strlen(behind) + 1);
    }
    char *const epoch = strstr(line, ",\"epoch\":");
    if (epoch != NULL) {
        *epoch = '\0';
    }
}

/* The committed transitions as a replay has them, in any but always the same order. */
static struct fake_topic *transitions(struct pipeline *pipeline)
{
    struct fake_topic *const topic = &pipeline->writer.topics[QTL_TOPIC_TRANSITIONS];
    for (size_t i = 0; i < topic->committed; i++) {
        strip(topic->values[i]);
    }
    qsort(topic->values, topic->committed, sizeof(*topic->values), compare_texts);
    return topic;
}

static void assert_same_transitions(struct pipeline *one, struct pipeline *other)
{
    const struct fake_topic *const wanted = transitions(one);
    const struct fake_topic *const found = transitions(other);
    assert_int_equal(found->committed, wanted->committed);
    for (size_t i = 0; i < wanted->committed; i++) {
        assert_string_equal(found->values[i], wanted->values[i]);
    }
}

static void assert_all_committed(struct pipeline *pipeline)
{
    assert_int_equal(pipeline->ingest_status, QTL_OK);
    assert_int_equal(pipeline->publish_status, QTL_OK);
    for (int stream = 0; stream < QTL_STREAMS; stream++) {
        for (int32_t i = 0; i < PARTITIONS; i++) {
            assert_int_equal(pipeline->writer.positions[stream][i],
                             fake_partition(&pipeline->reader, stream, i)->count);
        }
    }
    assert_int_equal(qtl_ingest_records(pipeline->ingest), RECORDS);
    assert_int_equal(atomic_load(&qtl_publish_counters(pipeline->publish)->records), RECORDS);
}

/* The slow stream: one record more each time that ingest has nothing to do. */
static void show_one_more(struct fake_reader *reader)
{
    const int stream = *(const int *)reader->context;
    for (int32_t i = 0; i < PARTITIONS; i++) {
        struct fake_partition *const input = fake_partition(reader, stream, i);
        input->visible += input->visible < input->count ? 1 : 0;
        input->open = input->visible < input->count;
    }
}

static void a_slow_stream_makes_no_difference(void **state)
{
    (void)state;
    struct pipeline at_once;
    begin(&at_once);
    fill(&at_once);
    run(&at_once);
    assert_all_committed(&at_once);
    assert_true(at_once.writer.topics[QTL_TOPIC_TRANSITIONS].committed > 50);
    const int slow_ones[] = {QTL_STREAM_ORDERS, QTL_STREAM_ENGAGEMENT};
    for (int i = 0; i < 4; i++) {
        int slow = slow_ones[i % 2];
        struct pipeline slowly;
        begin(&slowly);
        fill(&slowly);
        slowly.config.epoch_max_records = i < 2 ? 7 : 65536;
        slowly.reader.meanwhile = show_one_more;
        slowly.reader.context = &slow;
        for (int32_t partition = 0; partition < PARTITIONS; partition++) {
            struct fake_partition *const input = fake_partition(&slowly.reader, slow, partition);
            input->visible = 0;
            input->open = true;
        }
        run(&slowly);
        assert_all_committed(&slowly);
        assert_true(slowly.writer.commits > at_once.writer.commits);
        assert_same_transitions(&at_once, &slowly);
        end(&slowly);
    }
    end(&at_once);
}

/* Committed positions and the ledgers say the same. */
static void assert_ledgers_stand_at_positions(const struct pipeline *pipeline)
{
    for (int stream = 0; stream < QTL_STREAMS; stream++) {
        for (int32_t i = 0; i < PARTITIONS; i++) {
            assert_int_equal(pipeline->ledgers[i].next_offset[stream],
                             pipeline->writer.positions[stream][i]);
        }
    }
}

static void after_a_failed_commit_nothing_is_published(void **state)
{
    (void)state;
    for (size_t fail = 1; fail < 6; fail += 2) {
        struct pipeline pipeline;
        begin(&pipeline);
        fill(&pipeline);
        pipeline.config.epoch_max_records = 20;
        pipeline.writer.fail_commit = fail;
        run(&pipeline);
        assert_int_equal(pipeline.publish_status, QTL_IO);
        assert_non_null(strstr(pipeline.publish_error.text, "commit"));
        assert_int_equal(pipeline.ingest_status, QTL_OK); /* asked to stop */
        assert_int_equal(pipeline.writer.begins, fail);
        assert_int_equal(pipeline.writer.commits, fail);
        const struct qtl_publish_counters *const counters = qtl_publish_counters(pipeline.publish);
        assert_true(atomic_load(&counters->failed));
        assert_int_equal(atomic_load(&counters->epochs), fail - 1);
        assert_int_equal(atomic_load(&counters->records), 20 * (fail - 1));
        assert_ledgers_stand_at_positions(&pipeline);
        end(&pipeline);
    }
}

static void after_a_failed_append_the_transaction_is_aborted(void **state)
{
    (void)state;
    struct pipeline pipeline;
    begin(&pipeline);
    fill(&pipeline);
    pipeline.config.epoch_max_records = 20;
    pipeline.writer.fail_append = 40;
    run(&pipeline);
    assert_int_equal(pipeline.publish_status, QTL_IO);
    assert_int_equal(pipeline.writer.aborts, 1);
    assert_int_equal(pipeline.writer.begins, pipeline.writer.commits + 1);
    assert_int_equal(pipeline.writer.appends, 40);
    assert_ledgers_stand_at_positions(&pipeline);
    end(&pipeline);
}

static void nothing_to_read_commits_nothing(void **state)
{
    (void)state;
    struct pipeline pipeline;
    begin(&pipeline);
    run(&pipeline);
    assert_int_equal(pipeline.ingest_status, QTL_OK);
    assert_int_equal(pipeline.publish_status, QTL_OK);
    assert_int_equal(pipeline.writer.begins, 0);
    end(&pipeline);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_slow_stream_makes_no_difference),
        cmocka_unit_test(after_a_failed_commit_nothing_is_published),
        cmocka_unit_test(after_a_failed_append_the_transaction_is_aborted),
        cmocka_unit_test(nothing_to_read_commits_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
