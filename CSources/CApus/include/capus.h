// CApus: the C core of Apus. It holds no policy: one poller interface with two backends, the queue of
// unsent output, socket calls, process primitives and what Swift cannot import by itself.
#ifndef CAPUS_H
#define CAPUS_H

#include "capus_crash.h"
#include "capus_executor.h"
#include "capus_files.h"
#include "capus_loop.h"
#include "capus_process.h"
#include "capus_resolve.h"
#include "capus_scan.h"
#include "capus_socket.h"
#include "capus_status.h"
#include "capus_system.h"
#include "capus_tls.h"
#include "capus_udp.h"
#include "capus_websocket.h"

#endif
