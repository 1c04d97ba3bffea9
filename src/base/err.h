/* errno to return value, in one place. Used everywhere: functions return 0 (or a count) or -errno. */
#pragma once

#include <assert.h>
#include <errno.h>

/* The errno of the call that just failed, negated. Call it on the line after the failure. */
static inline int err_negative(void)
{
        int e = errno;

        assert(e > 0);
        return -e;
}
