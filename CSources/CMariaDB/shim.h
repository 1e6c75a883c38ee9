// What Apus uses of libmariadb, its functions that do not wait, and of what stands below it.
#include <mysql.h>
#include <errmsg.h>
#include <openssl/x509.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

// Swift cannot call functions with variable arguments.
static inline int cmariadb_do_not_wait(int fd) { return ioctl(fd, FIONBIO, &(int){1}); }
