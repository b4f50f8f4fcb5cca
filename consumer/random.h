/*
 * Random numbers from a seed, for made-up shops and for tests: the same seed gives the same numbers
 * on every machine (distributions go through libm: the same libm, the same last digit).
 *
 * Threads: a generator belongs to one thread.
 */
#ifndef QTL_CONSUMER_RANDOM_H
#define QTL_CONSUMER_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

/* PCG-XSH-RR 64/32 in 8 bytes of state: a shop holds millions of them. */
struct qtl_random {
    uint64_t state;
};

/* Numbers of one stream: different streams of a seed are independent of each other. */
struct qtl_random qtl_random_seed(uint64_t seed, uint64_t stream);

uint32_t qtl_random_next(struct qtl_random *random);

/* 0 <= x < bound; bound > 0. */
uint32_t qtl_random_below(struct qtl_random *random, uint32_t bound);

/* Strictly between 0 and 1. */
double qtl_random_uniform(struct qtl_random *random);

/* True with this probability. */
bool qtl_random_chance(struct qtl_random *random, double probability);

/* Mean 1 / rate. */
double qtl_random_exponential(struct qtl_random *random, double rate);

/* Mean shape / rate; any shape > 0. */
double qtl_random_gamma(struct qtl_random *random, double shape, double rate);

#endif
