/*
 * The ring between two threads: everything pushed is popped once, in order, with all that was
 * written before the push; full and empty are said, not waited for.
 */
#include "scoring/base/ring.h"
#include "tests/unit/test.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

enum { MESSAGES = 200000 };

static void one_thread_sees_full_and_empty(void **state)
{
    (void)state;
    struct qtl_ring *const ring = qtl_ring_new(5); /* becomes 8 */
    int items[20];
    void *item = NULL;
    assert_int_equal(qtl_ring_try_pop(ring, &item), QTL_EMPTY);
    for (int round = 0; round < 50; round++) {
        for (int i = 0; i < 8; i++) {
            assert_int_equal(qtl_ring_push(ring, &items[i]), QTL_OK);
        }
        assert_int_equal(qtl_ring_push(ring, &items[8]), QTL_FULL);
        for (int i = 0; i < 3; i++) {
            assert_ptr_equal(qtl_ring_pop(ring), &items[i]);
        }
        assert_int_equal(qtl_ring_push(ring, &items[8]), QTL_OK);
        for (int i = 3; i < 9; i++) {
            assert_int_equal(qtl_ring_try_pop(ring, &item), QTL_OK);
            assert_ptr_equal(item, &items[i]);
        }
        assert_int_equal(qtl_ring_try_pop(ring, &item), QTL_EMPTY);
    }
    assert_int_equal(qtl_ring_push(ring, NULL), QTL_OK); /* a mark for the end, as shards use it */
    assert_null(qtl_ring_pop(ring));
    qtl_ring_free(ring);
    qtl_ring_free(NULL);
}

static void a_ring_of_one(void **state)
{
    (void)state;
    struct qtl_ring *const ring = qtl_ring_new(1);
    int item = 0;
    for (int i = 0; i < 10; i++) {
        assert_int_equal(qtl_ring_push(ring, &item), QTL_OK);
        assert_int_equal(qtl_ring_push(ring, &item), QTL_FULL);
        assert_ptr_equal(qtl_ring_pop(ring), &item);
    }
    qtl_ring_free(ring);
}

/* ---- two threads -------------------------------------------------------------------------------
 */

struct message {
    uint64_t number;
    uint64_t check; /* plain memory, written before the push */
};

struct torture {
    struct qtl_ring *there;
    struct qtl_ring *back; /* messages go round, as epochs do */
    unsigned batch;        /* pushed between two looks at the way back */
    bool waits;            /* the consumer waits in pop(), else it asks with try_pop() */
};

static struct message *take(const struct torture *torture)
{
    if (torture->waits) {
        return qtl_ring_pop(torture->there);
    }
    void *item = NULL;
    while (qtl_ring_try_pop(torture->there, &item) != QTL_OK) {
        sched_yield();
    }
    return item;
}

/* Returns how many messages were not the expected ones. */
static void *consume(void *context)
{
    const struct torture *const torture = context;
    uint64_t wrong = 0;
    for (uint64_t expected = 0;; expected++) {
        struct message *const message = take(torture);
        if (message == NULL) {
            wrong += expected != MESSAGES;
            break;
        }
        wrong += message->number != expected || message->check != ~expected;
        message->check = 0; /* the producer must see this when it comes back */
        while (qtl_ring_push(torture->back, message) != QTL_OK) {
            sched_yield();
        }
    }
    return (void *)(uintptr_t)wrong;
}

static void run(size_t capacity, unsigned batch, bool waits)
{
    const struct torture torture = {.there = qtl_ring_new(capacity),
                                    .back = qtl_ring_new(capacity),
                                    .batch = batch,
                                    .waits = waits};
    struct message *const messages = calloc(capacity, sizeof(*messages));
    assert_non_null(messages);
    for (size_t i = 0; i < capacity; i++) {
        assert_int_equal(qtl_ring_push(torture.back, &messages[i]), QTL_OK);
    }
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, consume, (void *)(uintptr_t)&torture), 0);
    uint64_t sent = 0;
    while (sent < MESSAGES) {
        for (unsigned i = 0; i < torture.batch && sent < MESSAGES; i++) {
            struct message *const message = qtl_ring_pop(torture.back);
            assert_int_equal(message->check, 0);
            *message = (struct message){.number = sent, .check = ~sent};
            assert_int_equal(qtl_ring_push(torture.there, message), QTL_OK);
            sent++;
        }
        sched_yield();
    }
    while (qtl_ring_push(torture.there, NULL) != QTL_OK) {
        sched_yield();
    }
    void *wrong = NULL;
    assert_int_equal(pthread_join(thread, &wrong), 0);
    assert_null(wrong);
    qtl_ring_free(torture.there);
    qtl_ring_free(torture.back);
    free(messages);
}

static void two_threads_lose_nothing(void **state)
{
    (void)state;
    run(1, 1, true);
    run(4, 64, true);
    run(4, 3, false);
    run(1024, 64, true);
    run(1024, 1000, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_thread_sees_full_and_empty),
        cmocka_unit_test(a_ring_of_one),
        cmocka_unit_test(two_threads_lose_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
