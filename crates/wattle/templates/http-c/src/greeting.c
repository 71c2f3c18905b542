#include "greeting.h"

#include <stdio.h>

size_t greeting(char *text, size_t room, const char *path, size_t path_len) {
    int len = snprintf(text, room, "Hello from %.*s\n", (int)path_len, path);
    if (len < 0) return 0;
    return (size_t)len < room ? (size_t)len : room - 1;
}
