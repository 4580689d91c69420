/* What a library in C is asked to do: the works of the trait `Contestant`, as a table that `libraries.rs` reads. */
#ifndef PEER_H
#define PEER_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

/* The chain of pipes, which belongs to the caller. */
struct chain {
    const int *fds;
    size_t count;
    void *data;
    /* Sends the first bytes. */
    void (*start)(void *data);
    /* Passes on what is in a pipe that is readable; 0 once it is over. */
    int (*hop)(void *data, size_t pipe);
};

/* Who wakes the loop, which belongs to the caller too, so that all loops are woken in the same way. */
struct wakes {
    void *data;
    /* Starts a thread that calls `notify`, which says to the loop that it is to run: the library's own. */
    void (*start)(void *data, void (*notify)(void *loop), void *loop);
    /* The loop was woken; whether that was the last time. */
    int (*note)(void *data);
    /* Waits for the thread, before what it notifies is gone. */
    void (*join)(void *data);
};

/* Nanoseconds that setting, cancelling and firing all timers took. */
struct timer_costs {
    uint64_t insert, cancel, fire;
};

/* Each answers 0, or an errno. */
struct peer {
    /* Whether the sockets are closed here: if not, they remain the caller's. */
    int closes_sockets;
    int (*echo)(const int *fds, size_t count);
    int (*idle)(const int *fds, size_t count, void (*settled)(void *data), void *data);
    int (*chain)(const struct chain *chain);
    int (*churn)(const int *fds, size_t fd_count, uint64_t count, uint64_t *ns);
    /* The delays are in nanoseconds. */
    int (*timers)(const uint64_t *delays, const size_t *cancelled, size_t count, struct timer_costs *costs);
    int (*reset)(size_t timer_count, uint64_t count, uint64_t *ns);
    int (*post)(uint64_t count, uint64_t *ns);
    int (*wake)(const struct wakes *wakes);
};

enum {
    READ_LEN = 16 * 1024,
    TURN_EVERY = 100,      /* stops, or resets, until the loop turns */
    IDLE_SECONDS = 30,     /* what a timer is put off by */
    SHRINK = 3600 * 1000,  /* what delays are divided by for timers that are to fire */
};

static inline size_t next_of(size_t at, size_t count) {
    return at + 1 == count ? 0 : at + 1;
}

/* Of the monotonic clock. */
uint64_t now_ns(void);

/* Memory of zeros; ends the process when there is none. */
void *zeroed(size_t count, size_t size);

/* What could not be written of a reply. */
struct rest {
    char *bytes;
    size_t len;
};

/* Writes what a socket takes and keeps the rest; -1 when the peer is gone. */
int reply(int fd, struct rest *rest, const char *bytes, size_t len);
/* Writes of the rest what a socket takes; -1 when the peer is gone. */
int reply_rest(int fd, struct rest *rest);

/* What one thread hands to the loop of another: tasks under a lock. */
struct task {
    void (*run)(uint64_t *sum);
    uint64_t *sum;
};

struct posts {
    pthread_mutex_t lock;
    struct task *waiting, *running;
    size_t waiting_count, waiting_room, running_room;
    uint64_t sum, count;
    /* When the thread began. */
    uint64_t start;
    /* What says to the loop that there are some: the library's own, called by the other thread. */
    void (*notify)(void *loop);
    void *loop;
    pthread_t thread;
};

/* Starts the thread that posts. */
int posts_start(struct posts *posts, uint64_t count, void (*notify)(void *), void *loop);
/* Runs what has come; whether that was the last. */
int posts_run(struct posts *posts);
void posts_join(struct posts *posts);

#endif
