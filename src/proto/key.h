/* The key of a container: what it is called below /run/cloister. */
#pragma once

enum { KEY_SIZE = 17 }; /* 16 hexadecimal digits and a NUL */

/* The first 16 hexadecimal digits of sha256(runtime root, NUL, id). Two engines may use one id: the root
 * tells them apart. */
void key_make(const char *root, const char *id, char ret[KEY_SIZE]);
