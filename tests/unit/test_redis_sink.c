/*
 * The Redis sink on a real server, with logs that the local one cannot be: trimmed transitions, so
 * that quintil.customers is all there is; states that know more than the noted end; ladders;
 * erasures; gaps. Skipped where there is no redis-server.
 */
#include "tests/unit/redis_kit.h"

#include <hiredis/hiredis.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#define CHANGE(id, customer, sequence, segment, from, to, cause)                                   \
    "{\"id\":\"" id "\",\"customer_id\":\"" customer "\",\"sequence\":" sequence                   \
    ",\"segment\":\"" segment "\",\"from\":\"" from "\",\"to\":\"" to                              \
    "\",\"at\":\"2026-01-0" sequence "T00:00:00Z\",\"cause\":\"" cause                             \
    "\",\"evidence\":{\"m\":" sequence "}}"
#define STATE(customer, sequence, segments)                                                        \
    "{\"customer_id\":\"" customer "\",\"sequence\":" sequence ",\"at\":\"2026-01-0" sequence      \
    "T00:00:00Z\",\"segments\":{" segments "}}"

/* A redis-server on a socket in a folder of its own. */
struct kit_redis {
    char folder[32];
    char path[64];
    pid_t process;
    redisContext *client;
};

/* False where there is no redis-server. */
static bool kit_redis_start(struct kit_redis *redis)
{
    int out[2];
    snprintf(redis->folder, sizeof(redis->folder), "/tmp/quintil-redis-XXXXXX");
    assert_non_null(mkdtemp(redis->folder));
    snprintf(redis->path, sizeof(redis->path), "%s/socket", redis->folder);
    assert_int_equal(pipe(out), 0);
    redis->process = fork();
    if (redis->process == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(out[1], STDOUT_FILENO);
        close(out[0]);
        execlp("redis-server", "redis-server", "--port", "0", "--unixsocket", redis->path, "--dir",
               redis->folder, "--save", "", (char *)NULL);
        _exit(127);
    }
    close(out[1]);
    FILE *const said = fdopen(out[0], "r");
    char line[512];
    bool is_ready = false;
    while (!is_ready && fgets(line, sizeof(line), said) != NULL) {
        is_ready = strstr(line, "eady to accept connections") != NULL;
    }
    fclose(said); /* it ignores that nobody listens any more */
    redis->client = is_ready ? redisConnectUnix(redis->path) : NULL;
    return is_ready;
}

static void kit_redis_end(struct kit_redis *redis)
{
    if (redis->client != NULL) {
        redisFree(redis->client);
    }
    kill(redis->process, SIGKILL);
    assert_int_equal(waitpid(redis->process, NULL, 0), redis->process);
    unlink(redis->path);
    assert_int_equal(rmdir(redis->folder), 0);
}

/* The reply as text: a bulk, a status, a number, nil as "(nil)"; an array's, with blanks. */
static void kit_redis_text(struct kit_redis *redis, const char *command, char *text, size_t bytes)
{
    redisReply *const reply = redisCommand(redis->client, command);
    assert_non_null(reply);
    assert_int_not_equal(reply->type, REDIS_REPLY_ERROR);
    text[0] = '\0';
    if (reply->type == REDIS_REPLY_INTEGER) {
        snprintf(text, bytes, "%lld", reply->integer);
    } else if (reply->type == REDIS_REPLY_NIL) {
        snprintf(text, bytes, "(nil)");
    } else if (reply->type != REDIS_REPLY_ARRAY) {
        snprintf(text, bytes, "%s", reply->str);
    }
    for (size_t i = 0; reply->type == REDIS_REPLY_ARRAY && i < reply->elements; i++) {
        const size_t length = strlen(text);
        const char *const element = reply->element[i]->str;
        snprintf(text + length, bytes - length, "%s%s", i > 0 ? " " : "",
                 element != NULL ? element : "(nil)");
    }
    freeReplyObject(reply);
}

static void assert_redis(struct kit_redis *redis, const char *command, const char *wanted)
{
    char text[1024];
    kit_redis_text(redis, command, text, sizeof(text));
    if (strcmp(text, wanted) != 0) {
        print_error("%s\n", command);
    }
    assert_string_equal(text, wanted);
}

struct fixture {
    struct kit_redis redis;
    struct kit_log log;
};

static int set_up(void **state)
{
    static struct fixture fixture;
    *state = kit_redis_start(&fixture.redis) ? &fixture : NULL;
    if (*state == NULL) {
        kit_redis_end(&fixture.redis);
    }
    kit_log_init(&fixture.log);
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *const fixture = *state;
    if (fixture != NULL) {
        close(fixture->log.wake_fd);
        kit_redis_end(&fixture->redis);
    }
    return 0;
}

static struct fixture *fixture_of(void **state)
{
    if (*state == NULL) {
        print_message("no redis-server here\n");
        skip();
    }
    return *state;
}

static void add_while_rebuilding(struct kit_log *log)
{
    kit_add(&log->transitions, "a", CHANGE("t4", "a", "4", "vip", "in", "out", "order"));
    kit_add(&log->transitions, "b", CHANGE("t5", "b", "2", "idle", "out", "in", "order"));
    kit_add(&log->customers, "a", STATE("a", "4", "\"vip\":\"out\",\"tier\":\"gold\""));
}

/* The log begins at 100: what came before is known from the states alone. */
static void test_trimmed_transitions(void **state)
{
    struct fixture *const fixture = fixture_of(state);
    struct kit_log *const log = &fixture->log;
    struct kit_redis *const redis = &fixture->redis;
    log->transitions.first = 100;
    log->transitions.end = 100;
    log->customers.first = 7;
    log->customers.end = 7;
    kit_add(&log->transitions, "a", CHANGE("t3", "a", "3", "tier", "none", "gold", "order"));
    kit_add(&log->customers, "a", STATE("a", "2", "\"vip\":\"in\",\"tier\":\"none\""));
    kit_add(&log->customers, "b", STATE("b", "1", "\"vip\":\"in\""));
    kit_add(&log->customers, "gone", STATE("gone", "1", "\"vip\":\"in\""));
    kit_add(&log->customers, "gone", NULL);
    kit_add(&log->customers, "a", STATE("a", "3", "\"vip\":\"in\",\"tier\":\"gold\""));
    log->meanwhile = add_while_rebuilding;
    assert_redis(redis, "HSET q:customer:a segment:tier silver sequence 900 partition 0", "3");
    assert_redis(redis, "SADD q:segment:tier:silver a x", "2");
    assert_redis(redis, "HSET q:offsets 0 99", "1");
    const struct kit_counts counters = kit_feed(redis->path, log);
    assert_int_equal(counters.rebuilds, 1);
    assert_int_equal(counters.malformed, 0);
    assert_redis(redis, "HMGET q:customer:a segment:vip segment:tier sequence", "out gold 4");
    assert_redis(redis, "HMGET q:customer:b segment:vip segment:idle sequence", "in in 2");
    assert_redis(redis, "EXISTS q:customer:gone q:segment:tier:silver", "0");
    assert_redis(redis, "SMEMBERS q:segment:vip", "b");
    assert_redis(redis, "SMEMBERS q:segment:tier:gold", "a");
    assert_redis(redis, "HMGET q:counts vip tier:gold idle tier:silver", "1 1 1 (nil)");
    assert_redis(redis, "HGET q:offsets 0", "103");
    assert_redis(redis, "HEXISTS q:offsets 0:rebuild", "0");
    assert_redis(redis, "XLEN q:transitions", "1"); /* t4 was known already */
    /* Once more, from where it is. */
    kit_add(&log->transitions, "b", CHANGE("t6", "b", "3", "vip", "in", "out", "clock"));
    assert_int_equal(kit_feed(redis->path, log).rebuilds, 0);
    assert_redis(redis, "EXISTS q:segment:vip", "0");
    assert_redis(redis, "HMGET q:counts vip tier:gold idle", "0 1 1");
    /* What it took last is trimmed away, and its offset just so not: nothing speaks against it. */
    log->transitions.first = 104;
    assert_int_equal(kit_feed(redis->path, log).rebuilds, 0);
    log->transitions.first = 105;
    log->transitions.end = 105;
    log->transitions.count = 0;
    assert_int_equal(kit_feed(redis->path, log).rebuilds, 1);
    assert_redis(redis, "HGET q:offsets 0", "105");
}

/* A rung is a set of its own; however many are passed through in one batch, one is kept. */
static void test_ladders(void **state)
{
    struct fixture *const fixture = fixture_of(state);
    struct kit_topic *const transitions = &fixture->log.transitions;
    struct kit_redis *const redis = &fixture->redis;
    kit_add(transitions, "a", CHANGE("1", "a", "1", "tier", "", "silver", "order"));
    assert_int_equal(kit_feed(redis->path, &fixture->log).applied, 1);
    assert_redis(redis, "SMEMBERS q:segment:tier:silver", "a");
    kit_add(transitions, "a", CHANGE("2", "a", "2", "tier", "silver", "gold", "order"));
    kit_add(transitions, "a", CHANGE("3", "a", "3", "tier", "gold", "silver", "order"));
    kit_add(transitions, "a", CHANGE("4", "a", "4", "tier", "silver", "none", "order"));
    kit_add(transitions, "a", CHANGE("5", "a", "5", "vip", "out", "in", "order"));
    kit_add(transitions, "b", CHANGE("6", "b", "1", "tier", "", "gold", "order"));
    assert_int_equal(kit_feed(redis->path, &fixture->log).applied, 5);
    assert_redis(redis, "EXISTS q:segment:tier:silver q:segment:tier", "0");
    assert_redis(redis, "SMEMBERS q:segment:tier:none", "a");
    assert_redis(redis, "SMEMBERS q:segment:tier:gold", "b");
    assert_redis(redis, "HMGET q:counts tier:silver tier:gold tier:none vip", "0 1 1 1");
    assert_redis(redis, "HMGET q:customer:a segment:tier sequence at metric:m partition",
                 "none 5 2026-01-05T00:00:00Z 5 0");
    /* Gone from the rules: to nothing. */
    kit_add(transitions, "b", CHANGE("7", "b", "2", "tier", "gold", "", "rules"));
    assert_int_equal(kit_feed(redis->path, &fixture->log).applied, 1);
    assert_redis(redis, "EXISTS q:segment:tier:gold", "0");
    assert_redis(redis, "XLEN q:transitions", "7");
}

/* An erased customer leaves nothing, and may be born again in the same batch. */
static void test_erasures(void **state)
{
    struct fixture *const fixture = fixture_of(state);
    struct kit_topic *const transitions = &fixture->log.transitions;
    struct kit_redis *const redis = &fixture->redis;
    kit_add(transitions, "a", CHANGE("1", "a", "1", "vip", "out", "in", "order"));
    kit_add(transitions, "a", CHANGE("2", "a", "2", "idle", "out", "in", "order"));
    kit_add(transitions, "a", CHANGE("3", "a", "3", "vip", "in", "out", "erasure"));
    kit_add(transitions, "a", CHANGE("4", "a", "4", "idle", "in", "out", "erasure"));
    kit_add(transitions, "a", CHANGE("5", "a", "1", "idle", "out", "in", "order"));
    kit_feed(redis->path, &fixture->log);
    assert_redis(redis, "EXISTS q:segment:vip", "0");
    assert_redis(redis, "HMGET q:customer:a sequence segment:idle segment:vip", "1 in (nil)");
    kit_add(transitions, "a", CHANGE("6", "a", "2", "idle", "in", "out", "erasure"));
    kit_feed(redis->path, &fixture->log);
    assert_redis(redis, "EXISTS q:customer:a q:segment:idle", "0");
    assert_redis(redis, "HVALS q:counts", "0"); /* vip came and went within one batch */
    assert_redis(redis, "XLEN q:transitions", "6");
}

/* Records that are no transitions, and offsets that are no records. */
static void test_gaps(void **state)
{
    struct fixture *const fixture = fixture_of(state);
    struct kit_topic *const transitions = &fixture->log.transitions;
    struct kit_redis *const redis = &fixture->redis;
    kit_add(transitions, "a", CHANGE("1", "a", "1", "vip", "out", "in", "order"));
    transitions->end += 3;
    kit_add(transitions, "a", "no transition");
    kit_add(transitions, "a", NULL);
    kit_add(transitions, "b", CHANGE("2", "b", "1", "vip", "out", "in", "order"));
    kit_add(transitions, "b", "{}");
    transitions->end += 2;
    struct kit_counts counters = kit_feed(redis->path, &fixture->log);
    assert_int_equal(counters.applied, 2);
    assert_int_equal(counters.malformed, 3);
    assert_int_equal(counters.lag, 0);
    assert_redis(redis, "SCARD q:segment:vip", "2");
    assert_redis(redis, "HMGET q:offsets 0 0:last", "8 6 2");
    counters = kit_feed(redis->path, &fixture->log);
    assert_int_equal(counters.applied + counters.malformed + counters.rebuilds, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_trimmed_transitions, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_ladders, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_erasures, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_gaps, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
