/* What all three have in common, which is no part of any of the libraries. */
#include "peer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

uint64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

void *zeroed(size_t count, size_t size) {
    void *memory = calloc(count ? count : 1, size);
    if (!memory) {
        fprintf(stderr, "no memory for %zu times %zu bytes\n", count, size);
        abort();
    }
    return memory;
}

int reply(int fd, struct rest *rest, const char *bytes, size_t len) {
    ssize_t written = write(fd, bytes, len);
    if (written == (ssize_t)len)
        return 0;
    if (written < 0) {
        if (errno != EAGAIN && errno != EINTR)
            return -1;
        written = 0;
    }
    rest->len = len - (size_t)written;
    rest->bytes = zeroed(rest->len, 1);
    memcpy(rest->bytes, bytes + written, rest->len);
    return 0;
}

int reply_rest(int fd, struct rest *rest) {
    ssize_t written = write(fd, rest->bytes, rest->len);
    if (written < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : -1;
    rest->len -= (size_t)written;
    memmove(rest->bytes, rest->bytes + written, rest->len);
    if (rest->len == 0) {
        free(rest->bytes);
        rest->bytes = NULL;
    }
    return 0;
}

static void add_one(uint64_t *sum) {
    *sum += 1;
}

static void *post_all(void *data) {
    struct posts *posts = data;
    posts->start = now_ns();
    for (uint64_t sent = 0; sent < posts->count; sent++) {
        pthread_mutex_lock(&posts->lock);
        if (posts->waiting_count == posts->waiting_room) {
            size_t room = posts->waiting_room ? 2 * posts->waiting_room : 64;
            struct task *larger = zeroed(room, sizeof *larger);
            if (posts->waiting_count)
                memcpy(larger, posts->waiting, posts->waiting_count * sizeof *larger);
            free(posts->waiting);
            posts->waiting = larger;
            posts->waiting_room = room;
        }
        int is_first = posts->waiting_count == 0;
        posts->waiting[posts->waiting_count++] = (struct task){add_one, &posts->sum};
        pthread_mutex_unlock(&posts->lock);
        if (is_first) /* of those behind it the loop learns when it comes */
            posts->notify(posts->loop);
    }
    return NULL;
}

int posts_start(struct posts *posts, uint64_t count, void (*notify)(void *), void *loop) {
    *posts = (struct posts){.count = count, .notify = notify, .loop = loop};
    pthread_mutex_init(&posts->lock, NULL);
    return pthread_create(&posts->thread, NULL, post_all, posts);
}

int posts_run(struct posts *posts) {
    pthread_mutex_lock(&posts->lock);
    struct task *tasks = posts->waiting;
    size_t count = posts->waiting_count, room = posts->waiting_room;
    posts->waiting = posts->running;
    posts->waiting_room = posts->running_room;
    posts->waiting_count = 0;
    pthread_mutex_unlock(&posts->lock);
    posts->running = tasks;
    posts->running_room = room;
    for (size_t at = 0; at < count; at++)
        tasks[at].run(tasks[at].sum);
    return posts->sum == posts->count;
}

void posts_join(struct posts *posts) {
    pthread_join(posts->thread, NULL);
    pthread_mutex_destroy(&posts->lock);
    free(posts->waiting);
    free(posts->running);
}
