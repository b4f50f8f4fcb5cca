/*
 * `quintil check R [R...]`: everything that is wrong with rule files, or what each rule needs.
 * Reads the files and nothing else; what it accepts, `run` and `replay` accept.
 */
#include "consumer/commands.h"
#include "consumer/rule_file.h"
#include "scoring/metric_call.h"

#include <inttypes.h>
#include <string.h>

#define CELL_MAX 64

static void print_help(FILE *out)
{
    fprintf(out, "usage: quintil check FILE [FILE...]\n"
                 "\n"
                 "Checks rule files. Prints every problem as\n"
                 "  file:line:column: what is wrong; what was expected; suggestion\n"
                 "on standard error, and for a good file a table of what each rule needs.\n"
                 "\n"
                 "  --help    this text\n"
                 "\n"
                 "exit codes: 0 all files are good, 2 one is not, or the command line is wrong\n"
                 "The language is described in docs/RULES.md.\n");
}

/* A duration as users write it; "-" for none. */
static void write_duration(int64_t seconds, char text[CELL_MAX])
{
    if (seconds == 0) {
        memcpy(text, "-", 2);
    } else {
        qtl_metric_call_duration(seconds, text);
    }
}

/* The longest window that the rule looks back through; "lifetime" where one has none. */
static void write_window(const struct qtl_rules *rules, const struct qtl_segment *segment,
                         char text[CELL_MAX])
{
    int64_t longest_s = 0;
    for (uint16_t i = 0; i < segment->evidence_count; i++) {
        const struct qtl_metric *const metric = &rules->metrics[segment->evidence[i]];
        if (metric->type == QTL_TYPE_NUMBER && metric->window_s == 0) {
            memcpy(text, "lifetime", sizeof("lifetime"));
            return;
        }
        longest_s = metric->window_s > longest_s ? metric->window_s : longest_s;
    }
    write_duration(longest_s, text);
}

static void write_holdout(uint32_t holdout_e4, char text[CELL_MAX])
{
    if (holdout_e4 == 0) {
        memcpy(text, "-", 2);
    } else if (holdout_e4 % 100 == 0) {
        snprintf(text, CELL_MAX, "%" PRIu32 "%%", holdout_e4 / 100);
    } else {
        snprintf(text, CELL_MAX, "%" PRIu32 ".%02" PRIu32 "%%", holdout_e4 / 100, holdout_e4 % 100);
    }
}

static void print_segment(const struct qtl_rules *rules, const struct qtl_segment *segment,
                          int name_width)
{
    char window[CELL_MAX];
    char hold[CELL_MAX];
    char holdout[CELL_MAX];
    write_window(rules, segment, window);
    write_duration(segment->hold_s, hold);
    write_holdout(segment->holdout_e4, holdout);
    printf("  %-*s  %-9s  %-6s  %-7s  ", name_width, segment->name, window, hold, holdout);
    for (uint16_t i = 0; i < segment->evidence_count; i++) {
        printf("%s%s", i > 0 ? " " : "", rules->metrics[segment->evidence[i]].text);
    }
    printf("\n");
}

static void print_rules(const char *path, const struct qtl_rules *rules)
{
    char retention[CELL_MAX];
    int name_width = (int)strlen("segment");
    for (uint16_t i = 0; i < rules->segment_count; i++) {
        const int width = (int)strlen(rules->segments[i].name);
        name_width = width > name_width ? width : name_width;
    }
    qtl_metric_call_duration(rules->retention_s, retention);
    printf("%s: good; rules version %016" PRIx64 ", %u segments, %u distinct metrics, retention "
           "%s, time zone %s\n",
           path, rules->version, rules->segment_count, rules->metric_count, retention,
           rules->time_zone);
    printf("  %-*s  %-9s  %-6s  %-7s  %s\n", name_width, "segment", "window", "hold", "holdout",
           "metrics");
    for (uint16_t i = 0; i < rules->segment_count; i++) {
        print_segment(rules, &rules->segments[i], name_width);
    }
}

static int check_file(const char *path)
{
    struct qtl_rules *rules = NULL;
    struct qtl_problems problems = {0};
    const enum qtl_status status = qtl_rule_file_read(path, &rules, &problems);
    if (status == QTL_OK) {
        print_rules(path, rules);
    } else {
        qtl_rule_file_report(path, &problems, stderr);
    }
    qtl_rules_free(rules);
    qtl_problems_fini(&problems);
    return qtl_status_exit_code(status);
}

int qtl_command_check(int argc, char **argv)
{
    int code = 0;
    int first = 1;
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        print_help(stdout);
        return 0;
    }
    if (argc > 1 && strcmp(argv[1], "--") == 0) {
        first++;
    } else if (argc > 1 && argv[1][0] == '-' && argv[1][1] != '\0') {
        fprintf(stderr, "quintil check: unknown option %s; expected rule files or --help\n",
                argv[1]);
        return 2;
    }
    if (argc <= first) {
        fprintf(stderr, "quintil check: no file; expected at least one rule file\n");
        print_help(stderr);
        return 2;
    }
    for (int i = first; i < argc; i++) {
        const int result = check_file(argv[i]);
        code = result > code ? result : code;
    }
    return code;
}
