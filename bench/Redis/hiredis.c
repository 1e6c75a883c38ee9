// The same as RedisGets, with hiredis over libevent: so many GETs under way over one connection until enough were
// answered. Prints the CPU time of this process in nanoseconds.
#include <event2/event.h>
#include <hiredis/adapters/libevent.h>
#include <hiredis/async.h>
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

static struct event_base *base;
static long begun, answered, wanted;

static void answer(redisAsyncContext *context, void *data, void *user) {
    redisReply *reply = data;
    (void)user;
    if (!reply || reply->type != REDIS_REPLY_STRING || reply->len != 16) {
        fprintf(stderr, "a reply is missing\n");
        exit(1);
    }
    answered++;
    if (begun < wanted) {
        begun++;
        redisAsyncCommand(context, answer, NULL, "GET %s", "benchmark:key");
    } else if (answered == wanted) {
        event_base_loopbreak(base);
    }
}

int main(int argc, char **argv) {
    if (argc != 4) return 64;
    wanted = atol(argv[2]);
    long in_flight = atol(argv[3]);
    base = event_base_new();
    redisAsyncContext *context = redisAsyncConnect("127.0.0.1", atoi(argv[1]));
    if (context->err) return 1;
    redisLibeventAttach(context, base);
    while (begun < in_flight && begun < wanted) {
        begun++;
        redisAsyncCommand(context, answer, NULL, "GET %s", "benchmark:key");
    }
    event_base_dispatch(base);
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    printf("%lld\n", (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000000LL +
                         (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1000LL);
    return 0;
}
