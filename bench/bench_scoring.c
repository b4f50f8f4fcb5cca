/*
 * The scoring core alone on one core (DESIGN 11): events a second for uniform random customers, and
 * bytes a customer; in the same run, what random access to as much memory costs with nothing done.
 * The histories are the same each time; what differs is how often four flags of the usual shapes
 * change: as in all figures so far, about 0.4 times an event, about once in 50 events.
 *
 *   bench_scoring [--customers N] [--events M] [--epoch R] [--orders N] [--engagement N]
 *                 [--without-ids] [--flags changing|usual|quiet|all]
 */
#include "bench/load.h"
#include "bench/machine.h"
#include "consumer/random.h"
#include "consumer/rule_file.h"
#include "scoring/base/assert.h"
#include "scoring/base/i128.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

struct flags {
    const char *name;
    const char *rules;
};

static const struct flags four_flags[] = {
    {"changing", "segments:\n"
                 "  vip:\n"
                 "    when: spend(365d) >= 800 and orders(365d) >= 6\n"
                 "    leave_when: spend(365d) < 600\n"
                 "  at_risk: {when: since(order) >= 90d}\n"
                 "  cart_abandoned:\n"
                 "    when: since(cart_add) >= 2h and since(cart_add) < 7d and\n"
                 "      last(cart_add) > last(order)\n"
                 "  engaged: {when: 'count(email_open,30d) >= 2'}\n"},
    {"usual", "segments:\n"
              "  vip:\n"
              "    when: spend(365d) >= 800 and orders(365d) >= 6\n"
              "    leave_when: spend(365d) < 600\n"
              "  at_risk: {when: since(order) >= 180d}\n"
              "  cart_abandoned:\n"
              "    when: since(cart_add) >= 2h and since(cart_add) < 7d and\n"
              "      last(cart_add) > last(order) and spend(365d) >= 600\n"
              "  engaged: {when: 'count(email_open,90d) >= 3'}\n"},
    {"quiet", "segments:\n"
              "  vip:\n"
              "    when: spend(365d) >= 2000 and orders(365d) >= 6\n"
              "    leave_when: spend(365d) < 1500\n"
              "  at_risk: {when: since(order) >= 200d}\n"
              "  cart_abandoned:\n"
              "    when: since(cart_add) >= 2h and since(cart_add) < 7d and\n"
              "      last(cart_add) > last(order) and spend(365d) >= 1500\n"
              "  engaged: {when: 'count(email_open,180d) >= 9'}\n"},
};
enum { FLAGS = sizeof(four_flags) / sizeof(four_flags[0]) };

struct options {
    struct qtl_load_settings load;
    uint64_t events;
    const char *flags; /* a name, or "all" */
};

static bool parse(int argc, char **argv, struct options *options)
{
    static const struct option names[] = {
        {"customers", required_argument, NULL, 'c'},  {"events", required_argument, NULL, 'm'},
        {"epoch", required_argument, NULL, 'e'},      {"orders", required_argument, NULL, 'o'},
        {"engagement", required_argument, NULL, 'g'}, {"without-ids", no_argument, NULL, 'i'},
        {"flags", required_argument, NULL, 'f'},      {NULL, 0, NULL, 0}};
    int option = 0;
    while ((option = getopt_long(argc, argv, "", names, NULL)) != -1) {
        const uint64_t number = optarg == NULL ? 0 : strtoull(optarg, NULL, 10);
        if (option == 'c') {
            options->load.customers = (uint32_t)number;
        } else if (option == 'm') {
            options->events = number;
        } else if (option == 'e') {
            options->load.epoch_records = (uint32_t)number;
        } else if (option == 'o') {
            options->load.orders = (uint32_t)number;
        } else if (option == 'g') {
            options->load.engagement = (uint32_t)number;
        } else if (option == 'i') {
            options->load.has_ids = false;
        } else if (option == 'f') {
            options->flags = optarg;
        } else {
            return false;
        }
    }
    return options->load.customers > 0 && options->load.epoch_records > 0 && optind == argc;
}

static void print_result(const char *what, const struct qtl_load_result *result)
{
    const double events = (double)result->events;
    const double seconds = (double)result->elapsed_ns / 1e9;
    printf("%-12s %.2f M events/s, %.0f ns an event (%.0f of processor time); %.0f M events, "
           "%.3f transitions and %.3f deadlines an event, %.1f days of the shop\n",
           what, events / seconds / 1e6, (double)result->elapsed_ns / events,
           (double)result->cpu_ns / events, events / 1e6, (double)result->transitions / events,
           (double)result->deadlines / events, (double)result->seconds / 86400);
}

/* ---- nothing but memory ------------------------------------------------------------------------
 */

enum { LINE = 64, AHEAD = 16, ACCESSES = 20000000 };

/* Adds one to a random cache line `ACCESSES` times; the line of `ahead` steps later is asked for
 * first where ahead > 0. */
static double access_ns(unsigned char *memory, uint64_t lines, unsigned ahead)
{
    uint64_t next[AHEAD + 1];
    struct qtl_random random = qtl_random_seed(5, ahead);
    for (unsigned i = 0; i <= AHEAD; i++) {
        next[i] = 0;
    }
    const uint64_t start = qtl_machine_cpu_ns();
    for (uint32_t i = 0; i < ACCESSES + ahead; i++) {
        const uint64_t line = (uint64_t)(((qtl_i128)qtl_random_next(&random) * lines) >> 32) * LINE;
        const uint64_t now = ahead == 0 ? line : next[i % ahead];
        if (ahead > 0) {
            __builtin_prefetch(memory + line, 1);
            next[i % ahead] = line;
        }
        (*(uint64_t *)(void *)(memory + now))++;
    }
    return (double)(qtl_machine_cpu_ns() - start) / (ACCESSES + ahead);
}

static void print_bare_loop(uint64_t bytes)
{
    const uint64_t size = (bytes + (2U << 20)) & ~(uint64_t)((2U << 20) - 1);
    unsigned char *const memory = aligned_alloc(2U << 20, size);
    QTL_ASSERT(memory != NULL);
    madvise(memory, size, MADV_HUGEPAGE);
    memset(memory, 1, size);
    const double plain = access_ns(memory, size / LINE, 0);
    const double prefetched = access_ns(memory, size / LINE, AHEAD);
    printf("bare loop    over %.2f GB: %.1f ns a random line plain, %.1f ns asked for %d ahead "
           "(%.1f and %.1f M lines/s)\n",
           (double)size / 1e9, plain, prefetched, AHEAD, 1e3 / plain, 1e3 / prefetched);
    free(memory);
}

/* ------------------------------------------------------------------------------------------------
 */

static uint64_t run(const struct options *options)
{
    const uint64_t before = qtl_machine_resident_bytes();
    struct qtl_load *const load = qtl_load_new(&options->load);
    const struct qtl_load_result filled = qtl_load_fill(load);
    const uint64_t resident = qtl_machine_resident_bytes() - before;
    const uint64_t held = qtl_load_slice_bytes(load);
    const double customers = options->load.customers;
    print_result("filling", &filled);
    printf("%-12s %.0f B a customer resident, %.0f B by qtl_slice_bytes(), with %u orders and %u "
           "engagement entries each (%s event_id)\n",
           "memory", (double)resident / customers, (double)held / customers, options->load.orders,
           options->load.engagement, options->load.has_ids ? "with" : "without");
    fflush(stdout);
    const struct qtl_load_result measured = qtl_load_measure(load, options->events);
    print_result("measured", &measured);
    qtl_load_free(load);
    return held;
}

/* Fills and measures under one set of rules; returns what the slice held. */
static uint64_t run_flags(struct options *options, const struct flags *flags)
{
    struct qtl_rules *rules = NULL;
    struct qtl_problems problems = {0};
    const struct qtl_text text = {flags->rules, (uint32_t)strlen(flags->rules)};
    const enum qtl_status status = qtl_rule_file_parse(text, &rules, &problems);
    QTL_ASSERT(status == QTL_OK);
    options->load.rules = rules;
    printf("%-12s %u customers, epochs of %u records, 4 flags (%s), one core\n", "load",
           options->load.customers, options->load.epoch_records, flags->name);
    const uint64_t held = run(options);
    qtl_rules_free(rules);
    return held;
}

int main(int argc, char **argv)
{
    struct options options = {.load = {.customers = 10000000,
                                       .orders = 5,
                                       .engagement = 10,
                                       .epoch_records = 32768,
                                       .has_ids = true},
                              .events = 20000000,
                              .flags = "all"};
    if (!parse(argc, argv, &options)) {
        fprintf(stderr, "usage: bench_scoring [--customers N] [--events M] [--epoch R] "
                        "[--orders N] [--engagement N] [--without-ids] "
                        "[--flags changing|usual|quiet|all]\n");
        return 2;
    }
    qtl_machine_print(stdout);
    uint64_t held = 0;
    for (unsigned i = 0; i < FLAGS; i++) {
        const struct flags *const flags = &four_flags[i];
        if (strcmp(options.flags, "all") == 0 || strcmp(options.flags, flags->name) == 0) {
            held = run_flags(&options, flags);
        }
    }
    print_bare_loop(held + 1);
    return 0;
}
