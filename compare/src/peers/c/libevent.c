/* libevent: plain events in memory of one's own, with the list of changes that its documentation has for epoll. */
#include "peer.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <event2/thread.h>
#include <stdlib.h>
#include <unistd.h>

struct connection {
    struct event event;
    struct rest rest;
};

static _Thread_local size_t open_count;

static struct event_base *new_base(void) {
    struct event_config *config = event_config_new();
    if (!config)
        return NULL;
    /* Allowed where no descriptor is a duplicate of another. */
    event_config_set_flag(config, EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST);
    struct event_base *base = event_base_new_with_config(config);
    event_config_free(config);
    return base;
}

static struct timeval timeval_of(uint64_t ns) {
    uint64_t us = (ns + 999) / 1000; /* never early */
    return (struct timeval){(time_t)(us / 1000000), (suseconds_t)(us % 1000000)};
}

static void turn(struct event_base *base) {
    event_base_loop(base, EVLOOP_NONBLOCK);
}

static void on_socket(evutil_socket_t fd, short events, void *data);

static void watch_for(struct connection *connection, short events) {
    struct event *event = &connection->event;
    struct event_base *base = event_get_base(event);
    evutil_socket_t fd = event_get_fd(event);
    event_del(event);
    event_assign(event, base, fd, (short)(events | EV_PERSIST), on_socket, connection);
    event_add(event, NULL);
}

static void on_socket(evutil_socket_t fd, short events, void *data) {
    static _Thread_local char buffer[READ_LEN];
    struct connection *connection = data;
    int gone = 0;
    if (events & EV_WRITE) {
        gone = reply_rest(fd, &connection->rest);
        if (!gone && !connection->rest.len)
            watch_for(connection, EV_READ);
    } else {
        ssize_t len = read(fd, buffer, sizeof buffer);
        if (len < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        gone = len <= 0 || reply(fd, &connection->rest, buffer, (size_t)len);
        if (!gone && connection->rest.len)
            watch_for(connection, EV_WRITE);
    }
    if (!gone)
        return;
    event_del(&connection->event);
    free(connection->rest.bytes);
    connection->rest.bytes = NULL;
    if (--open_count == 0)
        event_base_loopbreak(event_get_base(&connection->event));
}

static struct connection *connect_all(struct event_base *base, const int *fds, size_t count) {
    struct connection *connections = zeroed(count, sizeof *connections);
    for (size_t at = 0; at < count; at++) {
        event_assign(&connections[at].event, base, fds[at], EV_READ | EV_PERSIST, on_socket, &connections[at]);
        event_add(&connections[at].event, NULL);
    }
    open_count = count;
    return connections;
}

static int echo(const int *fds, size_t count) {
    struct event_base *base = new_base();
    if (!base)
        return ENOMEM;
    struct connection *connections = connect_all(base, fds, count);
    event_base_dispatch(base);
    event_base_free(base);
    free(connections);
    return 0;
}

static int idle(const int *fds, size_t count, void (*settled)(void *), void *data) {
    struct event_base *base = new_base();
    if (!base)
        return ENOMEM;
    struct connection *connections = connect_all(base, fds, count);
    turn(base);
    settled(data);
    event_base_free(base);
    free(connections);
    return 0;
}

struct link {
    struct event event;
    const struct chain *chain;
    size_t pipe;
};

static void on_pipe(evutil_socket_t fd, short events, void *data) {
    (void)fd, (void)events;
    struct link *link = data;
    if (!link->chain->hop(link->chain->data, link->pipe))
        event_base_loopbreak(event_get_base(&link->event));
}

static int chain(const struct chain *chain) {
    struct event_base *base = new_base();
    if (!base)
        return ENOMEM;
    struct link *links = zeroed(chain->count, sizeof *links);
    for (size_t at = 0; at < chain->count; at++) {
        links[at].chain = chain;
        links[at].pipe = at;
        event_assign(&links[at].event, base, chain->fds[at], EV_READ | EV_PERSIST, on_pipe, &links[at]);
        event_add(&links[at].event, NULL);
    }
    turn(base); /* which is when the kernel learns of them */
    chain->start(chain->data);
    event_base_dispatch(base);
    event_base_free(base);
    free(links);
    return 0;
}

static int churn(const int *fds, size_t fd_count, uint64_t count, uint64_t *ns) {
    struct event_base *base = new_base();
    if (!base)
        return ENOMEM;
    struct connection *connections = connect_all(base, fds, fd_count);
    turn(base);
    size_t at = 0;
    uint64_t start = now_ns();
    for (uint64_t done = 1; done <= count; done++) {
        event_del(&connections[at].event);
        event_add(&connections[at].event, NULL);
        at = next_of(at, fd_count);
        if (done % TURN_EVERY == 0)
            turn(base);
    }
    *ns = now_ns() - start;
    event_base_free(base);
    free(connections);
    return 0;
}

static void on_timer(evutil_socket_t fd, short events, void *data) {
    (void)fd, (void)events, (void)data; /* the loop ends with the last */
}

static int timers(const uint64_t *delays, const size_t *cancelled, size_t count, struct timer_costs *costs) {
    struct event_base *base = new_base();
    if (!base)
        return ENOMEM;
    struct event *timers = zeroed(count, sizeof *timers);
    uint64_t start = now_ns();
    for (size_t at = 0; at < count; at++) {
        struct timeval delay = timeval_of(delays[at]);
        evtimer_assign(&timers[at], base, on_timer, NULL);
        evtimer_add(&timers[at], &delay);
    }
    uint64_t inserted = now_ns();
    for (size_t at = 0; at < count; at++)
        evtimer_del(&timers[cancelled[at]]);
    uint64_t stopped = now_ns();
    for (size_t at = 0; at < count; at++) {
        struct timeval delay = timeval_of(delays[at] / SHRINK);
        evtimer_add(&timers[at], &delay);
    }
    uint64_t set = now_ns();
    event_base_dispatch(base);
    *costs = (struct timer_costs){inserted - start, stopped - inserted, now_ns() - set};
    event_base_free(base);
    free(timers);
    return 0;
}

static int reset(size_t timer_count, uint64_t count, uint64_t *ns) {
    struct event_base *base = new_base();
    if (!base)
        return ENOMEM;
    struct timeval seconds = {IDLE_SECONDS, 0};
    /* Timers of one length have a queue of their own, for programs that have many. */
    const struct timeval *common = event_base_init_common_timeout(base, &seconds);
    struct event *timers = zeroed(timer_count, sizeof *timers);
    for (size_t at = 0; at < timer_count; at++) {
        evtimer_assign(&timers[at], base, on_timer, NULL);
        evtimer_add(&timers[at], common);
    }
    size_t at = 0;
    uint64_t start = now_ns();
    for (uint64_t done = 1; done <= count; done++) {
        evtimer_add(&timers[at], common);
        at = next_of(at, timer_count);
        if (done % TURN_EVERY == 0)
            turn(base);
    }
    *ns = now_ns() - start;
    event_base_free(base);
    free(timers);
    return 0;
}

struct mailbox {
    struct event event;
    struct event_base *base;
    struct posts posts;
    const struct wakes *wakes;
};

/* What its documentation has for other threads, once it is told of them. */
static void notify(void *data) {
    event_active(&((struct mailbox *)data)->event, EV_READ, 0);
}

static void on_posts(evutil_socket_t fd, short events, void *data) {
    (void)fd, (void)events;
    struct mailbox *mailbox = data;
    if (posts_run(&mailbox->posts))
        event_base_loopbreak(mailbox->base);
}

static void on_wake(evutil_socket_t fd, short events, void *data) {
    (void)fd, (void)events;
    struct mailbox *mailbox = data;
    if (mailbox->wakes->note(mailbox->wakes->data))
        event_base_loopbreak(mailbox->base);
}

static void tell_of_threads(void) {
    evthread_use_pthreads();
}

static int open_mailbox(struct mailbox *mailbox, event_callback_fn callback) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, tell_of_threads);
    mailbox->base = new_base();
    if (!mailbox->base)
        return ENOMEM;
    event_assign(&mailbox->event, mailbox->base, -1, EV_READ | EV_PERSIST, callback, mailbox);
    event_add(&mailbox->event, NULL);
    return 0;
}

static int post(uint64_t count, uint64_t *ns) {
    struct mailbox mailbox;
    int error = open_mailbox(&mailbox, on_posts);
    if (error)
        return error;
    error = posts_start(&mailbox.posts, count, notify, &mailbox);
    if (!error) {
        event_base_loop(mailbox.base, EVLOOP_NO_EXIT_ON_EMPTY);
        uint64_t end_at = now_ns();
        posts_join(&mailbox.posts);
        *ns = end_at - mailbox.posts.start;
    }
    event_base_free(mailbox.base);
    return error;
}

static int wake(const struct wakes *wakes) {
    struct mailbox mailbox = {.wakes = wakes};
    int error = open_mailbox(&mailbox, on_wake);
    if (error)
        return error;
    wakes->start(wakes->data, notify, &mailbox);
    event_base_loop(mailbox.base, EVLOOP_NO_EXIT_ON_EMPTY);
    wakes->join(wakes->data);
    event_base_free(mailbox.base);
    return 0;
}

const struct peer peer_libevent = {0, echo, idle, chain, churn, timers, reset, post, wake};
