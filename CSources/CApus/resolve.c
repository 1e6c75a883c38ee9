#define _GNU_SOURCE
#include "capus_resolve.h"

#include "capus_process.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

typedef struct question {
    capus_resolver *resolver;
    struct question *next;
    char *host;
    capus_resolved answer;
} question;

struct capus_resolver {
    pthread_mutex_t lock;
    question *answered;
    int eventfd;
};

capus_resolver *capus_resolver_create(int eventfd) {
    capus_resolver *resolver = calloc(1, sizeof *resolver);
    if (resolver != NULL) {
        pthread_mutex_init(&resolver->lock, NULL);
        resolver->eventfd = eventfd;
    }
    return resolver;
}

// Returns why there is no address, or NULL.
static const char *look_up(const char *host, capus_address *addresses, int capacity, int *count) {
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    int failure = getaddrinfo(host, NULL, &hints, &found);
    if (failure != 0) {
        return gai_strerror(failure);
    }
    for (struct addrinfo *each = found; each != NULL && *count < capacity; each = each->ai_next) {
        capus_address *address = &addresses[(*count)++];
        bool is_v4 = each->ai_family == AF_INET;
        address->family = is_v4 ? 4 : 6;
        memcpy(address->ip,
               is_v4 ? (void *)&((struct sockaddr_in *)each->ai_addr)->sin_addr
                     : (void *)&((struct sockaddr_in6 *)each->ai_addr)->sin6_addr,
               is_v4 ? 4 : 16);
    }
    freeaddrinfo(found);
    return NULL;
}

const char *capus_resolve(const char *host, capus_address *address) {
    int count = 0;
    return look_up(host, address, 1, &count);
}

static void *serve(void *context) {
    question *asked = context;
    capus_resolver *resolver = asked->resolver;
    capus_resolved *answer = &asked->answer;
    answer->failure = look_up(asked->host, answer->addresses, CAPUS_RESOLVED_ADDRESSES, &answer->count);
    pthread_mutex_lock(&resolver->lock);
    asked->next = resolver->answered;
    resolver->answered = asked;
    pthread_mutex_unlock(&resolver->lock);
    capus_eventfd_signal(resolver->eventfd);
    return NULL;
}

// Signals stay with the loop's thread.
static int start_thread(question *asked) {
    sigset_t all, previous;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &previous);
    pthread_t thread;
    int failure = pthread_create(&thread, NULL, serve, asked);
    pthread_sigmask(SIG_SETMASK, &previous, NULL);
    if (failure == 0) {
        pthread_detach(thread);
    }
    return failure;
}

static void forget(question *asked) {
    free(asked->host);
    free(asked);
}

int capus_resolver_start(capus_resolver *resolver, uint64_t id, const char *host) {
    question *asked = calloc(1, sizeof *asked);
    if (asked == NULL || (asked->host = strdup(host)) == NULL) {
        free(asked);
        return ENOMEM;
    }
    asked->resolver = resolver;
    asked->answer.id = id;
    int failure = start_thread(asked);
    if (failure != 0) {
        forget(asked);
    }
    return failure;
}

bool capus_resolver_take(capus_resolver *resolver, capus_resolved *answer) {
    pthread_mutex_lock(&resolver->lock);
    question *taken = resolver->answered;
    if (taken != NULL) {
        resolver->answered = taken->next;
    }
    pthread_mutex_unlock(&resolver->lock);
    if (taken == NULL) {
        return false;
    }
    *answer = taken->answer;
    forget(taken);
    return true;
}
