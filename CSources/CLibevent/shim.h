// What Apus uses of libevent: the core library is enough, the loop, buffers and bufferevents.
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
