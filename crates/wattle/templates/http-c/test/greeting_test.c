#include <assert.h>
#include <string.h>

#include "../src/greeting.h"

int main(void) {
    char text[64];
    size_t len = greeting(text, sizeof text, "/there", 6);
    assert(len == strlen("Hello from /there\n"));
    assert(strcmp(text, "Hello from /there\n") == 0);

    len = greeting(text, 6, "/there", 6);
    assert(len == 5 && strcmp(text, "Hello") == 0);
    return 0;
}
