/*
 * What a rule costs: the load of bench_scoring with 1, 4, 16 and 64 rules of the usual shapes, each
 * with a window of its own, so that nothing is shared between them.
 *
 *   bench_rule_cost [customers [events]]
 */
#include "bench/load.h"
#include "bench/machine.h"
#include "consumer/rule_file.h"
#include "scoring/base/assert.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RULES_MAX = 64, RULE_BYTES = 200 };

/* The condition of rule `i`: a shape, and a window that no other rule has. */
static void write_rule(char *text, size_t size, unsigned i)
{
    const unsigned days = 20 + 5 * i;
    switch (i % 6) {
    case 0:
        snprintf(text, size, "spend(%ud) >= %u and orders(%ud) >= 3", days, 200 + 10 * i, days);
        break;
    case 1:
        snprintf(text, size, "since(order) >= %ud", days);
        break;
    case 2:
        snprintf(text, size, "count(email_open,%ud) >= %u", days, 2 + i / 12);
        break;
    case 3:
        snprintf(text, size,
                 "since(cart_add) >= %uh and since(cart_add) < 7d and last(cart_add) > last(order)",
                 2 + i);
        break;
    case 4:
        snprintf(text, size, "aov(%ud) > %u", days, 50 + i);
        break;
    default:
        snprintf(text, size, "count(page_view,%ud) >= 2 and orders(%ud) == 0", days, days);
        break;
    }
}

static struct qtl_rules *make_rules(unsigned count)
{
    static char file[RULES_MAX * (RULE_BYTES + 32)];
    char rule[RULE_BYTES];
    size_t length = (size_t)snprintf(file, sizeof(file), "segments:\n");
    for (unsigned i = 0; i < count; i++) {
        write_rule(rule, sizeof(rule), i);
        length += (size_t)snprintf(file + length, sizeof(file) - length,
                                   "  rule_%u: {when: '%s'}\n", i, rule);
    }
    struct qtl_rules *rules = NULL;
    struct qtl_problems problems = {0};
    const enum qtl_status status =
        qtl_rule_file_parse((struct qtl_text){file, (uint32_t)length}, &rules, &problems);
    qtl_rule_file_report("rules", &problems, stderr);
    QTL_ASSERT(status == QTL_OK);
    return rules;
}

static void run(uint32_t customers, uint64_t events, unsigned count)
{
    struct qtl_rules *const rules = make_rules(count);
    const struct qtl_load_settings settings = {.rules = rules,
                                               .customers = customers,
                                               .orders = 5,
                                               .engagement = 10,
                                               .epoch_records = 32768,
                                               .has_ids = true};
    struct qtl_load *const load = qtl_load_new(&settings);
    qtl_load_fill(load);
    const struct qtl_load_result result = qtl_load_measure(load, events);
    const double done = (double)result.events;
    printf("%5u rules  %6.0f ns an event (%.0f of processor time)  %.2f M events/s  %.2f "
           "transitions and %.2f deadlines an "
           "event, %.0f B a customer\n",
           count, (double)result.elapsed_ns / done, (double)result.cpu_ns / done,
           done / (double)result.elapsed_ns * 1e3, (double)result.transitions / done,
           (double)result.deadlines / done, (double)qtl_load_slice_bytes(load) / customers);
    fflush(stdout);
    qtl_load_free(load);
    qtl_rules_free(rules);
}

int main(int argc, char **argv)
{
    const uint32_t customers = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 1000000;
    const uint64_t events = argc > 2 ? strtoull(argv[2], NULL, 10) : 4000000;
    if (customers == 0 || events == 0) {
        fprintf(stderr, "usage: bench_rule_cost [customers [events]]\n");
        return 2;
    }
    qtl_machine_print(stdout);
    printf("%-12s %u customers, 5 orders and 10 engagement entries each, one core\n", "load",
           customers);
    for (unsigned count = 1; count <= RULES_MAX; count *= 4) {
        run(customers, events, count);
    }
    return 0;
}
