/* Lets a program that runs under qemu-user start programs of its own machine; ci/machines.sh has it preloaded.
 *
 * qemu-user hands execve to the kernel, which runs programs of the host's machine only. So a program of this one is started as
 * `qemu PROGRAM`, and any other, `cat` say, as it is. Here are the two functions by which Rust's std starts programs.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST = 1000 }; /* arguments, or variables of the environment */

static const char preload[] = "LD_PRELOAD=" THIS_FILE;

/* What is to be started in place of a program. */
struct start {
  const char *program;
  char *arguments[MOST + 8];
  char *environment[MOST + 1];
};

static int is_of_this_machine(const char *program) {
  Elf32_Ehdr header; /* as far as e_machine, that of 64 bits is the same */
  int fd = open(program, O_RDONLY | O_CLOEXEC);
  ssize_t len = fd == -1 ? -1 : read(fd, &header, sizeof header);
  if (fd != -1) close(fd);
  return len == sizeof header && memcmp(header.e_ident, ELFMAG, SELFMAG) == 0 && header.e_machine == MACHINE;
}

static void prepare(struct start *start, const char *program, char *const arguments[], char *const environment[]) {
  const char *const in_qemu[] = {QEMU, "-E", preload, "-0", arguments[0], program};
  int count = 0, kept = 0, index = 0;
  start->program = program;
  if (strchr(program, '/') != NULL && is_of_this_machine(program)) {
    start->program = QEMU;
    for (; count < 6; count++) start->arguments[count] = (char *)in_qemu[count];
    index = 1;
  }
  for (; arguments[index] != NULL; index++) {
    if (index == MOST) abort();
    start->arguments[count++] = arguments[index];
  }
  start->arguments[count] = NULL;
  for (index = 0; environment[index] != NULL; index++) {
    if (index == MOST) abort();
    /* The host's own programs would complain of a library that is not of their machine; qemu is told by -E. */
    if (strcmp(environment[index], preload) != 0) start->environment[kept++] = environment[index];
  }
  start->environment[kept] = NULL;
}

int execvp(const char *program, char *const arguments[]) {
  struct start start;
  prepare(&start, program, arguments, environ);
  return execvpe(start.program, start.arguments, start.environment);
}

int posix_spawnp(pid_t *pid, const char *program, const posix_spawn_file_actions_t *actions,
                 const posix_spawnattr_t *attributes, char *const arguments[], char *const environment[]) {
  int (*next)(pid_t *, const char *, const posix_spawn_file_actions_t *, const posix_spawnattr_t *, char *const[],
              char *const[]) = dlsym(RTLD_NEXT, "posix_spawnp");
  struct start start;
  prepare(&start, program, arguments, environment);
  return next(pid, start.program, actions, attributes, start.arguments, start.environment);
}
