/* Random numbers: the stream never changes, the moments are those of the distributions. */
#include "consumer/random.h"
#include "tests/unit/test.h"

#include <math.h>
#include <stdlib.h>

#define DRAWS 200000

static void streams_are_fixed_and_differ(void **state)
{
    (void)state;
    struct qtl_random one = qtl_random_seed(1, 0);
    struct qtl_random again = qtl_random_seed(1, 0);
    struct qtl_random other = qtl_random_seed(1, 1);
    int same = 0;
    for (int i = 0; i < 1000; i++) {
        const uint32_t number = qtl_random_next(&one);
        assert_int_equal(number, qtl_random_next(&again));
        same += number == qtl_random_next(&other);
    }
    assert_int_equal(same, 0);
    /* The first of seed 1: a change of the algorithm changes everybody's shops. */
    struct qtl_random first = qtl_random_seed(1, 0);
    assert_int_equal(qtl_random_next(&first), 0x607906f2);
}

static void check_gamma(double shape, double rate)
{
    struct qtl_random random = qtl_random_seed(2, (uint64_t)(shape * 1000));
    double sum = 0;
    double squares = 0;
    for (int i = 0; i < DRAWS; i++) {
        const double x = qtl_random_gamma(&random, shape, rate);
        assert_true(x >= 0);
        sum += x;
        squares += x * x;
    }
    const double mean = sum / DRAWS;
    assert_true(fabs(mean / (shape / rate) - 1) < 0.02);
    assert_true(fabs((squares / DRAWS - mean * mean) / (shape / rate / rate) - 1) < 0.05);
}

static void gamma_has_its_mean_and_variance(void **state)
{
    (void)state;
    check_gamma(0.55, 10.58);
    check_gamma(0.61, 11.67);
    check_gamma(1.0, 2.0);
    check_gamma(6.25, 1.0);
}

static void uniform_chance_and_below_keep_their_bounds(void **state)
{
    (void)state;
    struct qtl_random random = qtl_random_seed(3, 3);
    uint32_t counts[7] = {0};
    int hits = 0;
    double sum = 0;
    for (int i = 0; i < DRAWS; i++) {
        const double uniform = qtl_random_uniform(&random);
        assert_true(uniform > 0 && uniform < 1);
        sum += qtl_random_exponential(&random, 4.0);
        hits += qtl_random_chance(&random, 0.25);
        const uint32_t below = qtl_random_below(&random, 7);
        assert_true(below < 7);
        counts[below]++;
    }
    assert_true(fabs(sum / DRAWS - 0.25) < 0.005);
    assert_true(abs(hits - DRAWS / 4) < 1500);
    for (int i = 0; i < 7; i++) {
        assert_in_range(counts[i], DRAWS / 7 - 1000, DRAWS / 7 + 1000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(streams_are_fixed_and_differ),
        cmocka_unit_test(gamma_has_its_mean_and_variance),
        cmocka_unit_test(uniform_chance_and_below_keep_their_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
