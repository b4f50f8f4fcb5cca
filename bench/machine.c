/*
 * See machine.h. Everything comes from /proc, /sys and uname.
 */
#include "bench/machine.h"

#include "qtl_commit.h"
#include "scoring/base/hash.h"

#include <inttypes.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

/* Prints what stands behind the colon of the first line that begins with `name`. */
static void print_line_of(FILE *out, const char *label, const char *path, const char *name)
{
    FILE *const file = fopen(path, "r");
    if (file == NULL) {
        return;
    }
    char line[512];
    while (fgets(line, sizeof(line), file) != NULL) {
        if (strncmp(line, name, strlen(name)) != 0) {
            continue;
        }
        const char *const colon = strchr(line, ':');
        const char *const value = colon == NULL ? line : colon + 1;
        fprintf(out, "%-12s %s", label, value + strspn(value, " \t"));
        break;
    }
    fclose(file);
}

void qtl_machine_print(FILE *out)
{
    print_line_of(out, "processor", "/proc/cpuinfo", "model name");
    fprintf(out, "%-12s %ld\n", "cores", sysconf(_SC_NPROCESSORS_ONLN));
    print_line_of(out, "memory", "/proc/meminfo", "MemTotal");
    print_line_of(out, "huge pages", "/sys/kernel/mm/transparent_hugepage/enabled", "");
    struct utsname system;
    if (uname(&system) == 0) {
        fprintf(out, "%-12s %s %s\n", "kernel", system.sysname, system.release);
    }
    fprintf(out, "%-12s %s\n", "compiler", QTL_COMPILER);
    fprintf(out, "%-12s xxHash %u\n", "libraries", qtl_hash_library_version());
    fprintf(out, "%-12s %s\n", "commit", QTL_COMMIT);
}

static uint64_t read_clock(clockid_t clock)
{
    struct timespec now = {0};
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

uint64_t qtl_machine_now_ns(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

uint64_t qtl_machine_cpu_ns(void)
{
    return read_clock(CLOCK_THREAD_CPUTIME_ID);
}

uint64_t qtl_machine_process_cpu_ns(void)
{
    return read_clock(CLOCK_PROCESS_CPUTIME_ID);
}

uint64_t qtl_machine_resident_bytes(void)
{
    FILE *const file = fopen("/proc/self/statm", "r");
    uint64_t size = 0;
    uint64_t resident = 0;
    if (file != NULL) {
        if (fscanf(file, "%" SCNu64 " %" SCNu64, &size, &resident) != 2) {
            resident = 0;
        }
        fclose(file);
    }
    return resident * (uint64_t)sysconf(_SC_PAGESIZE);
}
