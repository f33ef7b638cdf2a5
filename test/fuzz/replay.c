/* replay.c - runs a target once over each file of the folders on the command line: the corpus as a
 * test, with any compiler. A folder that is missing or empty is a failure. */
#include <dirent.h>
#include <errno.h>
#include "fuzz.h"

static bool run_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    uint8_t *data = NULL;
    long size = -1;
    bool is_read = false;

    if (f && fseek(f, 0, SEEK_END) == 0 && (size = ftell(f)) >= 0 && fseek(f, 0, SEEK_SET) == 0) {
        data = fuzz_alloc((size_t)size);
        is_read = fread(data, 1, (size_t)size, f) == (size_t)size;
    }
    if (f)
        fclose(f);
    if (is_read) {
        LLVMFuzzerTestOneInput(data, (size_t)size);
    } else {
        fprintf(stderr, "%s: cannot be read\n", path);
    }
    free(data);
    return is_read;
}

/* How many files were run; -1 when one could not be. */
static int run_folder(const char *folder)
{
    DIR *dir = opendir(folder);
    struct dirent *entry;
    char path[4096];
    int n = 0;

    if (!dir) {
        fprintf(stderr, "%s: %s\n", folder, strerror(errno));
        return -1;
    }
    while (n >= 0 && (entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] == '.')
            continue;
        if (snprintf(path, sizeof path, "%s/%s", folder, entry->d_name) >= (int)sizeof path ||
            !run_file(path))
            n = -1;
        else
            n++;
    }
    closedir(dir);
    if (n == 0)
        fprintf(stderr, "%s: no inputs\n", folder);
    return n;
}

int main(int argc, char **argv)
{
    bool is_good = argc > 1;

    for (int i = 1; i < argc; i++) {
        int n = run_folder(argv[i]);
        is_good = is_good && n > 0;
        if (n > 0)
            printf("%s: %d inputs\n", argv[i], n);
    }
    return is_good ? EXIT_SUCCESS : EXIT_FAILURE;
}
