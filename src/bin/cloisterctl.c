/* cloisterctl: looks at containers as they see themselves. */
#include "bin/cloisterctl.h"
#include "config.h"

#include <getopt.h>
#include <glib.h>
#include <string.h>

static const char help[] =
        "Usage: cloisterctl [OPTION]... COMMAND [ARGUMENT]...\n"
        "Looks at containers as they see themselves, and at the machine that carries them.\n"
        "\n"
        "  status             what cloisterd is doing\n"
        "  list               the containers it knows\n"
        "  inspect ID         all that is known of one\n"
        "  get ID PATH        the text of a file of its view: get web proc/meminfo\n"
        "  set ID NAME=VALUE  write a sysctl as its root would: set web vm.swappiness=10\n"
        "  files              the files that are views; --sysctl: the sysctls\n"
        "  reload             have cloisterd read the sysctl policy files anew\n"
        "  doctor             what this machine has and lacks, and what to do\n"
        "  run ... COMMAND    run a command in a container of its own; run --help says more\n"
        "\n"
        "  --control SOCK     control socket (default $CLOISTER_CONTROL, else " CLOISTER_RUNDIR
        "/control.sock)\n"
        "  --config FILE      doctor: configuration to check (default " CLOISTER_SYSCONFDIR
        "/cloister.conf)\n"
        "  --json             JSON for programs\n"
        "  --help, --version\n"
        "\n"
        "ID is a container's id, its key, or an unambiguous beginning of one.\n"
        "Exit status: 0 good, 1 failed, 2 wrong usage.\n";

enum option_id { OPT_CONTROL = 256, OPT_CONFIG, OPT_JSON, OPT_SYSCTL, OPT_HELP, OPT_VERSION };

static const struct option long_options[] = {
        {"control", required_argument, NULL, OPT_CONTROL},
        {"config", required_argument, NULL, OPT_CONFIG},
        {"json", no_argument, NULL, OPT_JSON},
        {"sysctl", no_argument, NULL, OPT_SYSCTL},
        {"help", no_argument, NULL, OPT_HELP},
        {"version", no_argument, NULL, OPT_VERSION},
        {0},
};

static const struct command {
        const char *name, *arguments;
        int n_arguments;
        int (*run)(const struct cloisterctl_options *options, char **args);
} commands[] = {
        {"status", "", 0, cloisterctl_status},          {"list", "", 0, cloisterctl_list},
        {"inspect", " ID", 1, cloisterctl_inspect},     {"get", " ID PATH", 2, cloisterctl_get},
        {"set", " ID NAME=VALUE", 2, cloisterctl_set},  {"reload", "", 0, cloisterctl_reload},
        {"files", " [--sysctl]", 0, cloisterctl_files}, {"doctor", " [--config FILE]", 0, cloisterctl_doctor},
};

/* Options up to the end, or up to the first word that is none if order is "+". Returns 0, 1 (told what was
 * asked) or -1 (told what is wrong). */
static int parse_options(int argc, char **argv, const char *order, struct cloisterctl_options *options)
{
        int id;

        while ((id = getopt_long(argc, argv, order, long_options, NULL)) != -1) {
                switch (id) {
                case OPT_CONTROL:
                        options->control = optarg;
                        break;
                case OPT_CONFIG:
                        options->config = optarg;
                        break;
                case OPT_JSON:
                        options->json = true;
                        break;
                case OPT_SYSCTL:
                        options->sysctl = true;
                        break;
                case OPT_HELP:
                        fputs(help, stdout);
                        return 1;
                case OPT_VERSION:
                        puts("cloisterctl " CLOISTER_VERSION);
                        return 1;
                default:
                        fputs("Try: cloisterctl --help\n", stderr);
                        return -1;
                }
        }
        return 0;
}

static int run_command(const struct command *command, int argc, char **argv,
                       struct cloisterctl_options *options)
{
        int r;

        optind = 0; /* glibc: begin anew, with another order */
        r = parse_options(argc, argv, "", options);
        if (r != 0)
                return r < 0 ? STATUS_USAGE : STATUS_GOOD;
        if (argc - optind != command->n_arguments) {
                fprintf(stderr, "Usage: cloisterctl %s%s\nTry: cloisterctl --help\n", command->name,
                        command->arguments);
                return STATUS_USAGE;
        }
        return command->run(options, argv + optind);
}

static int dispatch(int argc, char **argv, struct cloisterctl_options *options)
{
        if (g_str_equal(argv[0], "run"))
                return cloisterctl_run(argc, argv, options->control);
        for (size_t i = 0; i < G_N_ELEMENTS(commands); i++)
                if (g_str_equal(commands[i].name, argv[0]))
                        return run_command(&commands[i], argc, argv, options);
        fprintf(stderr, "cloisterctl: no command '%s'\nTry: cloisterctl --help\n", argv[0]);
        return STATUS_USAGE;
}

int main(int argc, char **argv)
{
        struct cloisterctl_options options = {0};
        int r = parse_options(argc, argv, "+", &options);

        if (r != 0)
                return r < 0 ? STATUS_USAGE : STATUS_GOOD;
        if (optind == argc) {
                fputs(help, stderr);
                return STATUS_USAGE;
        }
        r = dispatch(argc - optind, argv + optind, &options);
        if (fflush(stdout) != 0 && r == STATUS_GOOD) {
                perror("cloisterctl: standard output");
                return STATUS_FAILED;
        }
        return r;
}
