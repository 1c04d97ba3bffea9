/* Strict numbers: the whole text is the number, or it is an error. */
#pragma once

#include <stdint.h>

/* Decimal, no sign, no blanks. Returns 0, -EINVAL (not a number) or -ERANGE. */
int num_parse_u64(const char *text, uint64_t *ret);

/* Decimal with an optional '-'. Returns 0, -EINVAL or -ERANGE. */
int num_parse_i64(const char *text, int64_t *ret);

/* A size in bytes with an optional suffix K, M, G or T (powers of 1024). Returns 0, -EINVAL or -ERANGE. */
int num_parse_size(const char *text, uint64_t *ret);
