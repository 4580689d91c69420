/* libev: ev_io, ev_timer and ev_async on a loop of its own, by the backend that it recommends. */
#include "peer.h"

#include <errno.h>
#include <ev.h>
#include <stdlib.h>
#include <unistd.h>

struct connection {
    ev_io io;
    struct rest rest;
};

static _Thread_local size_t open_count;

static struct ev_loop *new_loop(void) {
    return ev_loop_new(EVFLAG_AUTO | EVFLAG_NOENV);
}

static void watch_for(struct ev_loop *loop, ev_io *io, int events) {
    ev_io_stop(loop, io);
    ev_io_set(io, io->fd, events);
    ev_io_start(loop, io);
}

static void hang_up(struct ev_loop *loop, struct connection *connection) {
    ev_io_stop(loop, &connection->io);
    free(connection->rest.bytes);
    connection->rest.bytes = NULL;
    if (--open_count == 0)
        ev_break(loop, EVBREAK_ALL);
}

static void on_socket(struct ev_loop *loop, ev_io *io, int events) {
    static _Thread_local char buffer[READ_LEN];
    struct connection *connection = (struct connection *)io;
    int gone = 0;
    if (events & EV_WRITE) {
        gone = reply_rest(io->fd, &connection->rest);
        if (!gone && !connection->rest.len)
            watch_for(loop, io, EV_READ);
    } else {
        ssize_t len = read(io->fd, buffer, sizeof buffer);
        if (len < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        gone = len <= 0 || reply(io->fd, &connection->rest, buffer, (size_t)len);
        if (!gone && connection->rest.len)
            watch_for(loop, io, EV_WRITE);
    }
    if (gone)
        hang_up(loop, connection);
}

static struct connection *connect_all(struct ev_loop *loop, const int *fds, size_t count) {
    struct connection *connections = zeroed(count, sizeof *connections);
    for (size_t at = 0; at < count; at++) {
        ev_io_init(&connections[at].io, on_socket, fds[at], EV_READ);
        ev_io_start(loop, &connections[at].io);
    }
    open_count = count;
    return connections;
}

static int echo(const int *fds, size_t count) {
    struct ev_loop *loop = new_loop();
    if (!loop)
        return ENOMEM;
    struct connection *connections = connect_all(loop, fds, count);
    ev_run(loop, 0);
    ev_loop_destroy(loop);
    free(connections);
    return 0;
}

static int idle(const int *fds, size_t count, void (*settled)(void *), void *data) {
    struct ev_loop *loop = new_loop();
    if (!loop)
        return ENOMEM;
    struct connection *connections = connect_all(loop, fds, count);
    ev_run(loop, EVRUN_NOWAIT);
    settled(data);
    ev_loop_destroy(loop);
    free(connections);
    return 0;
}

struct link {
    ev_io io;
    const struct chain *chain;
    size_t pipe;
};

static void on_pipe(struct ev_loop *loop, ev_io *io, int events) {
    (void)events;
    struct link *link = (struct link *)io;
    if (!link->chain->hop(link->chain->data, link->pipe))
        ev_break(loop, EVBREAK_ALL);
}

static int chain(const struct chain *chain) {
    struct ev_loop *loop = new_loop();
    if (!loop)
        return ENOMEM;
    struct link *links = zeroed(chain->count, sizeof *links);
    for (size_t at = 0; at < chain->count; at++) {
        links[at].chain = chain;
        links[at].pipe = at;
        ev_io_init(&links[at].io, on_pipe, chain->fds[at], EV_READ);
        ev_io_start(loop, &links[at].io);
    }
    ev_run(loop, EVRUN_NOWAIT); /* which is when the kernel learns of them */
    chain->start(chain->data);
    ev_run(loop, 0);
    ev_loop_destroy(loop);
    free(links);
    return 0;
}

static int churn(const int *fds, size_t fd_count, uint64_t count, uint64_t *ns) {
    struct ev_loop *loop = new_loop();
    if (!loop)
        return ENOMEM;
    struct connection *connections = connect_all(loop, fds, fd_count);
    ev_run(loop, EVRUN_NOWAIT);
    size_t at = 0;
    uint64_t start = now_ns();
    for (uint64_t done = 1; done <= count; done++) {
        ev_io_stop(loop, &connections[at].io);
        ev_io_start(loop, &connections[at].io);
        at = next_of(at, fd_count);
        if (done % TURN_EVERY == 0)
            ev_run(loop, EVRUN_NOWAIT);
    }
    *ns = now_ns() - start;
    ev_loop_destroy(loop);
    free(connections);
    return 0;
}

static void on_timer(struct ev_loop *loop, ev_timer *timer, int events) {
    (void)loop, (void)timer, (void)events; /* the loop ends with the last */
}

static int timers(const uint64_t *delays, const size_t *cancelled, size_t count, struct timer_costs *costs) {
    struct ev_loop *loop = new_loop();
    if (!loop)
        return ENOMEM;
    ev_timer *timers = zeroed(count, sizeof *timers);
    uint64_t start = now_ns();
    for (size_t at = 0; at < count; at++) {
        ev_timer_init(&timers[at], on_timer, (double)delays[at] / 1e9, 0.);
        ev_timer_start(loop, &timers[at]);
    }
    uint64_t inserted = now_ns();
    for (size_t at = 0; at < count; at++)
        ev_timer_stop(loop, &timers[cancelled[at]]);
    uint64_t stopped = now_ns();
    ev_now_update(loop);
    for (size_t at = 0; at < count; at++) {
        ev_timer_set(&timers[at], (double)(delays[at] / SHRINK) / 1e9, 0.);
        ev_timer_start(loop, &timers[at]);
    }
    uint64_t set = now_ns();
    ev_run(loop, 0);
    *costs = (struct timer_costs){inserted - start, stopped - inserted, now_ns() - set};
    ev_loop_destroy(loop);
    free(timers);
    return 0;
}

static int reset(size_t timer_count, uint64_t count, uint64_t *ns) {
    struct ev_loop *loop = new_loop();
    if (!loop)
        return ENOMEM;
    ev_timer *timers = zeroed(timer_count, sizeof *timers);
    for (size_t at = 0; at < timer_count; at++) {
        ev_timer_init(&timers[at], on_timer, 0., IDLE_SECONDS);
        ev_timer_again(loop, &timers[at]);
    }
    size_t at = 0;
    uint64_t start = now_ns();
    for (uint64_t done = 1; done <= count; done++) {
        ev_timer_again(loop, &timers[at]);
        at = next_of(at, timer_count);
        if (done % TURN_EVERY == 0)
            ev_run(loop, EVRUN_NOWAIT);
    }
    *ns = now_ns() - start;
    ev_loop_destroy(loop);
    free(timers);
    return 0;
}

struct mailbox {
    ev_async async;
    struct ev_loop *loop;
    struct posts posts;
    const struct wakes *wakes;
};

static void notify(void *data) {
    struct mailbox *mailbox = data;
    ev_async_send(mailbox->loop, &mailbox->async);
}

static void on_posts(struct ev_loop *loop, ev_async *async, int events) {
    (void)events;
    if (posts_run(&((struct mailbox *)async)->posts))
        ev_break(loop, EVBREAK_ALL);
}

static void on_wake(struct ev_loop *loop, ev_async *async, int events) {
    (void)events;
    const struct wakes *wakes = ((struct mailbox *)async)->wakes;
    if (wakes->note(wakes->data))
        ev_break(loop, EVBREAK_ALL);
}

static int post(uint64_t count, uint64_t *ns) {
    struct mailbox mailbox = {.loop = new_loop()};
    if (!mailbox.loop)
        return ENOMEM;
    ev_async_init(&mailbox.async, on_posts);
    ev_async_start(mailbox.loop, &mailbox.async);
    int error = posts_start(&mailbox.posts, count, notify, &mailbox);
    if (!error) {
        ev_run(mailbox.loop, 0);
        uint64_t end_at = now_ns();
        posts_join(&mailbox.posts);
        *ns = end_at - mailbox.posts.start;
    }
    ev_loop_destroy(mailbox.loop);
    return error;
}

static int wake(const struct wakes *wakes) {
    struct mailbox mailbox = {.loop = new_loop(), .wakes = wakes};
    if (!mailbox.loop)
        return ENOMEM;
    ev_async_init(&mailbox.async, on_wake);
    ev_async_start(mailbox.loop, &mailbox.async);
    wakes->start(wakes->data, notify, &mailbox);
    ev_run(mailbox.loop, 0);
    wakes->join(wakes->data);
    ev_loop_destroy(mailbox.loop);
    return 0;
}

const struct peer peer_libev = {0, echo, idle, chain, churn, timers, reset, post, wake};
