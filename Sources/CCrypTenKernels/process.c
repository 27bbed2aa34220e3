// What a whole process shows of its memory when it crashes, and to others of its user.
// For sigaction, of which C itself knows nothing.
#define _DEFAULT_SOURCE 1
#if defined(__APPLE__)
#define _DARWIN_C_SOURCE 1
#endif
#include "CCrypTenKernels.h"

#include <signal.h>
#include <sys/resource.h>

#if defined(__linux__)
#include <sys/prctl.h>
#endif

void cct_process_shows_nothing(int may_be_watched) {
    // The runtime of Swift has taken these over, to print registers and what they point to.
    const int crashes[] = {SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGQUIT, SIGSEGV, SIGTRAP};
    for (unsigned i = 0; i < sizeof crashes / sizeof *crashes; i++) {
        struct sigaction before;
        if (sigaction(crashes[i], 0, &before) == 0 && before.sa_handler != SIG_IGN) signal(crashes[i], SIG_DFL);
    }
    const struct rlimit none = {0, 0};
    (void)setrlimit(RLIMIT_CORE, &none);  // less than before: always allowed
#if defined(__linux__)
    if (!may_be_watched) (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#else
    (void)may_be_watched;
#endif
}
