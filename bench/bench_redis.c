/*
 * The Redis sink, transitions a second, beside what the same server does when asked in other ways:
 *
 *   stream   one XADD a transition, pipelined: the least that puts a transition into Redis
 *   plain    HSET (the same fields), SADD or SREM, HINCRBY, XADD a transition, pipelined: what one
 *            would write first; a repeat makes it wrong
 *   sink     the sink, from the local log: guarded, with sets, counts, hashes and the stream
 *   big calls  the same with 1,024 transitions a call instead of 128
 *   rebuild  the same after FLUSHALL: from quintil.customers, then all transitions once more
 *
 *   lag       one transition a commit: from the commit's return to its being in the stream
 *
 *   cmake --preset release && cmake --build --preset release && build/release/bench/bench_redis
 *
 * Options: number of transitions (default 500000), of customers (default 100000). The log is made
 * in a new folder where it is started, the server's socket too; it stays. Every
 * figure has the server's own processor time beside it: on a busy machine that is the one to read.
 */
#include "bench/machine.h"
#include "consumer/local_reader.h"
#include "scoring/base/assert.h"
#include "scoring/base/hash.h"
#include "sinks/local_writer.h"
#include "sinks/redis_sink.h"

#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { EPOCH = 20000, PARTITIONS = 3, SEGMENTS = 4, PIPELINE = 1000, COMMITS = 500 };

struct bench {
    uint32_t transitions;
    uint32_t customers;
    char folder[64];
    char socket[128];
    pid_t server;
    redisContext *client;
};

/* A transition of a random customer and segment, as the engine writes them (about 400 bytes). */
struct change {
    char key[16];
    char value[640];
    uint32_t customer;
    uint32_t segment;
    bool is_in;
};

static const char *const names[SEGMENTS] = {"vip", "at_risk", "won_back", "big_basket"};

static void require(bool fact, const char *what)
{
    if (!fact) {
        fprintf(stderr, "bench_redis: %s\n", what);
        exit(1);
    }
}

static void require_ok(enum qtl_status status, const struct qtl_error *error)
{
    require(status == QTL_OK, error->text);
}

static uint64_t draw(uint64_t *state)
{
    *state = *state * 6364136223846793005U + 1442695040888963407U;
    return *state >> 33;
}

/* States of all customers, so that what is written makes sense: sequences and where they are. */
struct shop {
    uint32_t *sequences;
    uint8_t *states; /* a bit a segment */
    uint64_t random;
};

static struct shop new_shop(uint32_t customers)
{
    const struct shop shop = {.sequences = calloc(customers, sizeof(uint32_t)),
                              .states = calloc(customers, 1),
                              .random = 7};
    require(shop.sequences != NULL && shop.states != NULL, "no memory");
    return shop;
}

static void free_shop(struct shop *shop)
{
    free(shop->sequences);
    free(shop->states);
}

static void make_change(struct shop *shop, uint32_t customers, struct change *change)
{
    change->customer = (uint32_t)(draw(&shop->random) % customers);
    change->segment = (uint32_t)(draw(&shop->random) % SEGMENTS);
    shop->states[change->customer] ^= (uint8_t)(1U << change->segment);
    change->is_in = (shop->states[change->customer] >> change->segment & 1) != 0;
    snprintf(change->key, sizeof(change->key), "c%07u", change->customer);
    snprintf(change->value, sizeof(change->value),
             "{\"id\":\"%032x\",\"customer_id\":\"%s\",\"sequence\":%u,\"segment\":\"%s\","
             "\"from\":\"%s\",\"to\":\"%s\",\"at\":\"2026-11-22T03:00:00Z\",\"detected_at\":"
             "\"2026-11-22T03:00:00Z\",\"cause\":\"order\",\"evidence\":{\"spend(365d)\":%u.67,"
             "\"orders(365d)\":4},\"rules_version\":\"85e9f362d47a5af3\",\"holdout\":false,"
             "\"epoch\":17}",
             change->customer, change->key, ++shop->sequences[change->customer],
             names[change->segment], change->is_in ? "out" : "in", change->is_in ? "in" : "out",
             change->customer % 1000);
}

static void append(struct qtl_log_writer *writer, enum qtl_topic topic, const char *key,
                   const char *value)
{
    struct qtl_error error;
    const size_t length = strlen(key);
    const struct qtl_log_append record = {
        .topic = topic,
        .partition = (int32_t)qtl_hash_partition(qtl_hash(key, length, 0), PARTITIONS),
        .timestamp_ms = 1700000000000,
        .key = {key, (uint32_t)length},
        .has_key = true,
        .value = {value, (uint32_t)strlen(value)},
        .has_value = true,
    };
    require_ok(writer->ops->append(writer, &record, &error), &error);
}

/* The customer's whole state, as quintil.customers has it. */
static void append_state(struct qtl_log_writer *writer, const struct shop *shop,
                         const struct change *change)
{
    char value[512];
    int length = snprintf(value, sizeof(value),
                          "{\"customer_id\":\"%s\",\"sequence\":%u,\"at\":"
                          "\"2026-11-22T03:00:00Z\",\"segments\":{",
                          change->key, shop->sequences[change->customer]);
    for (int i = 0; i < SEGMENTS; i++) {
        const bool is_in = (shop->states[change->customer] >> i & 1) != 0;
        length += snprintf(value + length, sizeof(value) - (size_t)length, "%s\"%s\":\"%s\"",
                           i > 0 ? "," : "", names[i], is_in ? "in" : "out");
    }
    snprintf(value + length, sizeof(value) - (size_t)length, "}}");
    append(writer, QTL_TOPIC_PROFILES, change->key, value);
}

static void fill_log(const struct bench *bench)
{
    struct qtl_error error;
    struct qtl_log_writer *writer = NULL;
    struct shop shop = new_shop(bench->customers);
    char path[128];
    snprintf(path, sizeof(path), "%s/log", bench->folder);
    require_ok(qtl_local_log_create(path, PARTITIONS, &error), &error);
    require_ok(qtl_local_writer_open(path, QTL_LOCAL_ENGINE, NULL, &writer, &error), &error);
    for (uint32_t done = 0; done < bench->transitions;) {
        require_ok(writer->ops->begin(writer, NULL, NULL, 0, &error), &error);
        for (int i = 0; i < EPOCH && done < bench->transitions; i++, done++) {
            struct change change;
            make_change(&shop, bench->customers, &change);
            append(writer, QTL_TOPIC_TRANSITIONS, change.key, change.value);
            append_state(writer, &shop, &change);
        }
        require_ok(writer->ops->commit(writer, &error), &error);
    }
    writer->ops->free(writer);
    free_shop(&shop);
}

static void start_server(struct bench *bench)
{
    int out[2];
    require(pipe(out) == 0, "no pipe");
    bench->server = fork();
    if (bench->server == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(out[1], STDOUT_FILENO);
        close(out[0]);
        execlp("redis-server", "redis-server", "--port", "0", "--unixsocket", bench->socket,
               "--save", "", (char *)NULL);
        _exit(127);
    }
    close(out[1]);
    FILE *const said = fdopen(out[0], "r");
    require(said != NULL, "no pipe");
    char line[512];
    bool is_ready = false;
    while (!is_ready && fgets(line, sizeof(line), said) != NULL) {
        is_ready = strstr(line, "eady to accept connections") != NULL;
    }
    fclose(said);
    require(is_ready, "redis-server does not start: is it installed?");
    bench->client = redisConnectUnix(bench->socket);
    require(bench->client != NULL && bench->client->err == 0, "no connection");
}

static void call(const struct bench *bench, const char *command)
{
    redisReply *const reply = redisCommand(bench->client, command);
    require(reply != NULL && reply->type != REDIS_REPLY_ERROR, command);
    freeReplyObject(reply);
}

/* Processor time of the server so far. */
static double server_cpu_s(const struct bench *bench)
{
    redisReply *const reply = redisCommand(bench->client, "INFO cpu");
    require(reply != NULL && reply->type == REDIS_REPLY_STRING, "INFO");
    const char *const user = strstr(reply->str, "used_cpu_user:");
    const char *const system = strstr(reply->str, "used_cpu_sys:");
    require(user != NULL && system != NULL, "INFO without times");
    const double seconds = strtod(user + 14, NULL) + strtod(system + 13, NULL);
    freeReplyObject(reply);
    return seconds;
}

struct measure {
    const struct bench *bench;
    double server_s;
    uint64_t own_ns;
    uint64_t at_ns;
};

static uint64_t own_ns(void)
{
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (uint64_t)time.tv_sec * 1000000000U + (uint64_t)time.tv_nsec;
}

static struct measure begin(const struct bench *bench)
{
    return (struct measure){bench, server_cpu_s(bench), own_ns(), qtl_machine_now_ns()};
}

static void report(const struct measure *measure, const char *what)
{
    const double count = measure->bench->transitions;
    const double wall_s = (double)(qtl_machine_now_ns() - measure->at_ns) / 1e9;
    const double own_us = (double)(own_ns() - measure->own_ns) / 1e3;
    const double server_us = (server_cpu_s(measure->bench) - measure->server_s) * 1e6;
    printf("%-9s %9.0f transitions/s, server %5.2f us, we %5.2f us of processor time each\n", what,
           count / wall_s, server_us / count, own_us / count);
}

static void send_words(redisContext *client, int count, const char **words)
{
    size_t lengths[16];
    for (int i = 0; i < count; i++) {
        lengths[i] = strlen(words[i]);
    }
    require(redisAppendCommandArgv(client, count, words, lengths) == REDIS_OK, "sending");
}

static void take_replies(redisContext *client, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        void *reply = NULL;
        require(redisGetReply(client, &reply) == REDIS_OK, client->errstr);
        require(((redisReply *)reply)->type != REDIS_REPLY_ERROR, ((redisReply *)reply)->str);
        freeReplyObject(reply);
    }
}

/* The transitions are made outside what the server does; their making is in our own time. */
static void pipe_through(const struct bench *bench, bool only_stream, const char *what)
{
    struct shop shop = new_shop(bench->customers);
    call(bench, "FLUSHALL");
    const struct measure measure = begin(bench);
    uint32_t waiting = 0;
    for (uint32_t done = 0; done < bench->transitions; done++) {
        struct change change;
        char customer[64];
        char segment[64];
        make_change(&shop, bench->customers, &change);
        snprintf(customer, sizeof(customer), "p:customer:%s", change.key);
        snprintf(segment, sizeof(segment), "p:segment:%s", names[change.segment]);
        const char *const name = names[change.segment];
        if (!only_stream) {
            char sequence[16];
            snprintf(sequence, sizeof(sequence), "%u", shop.sequences[change.customer]);
            send_words(bench->client, 12,
                       (const char *[]){"HSET", customer, name, change.is_in ? "in" : "out",
                                        "metric:spend(365d)", "117.67", "metric:orders(365d)", "4",
                                        "at", "2026-11-22T03:00:00Z", "sequence", sequence});
            send_words(bench->client, 3,
                       (const char *[]){change.is_in ? "SADD" : "SREM", segment, change.key});
            send_words(bench->client, 4,
                       (const char *[]){"HINCRBY", "p:counts", name, change.is_in ? "1" : "-1"});
            waiting += 3;
        }
        send_words(bench->client, 8,
                   (const char *[]){"XADD", "p:transitions", "MAXLEN", "~", "100000", "*",
                                    "transition", change.value});
        if (++waiting >= PIPELINE || done + 1 == bench->transitions) {
            take_replies(bench->client, waiting);
            waiting = 0;
        }
    }
    report(&measure, what);
    free_shop(&shop);
}

static void post(void *context)
{
    sem_post(context);
}

/* A sink on the log; `tell` when it has been drained. */
static struct qtl_redis_sink *start_sink(const struct bench *bench, int64_t changes_max,
                                         sem_t *done)
{
    static const int32_t partitions[PARTITIONS] = {0, 1, 2};
    struct qtl_error error = {0};
    struct qtl_log_reader *reader = NULL;
    struct qtl_redis_sink *sink = NULL;
    const struct qtl_local_reader_options options = {.wait_outputs = true};
    const struct qtl_redis_sink_settings settings = {
        .address = bench->socket,
        .username = "",
        .password = "",
        .prefix = "quintil:",
        .partitions = partitions,
        .partition_count = PARTITIONS,
        .stream_max = 100000,
        .changes_max = changes_max,
        .timeout_ms = 60000,
        .quiet = true,
        .tell = post,
        .context = done,
    };
    char path[128];
    snprintf(path, sizeof(path), "%s/log", bench->folder);
    require_ok(qtl_local_reader_open(path, &options, &reader, &error), &error);
    require_ok(qtl_redis_sink_start(&settings, &reader, &sink, &error), &error);
    qtl_redis_sink_drain(sink);
    return sink;
}

static void wait_for(sem_t *done)
{
    while (sem_wait(done) != 0) {
    }
}

/* What the sink does with the log; `changes_max` transitions a call. */
static void run_sink(const struct bench *bench, int64_t changes_max, const char *what)
{
    sem_t done;
    sem_init(&done, 0, 0);
    const struct measure measure = begin(bench);
    struct qtl_redis_sink *const sink = start_sink(bench, changes_max, &done);
    wait_for(&done);
    report(&measure, what);
    qtl_redis_sink_stop(sink);
    sem_destroy(&done);
}

static int compare(const void *left, const void *right)
{
    const uint64_t one = *(const uint64_t *)left;
    const uint64_t other = *(const uint64_t *)right;
    return (one > other) - (one < other);
}

/* Waits for the entry behind `last`, and makes it the last. */
static void wait_for_entry(const struct bench *bench, char last[64])
{
    redisReply *const reply =
        redisCommand(bench->client, "XREAD BLOCK 0 COUNT 1 STREAMS quintil:transitions %s", last);
    require(reply != NULL && reply->type == REDIS_REPLY_ARRAY && reply->elements == 1, "XREAD");
    const redisReply *const entry = reply->element[0]->element[1]->element[0];
    snprintf(last, 64, "%s", entry->element[0]->str);
    freeReplyObject(reply);
}

/* Redis has everything when this begins. */
static void measure_lag(const struct bench *bench)
{
    static uint64_t took_ns[COMMITS];
    struct qtl_error error;
    struct qtl_log_writer *writer = NULL;
    struct shop shop = new_shop(bench->customers);
    char path[128];
    char last[64] = "0-0";
    sem_t done;
    sem_init(&done, 0, 0);
    snprintf(path, sizeof(path), "%s/log", bench->folder);
    struct qtl_redis_sink *const sink = start_sink(bench, 128, &done);
    wait_for(&done);
    call(bench, "DEL quintil:transitions");
    require_ok(qtl_local_writer_open(path, QTL_LOCAL_ENGINE, NULL, &writer, &error), &error);
    for (int i = 0; i < COMMITS; i++) {
        struct change change;
        make_change(&shop, bench->customers, &change);
        require_ok(writer->ops->begin(writer, NULL, NULL, 0, &error), &error);
        append(writer, QTL_TOPIC_TRANSITIONS, change.key, change.value);
        require_ok(writer->ops->commit(writer, &error), &error);
        const uint64_t committed_ns = qtl_machine_now_ns();
        wait_for_entry(bench, last);
        took_ns[i] = qtl_machine_now_ns() - committed_ns;
    }
    qsort(took_ns, COMMITS, sizeof(took_ns[0]), compare);
    printf("lag       p50 %.2f ms, p99 %.2f ms\n", (double)took_ns[COMMITS / 2] / 1e6,
           (double)took_ns[COMMITS * 99 / 100] / 1e6);
    writer->ops->free(writer);
    qtl_redis_sink_stop(sink);
    sem_destroy(&done);
    free_shop(&shop);
}

int main(int argc, char **argv)
{
    struct bench bench = {.transitions = 500000, .customers = 100000};
    bench.transitions = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : bench.transitions;
    bench.customers = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : bench.customers;
    require(bench.transitions > 0 && bench.customers > 0, "expected [TRANSITIONS [CUSTOMERS]]");
    qtl_machine_print(stdout);
    snprintf(bench.folder, sizeof(bench.folder), "./quintil-bench-XXXXXX");
    require(mkdtemp(bench.folder) != NULL, "no folder");
    snprintf(bench.socket, sizeof(bench.socket), "%s/redis", bench.folder);
    start_server(&bench);
    fill_log(&bench);
    printf("%u transitions of %u customers, %d segments\n", bench.transitions, bench.customers,
           SEGMENTS);
    pipe_through(&bench, true, "stream");
    pipe_through(&bench, false, "plain");
    call(&bench, "FLUSHALL");
    /* Positions at the beginning and no states to go through first: only the feeding. */
    call(&bench, "HSET quintil:offsets 0 0 1 0 2 0");
    run_sink(&bench, 128, "sink");
    call(&bench, "FLUSHALL");
    call(&bench, "HSET quintil:offsets 0 0 1 0 2 0");
    run_sink(&bench, 1024, "big calls");
    call(&bench, "FLUSHALL");
    run_sink(&bench, 128, "rebuild");
    measure_lag(&bench);
    redisFree(bench.client);
    kill(bench.server, SIGTERM);
    waitpid(bench.server, NULL, 0);
    printf("the log is in %s: remove it\n", bench.folder);
    return 0;
}
