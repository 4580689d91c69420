/* Signals may interrupt pselect, also as it begins: it then says EINTR, and never that an address is bad. valgrind hands the kernel a
   copy of the address of the mask, and what is begun again after a signal finds a copy that is gone. */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <sys/select.h>
#include <sys/time.h>

static void nothing(int number) { (void)number; }

int main(void) {
  struct sigaction action = {.sa_handler = nothing};
  struct itimerval often = {{0, 100}, {0, 100}};
  sigset_t none;
  sigemptyset(&none);
  if (sigaction(SIGALRM, &action, 0) != 0 || setitimer(ITIMER_REAL, &often, 0) != 0) return 2;
  for (int tries = 0; tries < 20000; tries++) {
    struct timespec moment = {0, 200000};
    if (pselect(0, 0, 0, 0, &moment, &none) == -1 && errno != EINTR) return 1;
  }
  return 0;
}
