#include "oci/plan.h"
#include "oci/spec.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static struct plan *plan_of(const char *name)
{
        g_autofree char *path = g_strconcat(SPECS "/", name, NULL);
        g_autoptr(GError) error = NULL;
        struct plan *plan = NULL;
        json_object *spec;

        cr_assert_eq(spec_read(path, SPEC_MAX_BYTES, &spec, &error), 0);
        cr_assert_eq(plan_from_spec(spec, "/run/runc", "c1", "/bundle/", &plan, &error), 0);
        json_object_put(spec);
        return plan;
}

Test(plan, of_runc_spec)
{
        autoptr(plan) plan = plan_of("runc.json");

        cr_assert_str_eq(plan->bundle, "/bundle");
        cr_assert_str_eq(plan->rootfs, "/bundle/rootfs");
        cr_assert_eq(plan->n_mounts, 3);
        cr_assert_str_eq(plan->mounts[0].destination, "/proc");
        cr_assert_str_eq(plan->mounts[1].destination, "/sys");
        cr_assert_str_eq(plan->mounts[2].type, "cgroup");
        cr_assert(g_strv_contains((const char *const *)plan->masked, "/proc/kcore"));
        cr_assert(g_strv_contains((const char *const *)plan->readonly, "/proc/sys"));
        cr_assert(plan->locked && !plan->taken);
        cr_assert_null(plan->sysctls[0]);
}

Test(plan, of_docker_spec)
{
        autoptr(plan) plan = plan_of("docker.json");

        cr_assert(g_str_has_prefix(plan->rootfs, "/var/lib/docker/overlay2/"));
        cr_assert_eq(g_strv_length(plan->namespaced), 4);
        cr_assert_str_eq(plan->namespaced[0], "net/ipv4/ip_unprivileged_port_start");
        cr_assert_str_eq(plan->namespaced[1], "0");
}

static int plan_from(const char *text, struct plan **ret, GError **error)
{
        json_object *spec;

        cr_assert_eq(spec_parse(text, strlen(text), "config.json", &spec, error), 0);
        int r = plan_from_spec(spec, "", "c1", "/b", ret, error);
        json_object_put(spec);
        return r;
}

Test(plan, disguised_destinations_are_seen)
{
        g_autoptr(GError) error = NULL;
        autoptr(plan) plan = NULL;

        cr_assert_eq(plan_from("{\"root\":{\"path\":\"r\"},\"mounts\":[{\"destination\":\"//proc//x\"},"
                               "{\"destination\":\"sys/\"},{\"destination\":\"/a/../"
                               "proc\"},{\"destination\":\"/dev\"}],"
                               "\"linux\":{\"sysctl\":{\"kernel.panic\":\"1\",\"vm/swappiness\":\"2\"},"
                               "\"maskedPaths\":[\"/proc/../sys/x\",\"/etc\"]}}",
                               &plan, &error),
                     0);
        cr_assert_eq(plan->n_mounts, 3);
        cr_assert_str_eq(plan->mounts[0].destination, "/proc/x");
        cr_assert_str_eq(plan->mounts[1].destination, "/sys");
        cr_assert_str_eq(plan->mounts[2].destination, "/proc");
        cr_assert_str_eq(plan->mounts[2].type, "");
        cr_assert_eq(g_strv_length(plan->masked), 1);
        cr_assert_str_eq(plan->masked[0], "/sys/x");
        cr_assert_str_eq(plan->sysctls[0], "kernel/panic");
        cr_assert_str_eq(plan->sysctls[2], "vm/swappiness");
}

Test(plan, wrong_types_are_refused)
{
        static const char *const bad[] = {
                "{}",
                "{\"root\":{}}",
                "{\"root\":\"r\"}",
                "{\"root\":{\"path\":\"r\"},\"mounts\":{}}",
                "{\"root\":{\"path\":\"r\"},\"mounts\":[1]}",
                "{\"root\":{\"path\":\"r\"},\"mounts\":[{\"destination\":1}]}",
                "{\"root\":{\"path\":\"r\"},\"mounts\":[{\"destination\":\"/proc\",\"options\":[1]}]}",
                "{\"root\":{\"path\":\"r\"},\"linux\":[]}",
                "{\"root\":{\"path\":\"r\"},\"linux\":{\"sysctl\":{\"kernel.panic\":1}}}",
                "{\"root\":{\"path\":\"r\"},\"linux\":{\"sysctl\":{\"../x\":\"1\"}}}",
                "{\"root\":{\"path\":\"r\"},\"linux\":{\"maskedPaths\":[{}]}}",
        };

        for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
                g_autoptr(GError) error = NULL;
                autoptr(plan) plan = NULL;
                cr_assert_eq(plan_from(bad[i], &plan, &error), -EINVAL, "%s", bad[i]);
                cr_assert_not_null(error);
                cr_assert_null(plan);
        }
}

Test(plan, is_read_as_it_was_written)
{
        g_autofree char *folder = g_dir_make_tmp("cloister-test-XXXXXX", NULL);
        g_autofree char *path = g_build_filename(folder, "plan.json", NULL);
        autoptr(plan) plan = plan_of("docker.json");
        autoptr(plan) again = NULL;
        g_autoptr(GError) error = NULL;

        plan->taken = true;
        plan->locked = false;
        cr_assert_eq(plan_write(plan, path, &error), 0);
        cr_assert_eq(plan_read(path, &again, &error), 0);
        cr_assert(again->taken && !again->locked);
        cr_assert_str_eq(again->root, plan->root);
        cr_assert_str_eq(again->id, plan->id);
        cr_assert_str_eq(again->rootfs, plan->rootfs);
        cr_assert_eq(again->n_mounts, plan->n_mounts);
        cr_assert(g_strv_equal((const char *const *)again->mounts[0].options,
                               (const char *const *)plan->mounts[0].options));
        cr_assert(g_strv_equal((const char *const *)again->masked, (const char *const *)plan->masked));
        cr_assert(
                g_strv_equal((const char *const *)again->namespaced, (const char *const *)plan->namespaced));
        cr_assert_eq(remove(path), 0);
        cr_assert_eq(remove(folder), 0);
}

Test(plan, other_files_are_no_plans)
{
        g_autoptr(GError) error = NULL;
        autoptr(plan) plan = NULL;

        cr_assert_eq(plan_read(SPECS "/docker.json", &plan, &error), -EINVAL);
        cr_assert(strstr(error->message, "docker.json"));
}
