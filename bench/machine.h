/*
 * Where a figure was measured: printed above every result, since a figure without its machine is
 * worth nothing.
 *
 * Threads: main.
 */
#ifndef QTL_BENCH_MACHINE_H
#define QTL_BENCH_MACHINE_H

#include <stdint.h>
#include <stdio.h>

/* Processor, cores, memory, kernel, huge pages, compiler, versions and commit, a line each. */
void qtl_machine_print(FILE *out);

/* Nanoseconds that only grow: of the wall, of the calling thread's processor time, and of that of
 * the whole process, threads that have ended included. */
uint64_t qtl_machine_now_ns(void);
uint64_t qtl_machine_cpu_ns(void);
uint64_t qtl_machine_process_cpu_ns(void);

/* Bytes of this process that are in memory. */
uint64_t qtl_machine_resident_bytes(void);

#endif
