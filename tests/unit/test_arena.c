/* The arena: blocks of all sizes stay whole until the reset, and a second round needs no memory. */
#include "consumer/random.h"
#include "scoring/base/arena.h"
#include "tests/unit/test.h"

#include <stdlib.h>
#include <string.h>

enum { BLOCKS = 4000 };

struct block {
    unsigned char *bytes;
    size_t size;
    unsigned char mark;
};

static size_t random_size(struct qtl_random *random)
{
    const uint32_t dice = qtl_random_below(random, 1000);
    if (dice < 990) {
        return qtl_random_below(random, 600);
    }
    return qtl_random_below(random, dice < 998 ? 100000 : 1000000);
}

/* One round: the addresses of its blocks go into `blocks`. */
static void fill_and_check(struct qtl_arena *arena, struct block *blocks, uint64_t seed)
{
    struct qtl_random random = qtl_random_seed(seed, 1);
    for (int i = 0; i < BLOCKS; i++) {
        struct block *const block = &blocks[i];
        block->size = random_size(&random);
        block->mark = (unsigned char)qtl_random_below(&random, 256);
        block->bytes = qtl_arena_take(arena, block->size);
        assert_non_null(block->bytes);
        assert_int_equal((uintptr_t)block->bytes % 8, 0);
        memset(block->bytes, block->mark, block->size);
    }
    for (int i = 0; i < BLOCKS; i++) {
        for (size_t j = 0; j < blocks[i].size; j++) {
            assert_int_equal(blocks[i].bytes[j], blocks[i].mark);
        }
    }
}

static void blocks_stay_whole_round_after_round(void **state)
{
    (void)state;
    static struct block first[BLOCKS];
    static struct block second[BLOCKS];
    struct qtl_arena arena = {0};
    fill_and_check(&arena, first, 1);
    qtl_arena_reset(&arena);
    fill_and_check(&arena, second, 1);
    for (int i = 0; i < BLOCKS; i++) {
        assert_ptr_equal(first[i].bytes, second[i].bytes); /* the same chunks, in the same order */
    }
    for (uint64_t seed = 2; seed < 8; seed++) {
        qtl_arena_reset(&arena);
        fill_and_check(&arena, second, seed);
    }
    qtl_arena_fini(&arena);
    assert_null(arena.first);
    qtl_arena_reset(&arena); /* an empty one may be reset */
    qtl_arena_fini(&arena);
}

static void texts_are_copied(void **state)
{
    (void)state;
    struct qtl_arena arena = {0};
    char source[] = "customer";
    const struct qtl_text copy = qtl_arena_copy(&arena, (struct qtl_text){source, 8});
    memset(source, 'x', 8);
    assert_int_equal(copy.length, 8);
    assert_memory_equal(copy.bytes, "customer", 8);
    const struct qtl_text empty = qtl_arena_copy(&arena, (struct qtl_text){NULL, 0});
    assert_int_equal(empty.length, 0);
    assert_null(empty.bytes);
    qtl_arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_stay_whole_round_after_round),
        cmocka_unit_test(texts_are_copied),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
