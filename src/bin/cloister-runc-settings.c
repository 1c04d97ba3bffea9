#include "bin/cloister-runc.h"

#include "base/err.h"
#include "base/fd.h"
#include "base/file.h"
#include "config.h"
#include "oci/spec.h"
#include "policy/config.h"

#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

void settings_clear(struct settings *settings)
{
        cmdline_free(settings->cmdline);
        g_free(settings->runtime);
        g_free(settings->root);
        g_free(settings->control);
        g_free(settings->rundir);
        g_free(settings->hook);
        g_free(settings->self);
}

/* Whether path is this very program, under whatever name: it would run itself for ever. */
static bool is_self(const char *path)
{
        struct stat own, other;

        return stat("/proc/self/exe", &own) == 0 && stat(path, &other) == 0 && own.st_dev == other.st_dev &&
               own.st_ino == other.st_ino;
}

/* The first program of that name in $PATH that is not this one, or NULL. */
static char *search_path(const char *name)
{
        g_auto(GStrv) folders = g_strsplit(getenv("PATH") ?: "/usr/sbin:/usr/bin:/sbin:/bin", ":", -1);

        for (char **f = folders; *f; f++) {
                g_autofree char *path = g_build_filename(*f, name, NULL);
                if (path[0] == '/' && access(path, X_OK) == 0 && !is_self(path))
                        return g_steal_pointer(&path);
        }
        return NULL;
}

static int find_runtime(struct settings *settings, GError **error)
{
        const char *wanted = settings->cmdline->runtime ?: getenv("CLOISTER_RUNTIME");

        if (!wanted) {
                settings->runtime = search_path("runc") ?: search_path("crun");
                return settings->runtime
                               ? 0
                               : spec_fail(error, -ENOENT,
                                           "found neither runc nor crun in $PATH: install one, or name it "
                                           "with --runtime-binary");
        }
        settings->runtime = strchr(wanted, '/') ? g_canonicalize_filename(wanted, NULL) : search_path(wanted);
        if (!settings->runtime || access(settings->runtime, X_OK) < 0)
                return spec_fail(error, -ENOENT, "there is no runtime %s: see --runtime-binary", wanted);
        if (is_self(settings->runtime))
                return spec_fail(
                        error, -ELOOP,
                        "the runtime %s is cloister-runc itself: name the real one with --runtime-binary",
                        wanted);
        return 0;
}

static void set_root(struct settings *settings)
{
        g_autofree char *name = g_path_get_basename(settings->runtime);
        g_autofree char *given = settings->cmdline->root ? g_strdup(settings->cmdline->root)
                                                         : g_build_filename("/run", name, NULL);

        settings->root = g_canonicalize_filename(given, NULL);
}

static int find_programs(struct settings *settings, GError **error)
{
        char self[PATH_MAX];
        ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);

        if (n < 0)
                return spec_fail(error, err_negative(), "cannot read /proc/self/exe: is /proc mounted?");
        self[n] = '\0';
        settings->self = g_strdup(self);
        g_autofree char *folder = g_path_get_dirname(self);
        settings->hook = settings->cmdline->hook ? g_canonicalize_filename(settings->cmdline->hook, NULL)
                                                 : g_build_filename(folder, "cloister-hook", NULL);
        return 0;
}

static int set_places(struct settings *settings, GError **error)
{
        const struct cmdline *cmdline = settings->cmdline;
        const char *control = cmdline->control ?: getenv("CLOISTER_CONTROL");
        const char *rundir = cmdline->rundir ?: getenv("CLOISTER_RUNDIR") ?: CLOISTER_RUNDIR;
        g_autofree char *path = g_canonicalize_filename(CLOISTER_SYSCONFDIR "/cloister.conf", "/");
        autoptr(config) config = NULL;
        int r = config_read(path, false, &config, error);

        if (r < 0)
                return r;
        if (!control)
                control = config->control;
        settings->control = control ? g_canonicalize_filename(control, NULL) : NULL;
        settings->rundir = g_canonicalize_filename(rundir, NULL);
        return 0;
}

static int check_choices(const struct cmdline *cmdline, GError **error)
{
        const char *views = cmdline->views ?: "locked", *cgroup = cmdline->cgroup_view ?: "native";

        if (!g_str_equal(views, "locked") && !g_str_equal(views, "unlocked"))
                return spec_fail(error, -EINVAL, "--views is locked or unlocked, not %s", views);
        if (!g_str_equal(cgroup, "native"))
                return spec_fail(error, -EINVAL, "--cgroup-view can only be native yet, not %s", cgroup);
        return 0;
}

int settings_load(struct settings *settings, int argc, char **argv, GError **error)
{
        int r = cmdline_parse(argc, argv, &settings->cmdline, error);

        if (r == 0)
                r = check_choices(settings->cmdline, error);
        if (r == 0)
                r = find_runtime(settings, error);
        if (r == 0)
                r = find_programs(settings, error);
        if (r == 0)
                r = set_places(settings, error);
        if (r == 0)
                set_root(settings);
        return r;
}

static char *log_line(const char *format, const char *level, const char *text)
{
        g_autoptr(GDateTime) now = g_date_time_new_now_local();
        g_autofree char *time = g_date_time_format_iso8601(now), *quoted = NULL;
        json_object *object = json_object_new_object();
        char *line;

        json_object_object_add(object, "level", json_object_new_string(level));
        json_object_object_add(object, "msg", json_object_new_string(text));
        json_object_object_add(object, "time", json_object_new_string(time));
        quoted = g_strescape(text, NULL);
        if (g_strcmp0(format, "json") == 0)
                line = g_strdup_printf(
                        "%s\n", json_object_to_json_string_ext(
                                        object, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
        else
                line = g_strdup_printf("time=\"%s\" level=%s msg=\"%s\"\n", time, level, quoted);
        json_object_put(object);
        return line;
}

static void report(const struct cmdline *cmdline, const char *level, const char *text)
{
        g_autofree char *plain = g_strdup_printf("cloister-runc: %s\n", text);

        file_write_all(STDERR_FILENO, plain, strlen(plain));
        if (!cmdline || !cmdline->log || !*cmdline->log)
                return;
        autofd int fd = open(cmdline->log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
        if (fd >= 0) {
                g_autofree char *line = log_line(cmdline->log_format, level, text);
                file_write_all(fd, line, strlen(line));
        }
}

void report_error(const struct cmdline *cmdline, const char *text)
{
        report(cmdline, "error", text);
}

void report_warning(const struct cmdline *cmdline, const char *text)
{
        report(cmdline, "warning", text);
}
