/* libuv: uv_tcp_t for sockets, which it closes; uv_poll_t for pipes; uv_timer_t and uv_async_t. */
#include "peer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

struct connection {
    uv_tcp_t tcp;
    uv_write_t write;
    char *rest;
};

static _Thread_local char buffer[READ_LEN];

static void close_handle(uv_handle_t *handle, void *data) {
    (void)data;
    if (!uv_is_closing(handle))
        uv_close(handle, NULL);
}

/* Closes all handles, as a loop must have it, and the loop. */
static void end(uv_loop_t *loop) {
    uv_walk(loop, close_handle, NULL);
    uv_run(loop, UV_RUN_DEFAULT);
    uv_loop_close(loop);
}

static void lend_buffer(uv_handle_t *handle, size_t wanted, uv_buf_t *lent) {
    (void)handle, (void)wanted;
    *lent = uv_buf_init(buffer, sizeof buffer);
}

static void on_read(uv_stream_t *stream, ssize_t len, const uv_buf_t *read);

static void on_written(uv_write_t *write, int status) {
    struct connection *connection = write->data;
    free(connection->rest);
    connection->rest = NULL;
    if (status < 0)
        close_handle((uv_handle_t *)&connection->tcp, NULL);
    else
        uv_read_start((uv_stream_t *)&connection->tcp, lend_buffer, on_read);
}

static void on_read(uv_stream_t *stream, ssize_t len, const uv_buf_t *read) {
    struct connection *connection = (struct connection *)stream;
    if (len == 0)
        return; /* there was nothing to read after all */
    if (len < 0) {
        uv_close((uv_handle_t *)stream, NULL); /* the loop ends with the last */
        return;
    }
    uv_buf_t reply = uv_buf_init(read->base, (unsigned)len);
    int written = uv_try_write(stream, &reply, 1);
    if (written == len)
        return;
    if (written < 0 && written != UV_EAGAIN) {
        uv_close((uv_handle_t *)stream, NULL);
        return;
    }
    if (written < 0)
        written = 0;
    uv_read_stop(stream);
    size_t rest_len = (size_t)(len - written);
    connection->rest = zeroed(rest_len, 1);
    memcpy(connection->rest, read->base + written, rest_len);
    uv_buf_t rest = uv_buf_init(connection->rest, (unsigned)rest_len);
    connection->write.data = connection;
    if (uv_write(&connection->write, stream, &rest, 1, on_written) != 0)
        uv_close((uv_handle_t *)stream, NULL);
}

/* The handles must be ended before they are freed, whatever the answer. */
static int connect_all(uv_loop_t *loop, struct connection *connections, const int *fds, size_t count) {
    for (size_t at = 0; at < count; at++) {
        uv_tcp_t *tcp = &connections[at].tcp;
        int error = uv_tcp_init(loop, tcp);
        if (!error)
            error = uv_tcp_open(tcp, fds[at]);
        if (!error)
            error = uv_read_start((uv_stream_t *)tcp, lend_buffer, on_read);
        if (error)
            return -error;
    }
    return 0;
}

static int echo(const int *fds, size_t count) {
    uv_loop_t loop;
    int error = -uv_loop_init(&loop);
    if (error)
        return error;
    struct connection *connections = zeroed(count, sizeof *connections);
    error = connect_all(&loop, connections, fds, count);
    if (!error)
        uv_run(&loop, UV_RUN_DEFAULT);
    end(&loop);
    free(connections);
    return error;
}

static int idle(const int *fds, size_t count, void (*settled)(void *), void *data) {
    uv_loop_t loop;
    int error = -uv_loop_init(&loop);
    if (error)
        return error;
    struct connection *connections = zeroed(count, sizeof *connections);
    error = connect_all(&loop, connections, fds, count);
    if (!error) {
        uv_run(&loop, UV_RUN_NOWAIT);
        settled(data);
    }
    end(&loop);
    free(connections);
    return error;
}

struct link {
    uv_poll_t poll;
    const struct chain *chain;
    size_t pipe;
};

static void on_pipe(uv_poll_t *poll, int status, int events) {
    (void)events;
    struct link *link = (struct link *)poll;
    if (status < 0 || !link->chain->hop(link->chain->data, link->pipe))
        uv_stop(poll->loop);
}

static int chain(const struct chain *chain) {
    uv_loop_t loop;
    int error = -uv_loop_init(&loop);
    if (error)
        return error;
    struct link *links = zeroed(chain->count, sizeof *links);
    for (size_t at = 0; at < chain->count && !error; at++) {
        links[at].chain = chain;
        links[at].pipe = at;
        error = -uv_poll_init(&loop, &links[at].poll, chain->fds[at]);
        if (!error)
            error = -uv_poll_start(&links[at].poll, UV_READABLE, on_pipe);
    }
    if (!error) {
        uv_run(&loop, UV_RUN_NOWAIT); /* which is when the kernel learns of them */
        chain->start(chain->data);
        uv_run(&loop, UV_RUN_DEFAULT);
    }
    end(&loop);
    free(links);
    return error;
}

static int churn(const int *fds, size_t fd_count, uint64_t count, uint64_t *ns) {
    uv_loop_t loop;
    int error = -uv_loop_init(&loop);
    if (error)
        return error;
    struct connection *connections = zeroed(fd_count, sizeof *connections);
    error = connect_all(&loop, connections, fds, fd_count);
    if (!error)
        uv_run(&loop, UV_RUN_NOWAIT);
    size_t at = 0;
    uint64_t start = now_ns();
    for (uint64_t done = 1; done <= count && !error; done++) {
        uv_stream_t *stream = (uv_stream_t *)&connections[at].tcp;
        uv_read_stop(stream);
        error = -uv_read_start(stream, lend_buffer, on_read);
        at = next_of(at, fd_count);
        if (done % TURN_EVERY == 0)
            uv_run(&loop, UV_RUN_NOWAIT);
    }
    *ns = now_ns() - start;
    end(&loop);
    free(connections);
    return error;
}

static void on_timer(uv_timer_t *timer) {
    (void)timer; /* the loop ends with the last */
}

/* Its timers count milliseconds. */
static uint64_t milliseconds(uint64_t ns) {
    return (ns + 999999) / 1000000;
}

static int timers(const uint64_t *delays, const size_t *cancelled, size_t count, struct timer_costs *costs) {
    uv_loop_t loop;
    int error = -uv_loop_init(&loop);
    if (error)
        return error;
    uv_timer_t *timers = zeroed(count, sizeof *timers);
    uint64_t start = now_ns();
    for (size_t at = 0; at < count; at++) {
        uv_timer_init(&loop, &timers[at]);
        uv_timer_start(&timers[at], on_timer, milliseconds(delays[at]), 0);
    }
    uint64_t inserted = now_ns();
    for (size_t at = 0; at < count; at++)
        uv_timer_stop(&timers[cancelled[at]]);
    uint64_t stopped = now_ns();
    uv_update_time(&loop);
    for (size_t at = 0; at < count; at++)
        uv_timer_start(&timers[at], on_timer, milliseconds(delays[at] / SHRINK), 0);
    uint64_t set = now_ns();
    uv_run(&loop, UV_RUN_DEFAULT);
    *costs = (struct timer_costs){inserted - start, stopped - inserted, now_ns() - set};
    end(&loop);
    free(timers);
    return 0;
}

static int reset(size_t timer_count, uint64_t count, uint64_t *ns) {
    uv_loop_t loop;
    int error = -uv_loop_init(&loop);
    if (error)
        return error;
    uv_timer_t *timers = zeroed(timer_count, sizeof *timers);
    for (size_t at = 0; at < timer_count; at++) {
        uv_timer_init(&loop, &timers[at]);
        uv_timer_start(&timers[at], on_timer, IDLE_SECONDS * 1000, IDLE_SECONDS * 1000);
    }
    size_t at = 0;
    uint64_t start = now_ns();
    for (uint64_t done = 1; done <= count; done++) {
        uv_timer_again(&timers[at]);
        at = next_of(at, timer_count);
        if (done % TURN_EVERY == 0)
            uv_run(&loop, UV_RUN_NOWAIT);
    }
    *ns = now_ns() - start;
    end(&loop);
    free(timers);
    return 0;
}

struct mailbox {
    uv_async_t async;
    struct posts posts;
    const struct wakes *wakes;
};

static void notify(void *data) {
    uv_async_send(&((struct mailbox *)data)->async);
}

static void on_posts(uv_async_t *async) {
    if (posts_run(&((struct mailbox *)async)->posts))
        uv_stop(async->loop);
}

static void on_wake(uv_async_t *async) {
    const struct wakes *wakes = ((struct mailbox *)async)->wakes;
    if (wakes->note(wakes->data))
        uv_stop(async->loop);
}

static int post(uint64_t count, uint64_t *ns) {
    uv_loop_t loop;
    struct mailbox mailbox;
    int error = -uv_loop_init(&loop);
    if (error)
        return error;
    error = -uv_async_init(&loop, &mailbox.async, on_posts);
    if (!error) {
        error = posts_start(&mailbox.posts, count, notify, &mailbox);
        if (!error) {
            uv_run(&loop, UV_RUN_DEFAULT);
            uint64_t end_at = now_ns();
            posts_join(&mailbox.posts);
            *ns = end_at - mailbox.posts.start;
        }
    }
    end(&loop);
    return error;
}

static int wake(const struct wakes *wakes) {
    uv_loop_t loop;
    struct mailbox mailbox = {.wakes = wakes};
    int error = -uv_loop_init(&loop);
    if (error)
        return error;
    error = -uv_async_init(&loop, &mailbox.async, on_wake);
    if (!error) {
        wakes->start(wakes->data, notify, &mailbox);
        uv_run(&loop, UV_RUN_DEFAULT);
        wakes->join(wakes->data);
    }
    end(&loop);
    return error;
}

const struct peer peer_libuv = {1, echo, idle, chain, churn, timers, reset, post, wake};
