// Lets every fsync and fdatasync take NANOSECONDS longer, as on a slower disk. To be preloaded.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <time.h>

static int after_a_while(const char *name, int file) {
    struct timespec wait = {NANOSECONDS / 1000000000, NANOSECONDS % 1000000000};
    while (nanosleep(&wait, &wait) != 0 && errno == EINTR) {}
    int (*real)(int);
    *(void **)&real = dlsym(RTLD_NEXT, name);
    return real(file);
}

int fsync(int file) { return after_a_while("fsync", file); }
int fdatasync(int file) { return after_a_while("fdatasync", file); }
