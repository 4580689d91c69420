/* A process may open a descriptor for itself (Linux 5.3); valgrind 3.19 does not know the system call. */
#include <sys/syscall.h>
#include <unistd.h>

int main(void) { return syscall(SYS_pidfd_open, getpid(), 0) == -1; }
