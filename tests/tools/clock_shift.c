/*
 * A library for LD_PRELOAD that moves the wall clock of a process by QUINTIL_CLOCK_SHIFT seconds,
 * so that a test can stop the engine days ago and start it now. The monotonic clock stays.
 */
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name): libc's are reserved */
int clock_gettime(clockid_t id, struct timespec *now)
{
    const long result = syscall(SYS_clock_gettime, id, now);
    const char *const shift = getenv("QUINTIL_CLOCK_SHIFT");
    if (result == 0 && id == CLOCK_REALTIME && shift != NULL) {
        now->tv_sec += strtol(shift, NULL, 10);
    }
    return (int)result;
}
