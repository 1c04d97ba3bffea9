#include "mnt/overlay.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

static struct overlay *parse(const char *mount_options, const char *super_options)
{
        g_autoptr(GError) error = NULL;
        struct overlay *overlay = NULL;

        cr_assert_eq(overlay_parse(mount_options, super_options, &overlay, &error), 0, "%s", super_options);
        return overlay;
}

Test(overlay, docker)
{
        autoptr(overlay) overlay = parse("rw,relatime",
                                         "rw,lowerdir=/d/l/AA:/d/l/BB,upperdir=/d/1/diff,workdir=/d/1/work");

        cr_assert_eq(g_strv_length(overlay->lowers), 2);
        cr_assert_str_eq(overlay->lowers[0], "/d/l/AA");
        cr_assert_str_eq(overlay->lowers[1], "/d/l/BB");
        cr_assert_str_eq(overlay->upper, "/d/1/diff");
        cr_assert_str_eq(overlay->work, "/d/1/work");
        cr_assert_str_eq(overlay->options, "");
        cr_assert_eq(overlay->flags, 0);
}

Test(overlay, podman_read_only)
{
        autoptr(overlay) overlay = parse(
                "ro,nodev,relatime",
                "ro,context=x,lowerdir=/l/A:/l/B,redirect_dir=off,metacopy=on,index=on,volatile");

        cr_assert_null(overlay->upper);
        cr_assert_str_eq(overlay->options, "redirect_dir=off,metacopy=on");
        cr_assert_eq(overlay->flags, MS_RDONLY | MS_NODEV);
}

Test(overlay, escapes)
{
        autoptr(overlay) overlay = parse(
                "rw", "rw,lowerdir=/a\\040b:/c\\134:d:/e\\054f\\011,upperdir=/u\\134x,workdir=/w");

        cr_assert_eq(g_strv_length(overlay->lowers), 3);
        cr_assert_str_eq(overlay->lowers[0], "/a b");
        cr_assert_str_eq(overlay->lowers[1], "/c:d");
        cr_assert_str_eq(overlay->lowers[2], "/e,f\t");
        cr_assert_str_eq(overlay->upper, "/u\\x");
}

Test(overlay, newer_kernels_list_each_layer)
{
        autoptr(overlay) overlay = parse("rw", "rw,lowerdir+=/a:b,lowerdir+=/c");

        cr_assert_eq(g_strv_length(overlay->lowers), 2);
        cr_assert_str_eq(overlay->lowers[0], "/a:b");
}

Test(overlay, senseless_options_are_refused)
{
        static const char *const bad[] = {"rw",
                                          "rw,upperdir=/u,workdir=/w",
                                          "rw,lowerdir=",
                                          "rw,lowerdir=/a::/b",
                                          "rw,lowerdir=/a,upperdir=/u",
                                          "rw,lowerdir=/a,workdir=/w",
                                          "rw,lowerdir+=/a,datadir+=/b"};

        for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
                g_autoptr(GError) error = NULL;
                struct overlay *overlay = NULL;
                cr_assert_eq(overlay_parse("rw", bad[i], &overlay, &error), -EINVAL, "%s", bad[i]);
                cr_assert_not_null(error);
                cr_assert_null(overlay);
        }
        g_autoptr(GString) many = g_string_new("lowerdir=/0");
        for (int i = 0; i < OVERLAY_MAX_LOWERS; i++)
                g_string_append_printf(many, ":/%d", i);
        g_autoptr(GError) error = NULL;
        struct overlay *overlay = NULL;
        cr_assert_eq(overlay_parse("rw", many->str, &overlay, &error), -EINVAL);
}

Test(overlay, only_work_directories_are_removed)
{
        g_autofree char *folder = g_dir_make_tmp("cloister-test-XXXXXX", NULL);
        g_autofree char *work = g_build_filename(folder, "cloister-work", NULL);
        g_autofree char *inner = g_build_filename(work, "work", NULL),
                        *file = g_build_filename(inner, "#1", NULL);
        g_autofree char *link = g_build_filename(work, "link", NULL);

        cr_assert_eq(mkdir(work, 0700), 0);
        cr_assert_eq(mkdir(inner, 0), 0);
        cr_assert_eq(symlink("/etc", link), 0);
        cr_assert_eq(fclose(fopen(file, "w")), 0);
        cr_assert_eq(overlay_remove_work(folder), -EINVAL);
        cr_assert_eq(overlay_remove_work("cloister-work"), -EINVAL);
        cr_assert_eq(overlay_remove_work(work), 0);
        cr_assert_eq(access(work, F_OK), -1);
        cr_assert_eq(access("/etc/passwd", F_OK), 0);
        cr_assert_eq(overlay_remove_work(work), 0);
        cr_assert_eq(rmdir(folder), 0);
        cr_assert_eq(overlay_remove_work(work), 0);
}
