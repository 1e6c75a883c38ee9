// What Apus uses of zlib: deflate, for answers that are compressed.
#include <zlib.h>
