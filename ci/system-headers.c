/* What platform/src relies on in the system headers of the BSDs and macOS, as static assertions: it only has to compile.
 *
 * The layouts are those of the libc crate where the code goes through it, so a header that differs from the crate shows here. */
#include <sys/types.h>
#include <sys/event.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <unistd.h>
#include <termios.h>
#if defined(__FreeBSD__)
#include <libutil.h>
#elif !defined(__APPLE__) /* which has it, but zig does not bring it along */
#include <util.h>
#endif

#define HOLDS(condition) _Static_assert(condition, #condition)
#define FIELD(type, name, offset, size)  \
    HOLDS(offsetof(type, name) == (offset)); \
    HOLDS(sizeof(((type *)0)->name) == (size))
#define IS_DECLARED_AS(function, type) HOLDS(__builtin_types_compatible_p(__typeof__(function), type))

/* The same everywhere. */
HOLDS(EV_ADD == 1);
HOLDS(EV_DELETE == 2);
HOLDS(EV_ONESHOT == 0x10);
HOLDS(EV_CLEAR == 0x20);
HOLDS(EV_RECEIPT == 0x40);
HOLDS(EV_DISPATCH == 0x80);
HOLDS(EV_ERROR == 0x4000);
HOLDS(EV_EOF == 0x8000);

HOLDS(sizeof(struct pollfd) == 8);
FIELD(struct pollfd, fd, 0, 4);
FIELD(struct pollfd, events, 4, 2);
FIELD(struct pollfd, revents, 6, 2);
HOLDS(sizeof(nfds_t) == 4);
HOLDS(POLLIN == 1);
HOLDS(POLLPRI == 2);
HOLDS(POLLOUT == 4);
HOLDS(POLLERR == 8);
HOLDS(POLLHUP == 16);
HOLDS(POLLNVAL == 32);
IS_DECLARED_AS(poll, int(struct pollfd *, nfds_t, int));

HOLDS(sizeof(struct timespec) == 16);
FIELD(struct timespec, tv_sec, 0, 8);
FIELD(struct timespec, tv_nsec, 8, 8);

/* process/kqueue.rs, beside kevent itself. */
#if defined(__NetBSD__)
HOLDS(EVFILT_PROC == 4);
#else
HOLDS(EVFILT_PROC == -5);
#endif
HOLDS(NOTE_EXIT == 0x80000000u);

/* signal/name.rs and signal/handler.rs. */
HOLDS(SIGHUP == 1);
HOLDS(SIGINT == 2);
HOLDS(SIGQUIT == 3);
HOLDS(SIGILL == 4);
HOLDS(SIGTRAP == 5);
HOLDS(SIGABRT == 6);
HOLDS(SIGFPE == 8);
HOLDS(SIGKILL == 9);
HOLDS(SIGBUS == 10);
HOLDS(SIGSEGV == 11);
HOLDS(SIGSYS == 12);
HOLDS(SIGPIPE == 13);
HOLDS(SIGALRM == 14);
HOLDS(SIGTERM == 15);
HOLDS(SIGURG == 16);
HOLDS(SIGSTOP == 17);
HOLDS(SIGTSTP == 18);
HOLDS(SIGCONT == 19);
HOLDS(SIGCHLD == 20);
HOLDS(SIGTTIN == 21);
HOLDS(SIGTTOU == 22);
HOLDS(SIGXCPU == 24);
HOLDS(SIGXFSZ == 25);
HOLDS(SIGVTALRM == 26);
HOLDS(SIGPROF == 27);
HOLDS(SIGWINCH == 28);
HOLDS(SIGUSR1 == 30);
HOLDS(SIGUSR2 == 31);
HOLDS(SA_ONSTACK == 1);
HOLDS(SA_RESTART == 2);
FIELD(struct sigaction, sa_handler, 0, 8);
#if defined(__FreeBSD__)
FIELD(struct sigaction, sa_flags, 8, 4);
FIELD(struct sigaction, sa_mask, 12, 16);
HOLDS(sizeof(struct sigaction) == 32);
#elif defined(__NetBSD__)
FIELD(struct sigaction, sa_mask, 8, 16);
FIELD(struct sigaction, sa_flags, 24, 4);
HOLDS(sizeof(struct sigaction) == 32);
#else
FIELD(struct sigaction, sa_mask, 8, 4);
FIELD(struct sigaction, sa_flags, 12, 4);
HOLDS(sizeof(struct sigaction) == 16);
#endif
IS_DECLARED_AS(sigaction, int(int, const struct sigaction *, struct sigaction *));

/* net/address.rs fills socket addresses in and leaves the length byte alone: it has to be there for the family to be in its place. */
FIELD(struct sockaddr, sa_family, 1, 1);
HOLDS(sizeof(struct sockaddr_in) == 16);
FIELD(struct sockaddr_in, sin_port, 2, 2);
FIELD(struct sockaddr_in, sin_addr, 4, 4);
HOLDS(sizeof(struct sockaddr_in6) == 28);
FIELD(struct sockaddr_in6, sin6_addr, 8, 16);
FIELD(struct sockaddr_in6, sin6_scope_id, 24, 4);
FIELD(struct sockaddr_un, sun_family, 1, 1);
FIELD(struct sockaddr_un, sun_path, 2, 104);

/* net/send.rs, net/options.rs and net/credentials.rs. */
HOLDS(SOL_SOCKET == 0xFFFF);
HOLDS(sizeof(struct linger) == 8);
FIELD(struct linger, l_onoff, 0, 4);
FIELD(struct linger, l_linger, 4, 4);
#if defined(__APPLE__)
HOLDS(SO_LINGER_SEC == 0x1080);
HOLDS(SO_NOSIGPIPE == 0x1022);
HOLDS(SOL_LOCAL == 0);
HOLDS(LOCAL_PEERPID == 2);
#else
HOLDS(SO_LINGER == 0x80);
#endif
#if defined(__FreeBSD__)
HOLDS(MSG_NOSIGNAL == 0x20000);
#elif !defined(__APPLE__)
HOLDS(MSG_NOSIGNAL == 0x400);
#endif
#if defined(__NetBSD__)
HOLDS(LOCAL_PEEREID == 3);
HOLDS(sizeof(struct unpcbid) == 12);
FIELD(struct unpcbid, unp_pid, 0, 4);
FIELD(struct unpcbid, unp_euid, 4, 4);
FIELD(struct unpcbid, unp_egid, 8, 4);
#elif defined(__OpenBSD__)
HOLDS(SO_PEERCRED == 0x1022);
HOLDS(sizeof(struct sockpeercred) == 12);
FIELD(struct sockpeercred, uid, 0, 4);
FIELD(struct sockpeercred, gid, 4, 4);
FIELD(struct sockpeercred, pid, 8, 4);
#else
IS_DECLARED_AS(getpeereid, int(int, uid_t *, gid_t *));
#endif

/* accept.rs, credentials.rs and options.rs. */
HOLDS(SO_ACCEPTCONN == 2);
HOLDS(AF_UNIX == 1);
HOLDS(EACCES == 13);
HOLDS(ENOSYS == 78);
IS_DECLARED_AS(getsockname, int(int, struct sockaddr *, socklen_t *));
FIELD(struct sockaddr_storage, ss_family, 1, 1);

/* descriptor.rs and pty.rs. */
HOLDS(O_ACCMODE == 3);
HOLDS(O_WRONLY == 1);
HOLDS(O_NONBLOCK == 4);
HOLDS(O_APPEND == 8);
HOLDS(S_IFBLK == 0060000);
HOLDS(EISDIR == 21);
HOLDS(ENOBUFS == 55);
HOLDS(SIGPIPE == 13);
FIELD(struct sigaction, sa_handler, 0, 8);
#if defined(__OpenBSD__)
IS_DECLARED_AS(openpty, int(int *, int *, char *, const struct termios *, const struct winsize *));
#elif !defined(__APPLE__)
IS_DECLARED_AS(openpty, int(int *, int *, char *, struct termios *, struct winsize *));
#endif

IS_DECLARED_AS(pselect, int(int, fd_set *, fd_set *, fd_set *, const struct timespec *, const sigset_t *));

/* select.rs lays out its bitmaps in the words of fd_set: 32 bits, or a long. */
#if defined(__FreeBSD__)
FIELD(fd_set, __fds_bits[0], 0, 8);
HOLDS(sizeof(fd_set) == 128);
#elif defined(__NetBSD__)
FIELD(fd_set, fds_bits[0], 0, 4);
HOLDS(sizeof(fd_set) == 32);
#else
FIELD(fd_set, fds_bits[0], 0, 4);
HOLDS(sizeof(fd_set) == 128);
#endif

/* kqueue.rs: the filters, and kevent itself. */
#if defined(__NetBSD__)
HOLDS(EVFILT_READ == 0);
HOLDS(EVFILT_WRITE == 1);
FIELD(struct kevent, ident, 0, 8);
FIELD(struct kevent, filter, 8, 4);
FIELD(struct kevent, flags, 12, 4);
FIELD(struct kevent, fflags, 16, 4);
FIELD(struct kevent, data, 24, 8);
FIELD(struct kevent, udata, 32, 8);
/* 32 bytes longer than the libc crate's, which calls the function of older releases (`__kevent50`, 40 bytes): never one with
 * the struct of the other. */
HOLDS(sizeof(struct kevent) == 72);
IS_DECLARED_AS(kevent, int(int, const struct kevent *, size_t, struct kevent *, size_t, const struct timespec *));
IS_DECLARED_AS(pollts, int(struct pollfd *, nfds_t, const struct timespec *, const sigset_t *));
#else
HOLDS(EVFILT_READ == -1);
HOLDS(EVFILT_WRITE == -2);
FIELD(struct kevent, ident, 0, 8);
FIELD(struct kevent, filter, 8, 2);
FIELD(struct kevent, flags, 10, 2);
FIELD(struct kevent, fflags, 12, 4);
FIELD(struct kevent, data, 16, 8);
FIELD(struct kevent, udata, 24, 8);
#if defined(__FreeBSD__)
HOLDS(sizeof(struct kevent) == 64);
#else
HOLDS(sizeof(struct kevent) == 32);
#endif
IS_DECLARED_AS(kevent, int(int, const struct kevent *, int, struct kevent *, int, const struct timespec *));
#endif

#if defined(__FreeBSD__) || defined(__OpenBSD__)
IS_DECLARED_AS(ppoll, int(struct pollfd *, nfds_t, const struct timespec *, const sigset_t *));
#endif
