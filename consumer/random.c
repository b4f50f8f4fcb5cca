/*
 * PCG (O'Neill 2014) with one fixed increment; streams differ by where on the cycle of 2^64 they
 * start, spread by splitmix64, so that two of them overlap with a chance of the order of
 * (numbers drawn) / 2^64. libc's rand() is neither the same everywhere nor good enough for tails.
 *
 * Gamma: Marsaglia and Tsang 2000, below shape 1 boosted by a power of a uniform number.
 */
#include "consumer/random.h"

#include "scoring/base/assert.h"

#include <math.h>

#define MULTIPLIER UINT64_C(6364136223846793005)
#define INCREMENT UINT64_C(1442695040888963407)

static uint64_t mixed(uint64_t x)
{
    x += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

struct qtl_random qtl_random_seed(uint64_t seed, uint64_t stream)
{
    return (struct qtl_random){.state = mixed(mixed(seed) + stream)};
}

uint32_t qtl_random_next(struct qtl_random *random)
{
    const uint64_t old = random->state;
    random->state = old * MULTIPLIER + INCREMENT;
    const uint32_t shifted = (uint32_t)(((old >> 18) ^ old) >> 27);
    const uint32_t turn = (uint32_t)(old >> 59);
    return (shifted >> turn) | (shifted << ((32 - turn) & 31));
}

uint32_t qtl_random_below(struct qtl_random *random, uint32_t bound)
{
    QTL_ASSERT(bound > 0);
    /* The multiply-shift bias is under bound / 2^32: of no concern to a made-up shop. */
    return (uint32_t)(((uint64_t)qtl_random_next(random) * bound) >> 32);
}

double qtl_random_uniform(struct qtl_random *random)
{
    const uint64_t high = qtl_random_next(random);
    const uint64_t bits = ((high << 32) | qtl_random_next(random)) >> 11;
    return ((double)bits + 0.5) * 0x1p-53;
}

bool qtl_random_chance(struct qtl_random *random, double probability)
{
    return qtl_random_uniform(random) < probability;
}

double qtl_random_exponential(struct qtl_random *random, double rate)
{
    QTL_ASSERT(rate > 0);
    return -log(qtl_random_uniform(random)) / rate;
}

static double normal(struct qtl_random *random)
{
    const double radius = sqrt(-2.0 * log(qtl_random_uniform(random)));
    return radius * cos(6.283185307179586 * qtl_random_uniform(random));
}

double qtl_random_gamma(struct qtl_random *random, double shape, double rate)
{
    QTL_ASSERT(shape > 0);
    QTL_ASSERT(rate > 0);
    double boost = 1.0;
    if (shape < 1.0) {
        boost = pow(qtl_random_uniform(random), 1.0 / shape);
        shape += 1.0;
    }
    const double d = shape - 1.0 / 3.0;
    const double c = 1.0 / sqrt(9.0 * d);
    for (;;) {
        const double x = normal(random);
        const double v = (1.0 + c * x) * (1.0 + c * x) * (1.0 + c * x);
        const double u = qtl_random_uniform(random);
        if (v > 0.0 && log(u) < 0.5 * x * x + d * (1.0 - v + log(v))) {
            return boost * d * v / rate;
        }
    }
}
