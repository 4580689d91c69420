/* poll(2) with more descriptors than the process may open is refused; valgrind 3.19 keeps that limit to itself, and the kernel's as it was. */
#include <errno.h>
#include <poll.h>
#include <sys/resource.h>

int main(void) {
  struct pollfd none[20];
  struct rlimit limit;
  for (int index = 0; index < 20; index++) none[index] = (struct pollfd){.fd = -1};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1;
  limit.rlim_cur = 10;
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0) return 1;
  return poll(none, 20, 0) != -1 || errno != EINVAL;
}
