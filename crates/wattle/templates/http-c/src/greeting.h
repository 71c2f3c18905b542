#ifndef GREETING_H
#define GREETING_H

#include <stddef.h>

/* Writes the answer to a request for `path`, and returns its length. It is cut where `room` ends. */
size_t greeting(char *text, size_t room, const char *path, size_t path_len);

#endif
