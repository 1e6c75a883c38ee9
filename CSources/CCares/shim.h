// c-ares: questions to name servers that block nothing.
#include <ares.h>
#include <arpa/nameser.h>
#include <netdb.h>
