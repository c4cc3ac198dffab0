/* replay.c - main() of the fuzz targets when libFuzzer is not linked: runs the target over every
 * file of the directories named, or of corpus/NAME for a program called fuzz-NAME. Speaks TAP.
 */
#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned files;

static bool is_hidden(const char *name)
{
    return name[0] == '.';
}

/* In a block of exactly its size, so that the sanitizer sees one byte too far. */
static bool run_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    uint8_t *data;
    long size;
    bool ok;

    if (!file)
        return false;
    ok = fseek(file, 0, SEEK_END) == 0 && (size = ftell(file)) >= 0;
    rewind(file);
    data = ok ? malloc((size_t)size + !size) : NULL;
    ok = data && fread(data, 1, (size_t)size, file) == (size_t)size;
    fclose(file);
    if (ok)
        LLVMFuzzerTestOneInput(data, (size_t)size);
    free(data);
    return ok;
}

static bool run_dir(const char *dir)
{
    DIR *list = opendir(dir);
    struct dirent *entry;
    bool all = list != NULL;

    while (list && (entry = readdir(list))) {
        char path[4096];
        bool ok;

        if (is_hidden(entry->d_name))
            continue;
        snprintf(path, sizeof path, "%s/%s", dir, entry->d_name);
        ok = run_file(path);
        printf("%s %u - %s\n", ok ? "ok" : "not ok", ++files, entry->d_name);
        all = all && ok;
    }
    if (list)
        closedir(list);
    return all;
}

static bool run_own(const char *program)
{
    const char *name = strrchr(program, '/');
    const char *src = getenv("CW_SRCDIR");
    char dir[4096];

    name = strstr(name ? name : program, "fuzz-");
    if (!name)
        return false;
    snprintf(dir, sizeof dir, "%s/tests/fuzz/corpus/%s", src ? src : ".", name + strlen("fuzz-"));
    return run_dir(dir);
}

int main(int argc, char **argv)
{
    bool all = true, any = false;

    setvbuf(stdout, NULL, _IOLBF, 0); /* a crash must not take the lines before it along */
    for (int i = 1; i < argc; i++) {
        if (argv[i][0] == '-')
            continue;
        any = true;
        all = run_dir(argv[i]) && all;
    }
    if (!any)
        all = run_own(argv[0]);
    printf("1..%u\n", files);
    return all && files > 0 ? 0 : 1;
}
