// What Apus uses of libzmq: its sockets, and through it the numbers of errors.
#include <zmq.h>
