/* What the files of the cloisterctl program share. */
#pragma once

/* `cloisterctl run ...`: argv[0] is "run", the global options are gone. control: socket path or NULL for the default.
 * Returns the exit status of the command, 125 when Cloister itself failed, 2 for wrong usage. */
int cloisterctl_run(int argc, char **argv, const char *control);
