/* Containers on a machine that is a folder of files: the golden cases' and the other tests' of view/. */
#pragma once

#include "host/host.h"
#include "registry/container.h"

/* Copies a tree over another one; either directory may hold any files. Aborts the test when that fails. */
void fixture_copy(const char *from, const char *to);

/* A new temporary folder to free with fixture_remove(). */
char *fixture_folder(void);
void fixture_remove(char *folder);

/* Writes one file, with the folders above it. */
void fixture_write(const char *folder, const char *path, const char *text);

/* The host below a folder. */
struct host *fixture_host(const char *folder);

/* A container whose init is never looked at by pidfd. */
struct container *fixture_container(enum container_kind kind, pid_t init, guint64 start_ns, uid_t uid);
