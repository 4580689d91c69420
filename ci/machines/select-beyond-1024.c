/* Linux's pselect takes numbers from FD_SETSIZE on in bitmaps that are long enough; qemu-user ends itself. */
#include <sys/select.h>
#include <unistd.h>

int main(void) {
  enum { BITS = 8 * sizeof(long), NUMBER = 1024 }; /* FD_SETSIZE */
  static long bitmap[2048 / BITS];
  int pipe_fds[2];
  if (pipe(pipe_fds) != 0 || dup2(pipe_fds[0], NUMBER) != NUMBER || write(pipe_fds[1], "x", 1) != 1) return 1;
  bitmap[NUMBER / BITS] = 1;
  return pselect(NUMBER + 1, (fd_set *)bitmap, NULL, NULL, NULL, NULL) != 1;
}
