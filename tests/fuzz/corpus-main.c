/* Runs a fuzz target over the files of a folder, for compilers without libFuzzer: arguments are the folders.
 */
#include <glib.h>
#include <stdint.h>
#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned run_folder(const char *folder)
{
        g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
        const char *name;
        unsigned n = 0;

        while (dir && (name = g_dir_read_name(dir))) {
                g_autofree char *path = g_build_filename(folder, name, NULL), *text = NULL;
                gsize len;
                if (!g_file_get_contents(path, &text, &len, NULL))
                        continue;
                LLVMFuzzerTestOneInput((const uint8_t *)text, len);
                n++;
        }
        return n;
}

int main(int argc, char **argv)
{
        unsigned n = 0;

        for (int i = 1; i < argc; i++)
                n += run_folder(argv[i]);
        printf("%u inputs\n", n);
        return n > 0 ? 0 : 1;
}
