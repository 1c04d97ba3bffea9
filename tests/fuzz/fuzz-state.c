/* Files of the state folder -> containers and leases; what was understood is written again and understood
 * alike. */
#include "registry/state.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_container(const char *text, size_t size)
{
        autoptr(state_container) state = NULL;
        autoptr(state_container) again = NULL;
        autoptr(container) container = NULL;
        struct container_init init = {.pidfd = -1};

        if (state_parse_container(text, size, &state) < 0)
                return;
        init.pid = state->init;
        init.start_ns = state->start_ns;
        init.user_ns = state->user_ns;
        init.pid_ns = state->pid_ns;
        container = container_new(CONTAINER_REGISTERED, state->serial, state->root, state->id, state->bundle,
                                  &init, NULL);
        sysctl_store_unref(container->sysctls);
        container->sysctls = sysctl_store_ref(state->sysctls);
        g_autofree char *out = state_render_container(container, state->file);
        assert(state_parse_container(out, strlen(out), &again) == 0);
        assert(strcmp(state->id, again->id) == 0 && strcmp(state->root, again->root) == 0);
        assert(state->serial == again->serial && state->init == again->init);
}

static void check_lease(const char *text, size_t size)
{
        g_autoptr(GKeyFile) file = NULL;
        struct ids_lease lease;

        if (state_parse_lease(text, size, &lease, &file) == 0)
                assert(lease.size > 0 && lease.pidfd == -1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        check_container((const char *)data, size);
        check_lease((const char *)data, size);
        return 0;
}
