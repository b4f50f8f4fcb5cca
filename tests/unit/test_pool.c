/* The pool: blocks never overlap, sizes round as promised, what is given back serves again. */
#include "consumer/random.h"
#include "scoring/base/pool.h"
#include "tests/unit/test.h"

#include <stdlib.h>
#include <string.h>

enum { BLOCKS = 3000, STEPS = 60000 };

struct block {
    unsigned char *bytes;
    size_t size; /* as asked for */
    unsigned char mark;
};

static size_t random_size(struct qtl_random *random)
{
    const uint32_t dice = qtl_random_below(random, 1000);
    if (dice < 900) {
        return 1 + qtl_random_below(random, 400);
    }
    return 1 + qtl_random_below(random, dice < 995 ? 20000 : 200000);
}

static void fill(struct block *block, unsigned char mark)
{
    block->mark = mark;
    memset(block->bytes, mark, qtl_pool_round(block->size));
}

static void check(const struct block *block)
{
    const size_t size = qtl_pool_round(block->size);
    for (size_t i = 0; i < size; i++) {
        assert_int_equal(block->bytes[i], block->mark);
    }
}

static void blocks_never_overlap(void **state)
{
    (void)state;
    static struct block blocks[BLOCKS];
    memset(blocks, 0, sizeof(blocks));
    struct qtl_pool *const pool = qtl_pool_new();
    struct qtl_random random = qtl_random_seed(21, 0);
    for (int step = 0; step < STEPS; step++) {
        struct block *const block = &blocks[qtl_random_below(&random, BLOCKS)];
        if (block->bytes != NULL) {
            check(block);
            const bool rounded = qtl_random_chance(&random, 0.5);
            qtl_pool_give(pool, block->bytes, rounded ? qtl_pool_round(block->size) : block->size);
            block->bytes = NULL;
            continue;
        }
        block->size = random_size(&random);
        block->bytes = qtl_pool_take(pool, block->size);
        const bool in_lines = block->size >= QTL_POOL_GRAIN && block->size <= 8192;
        assert_int_equal((uintptr_t)block->bytes % (in_lines ? QTL_POOL_GRAIN : 8), 0);
        fill(block, (unsigned char)qtl_random_below(&random, 256));
    }
    for (int i = 0; i < BLOCKS; i++) {
        if (blocks[i].bytes != NULL) {
            check(&blocks[i]);
        }
    }
    qtl_pool_free(pool); /* with all that was not given back: the leak checker sees to it */
}

static void sizes_round_as_promised(void **state)
{
    (void)state;
    for (size_t bytes = 1; bytes <= 70000; bytes++) {
        const size_t rounded = qtl_pool_round(bytes);
        assert_true(rounded >= bytes);
        assert_int_equal(rounded % 8, 0);
        assert_int_equal(qtl_pool_round(rounded), rounded);
        assert_true(rounded >= qtl_pool_round(bytes > 1 ? bytes - 1 : 1));
        if (bytes < QTL_POOL_GRAIN - 7) {
            assert_true(rounded - bytes < 8);
        } else if (bytes <= 1024) {
            assert_true(rounded - bytes < QTL_POOL_GRAIN);
            assert_int_equal(rounded % QTL_POOL_GRAIN, 0);
        } else {
            assert_true((rounded - bytes) * 5 <= rounded);
        }
    }
}

static void what_is_given_back_serves_again(void **state)
{
    (void)state;
    struct qtl_pool *const pool = qtl_pool_new();
    assert_int_equal(qtl_pool_bytes(pool), 0);
    static void *blocks[10000];
    size_t held = 0;
    for (int round = 0; round < 5; round++) {
        for (size_t i = 0; i < 10000; i++) {
            blocks[i] = qtl_pool_take(pool, 1 + i % 300);
        }
        void *const large = qtl_pool_take(pool, (size_t)1 << 20);
        memset(large, 1, (size_t)1 << 20);
        assert_true(round == 0 || qtl_pool_bytes(pool) == held);
        held = qtl_pool_bytes(pool);
        for (size_t i = 0; i < 10000; i++) {
            qtl_pool_give(pool, blocks[i], 1 + i % 300);
        }
        qtl_pool_give(pool, large, (size_t)1 << 20);
        assert_true(qtl_pool_bytes(pool) < held); /* large ones go back to libc at once */
    }
    qtl_pool_give(pool, NULL, 100);
    qtl_pool_free(pool);
    qtl_pool_free(NULL);
}

/* Blocks that grow, each at its own time, as customers do: what the small ones leave is not lost.
 */
static void what_small_blocks_leave_serves_larger_ones(void **state)
{
    (void)state;
    enum { GROWING = 40000, STEP = 64, SIZES = 6 };
    struct qtl_pool *const pool = qtl_pool_new();
    static void *blocks[GROWING];
    for (size_t size = STEP; size <= SIZES * STEP; size += STEP) {
        for (size_t i = 0; i < GROWING; i++) {
            const size_t number = i * 7919 % GROWING;
            void *const moved = qtl_pool_take(pool, size);
            qtl_pool_give(pool, blocks[number], size - STEP);
            blocks[number] = moved;
        }
    }
    const size_t needed = (size_t)GROWING * SIZES * STEP;
    assert_in_range(qtl_pool_bytes(pool), needed, needed + needed / 5);
    qtl_pool_free(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_never_overlap),
        cmocka_unit_test(sizes_round_as_promised),
        cmocka_unit_test(what_is_given_back_serves_again),
        cmocka_unit_test(what_small_blocks_leave_serves_larger_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
