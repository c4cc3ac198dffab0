/* The pages printed from conf.def and ctl.def against those in the tree (`make docs` renews them).
 */
#include "admin/table.h"
#include "base/conf.h"

static void compare(const char *path, void (*print)(FILE *out))
{
    g_autofree char *file = g_build_filename(g_getenv("CW_SRCDIR") ?: ".", path, NULL);
    g_autofree char *have = NULL;
    char *want = NULL;
    size_t len;
    FILE *out = open_memstream(&want, &len);

    print(out);
    fclose(out);
    g_file_get_contents(file, &have, NULL, NULL);
    if (g_strcmp0(have, want))
        g_test_fail_printf("%s is behind its table: run make docs", path);
    free(want);
}

static void sample(void)
{
    compare("etc/causeway.conf.sample", cw_conf_print_sample);
}

static void config(void)
{
    compare("docs/CONFIG.md", cw_conf_print_docs);
}

static void ctl(void)
{
    compare("docs/CTL.md", cw_ctl_print_docs);
}

/* The sample says what the defaults are: read back, it changes none of them. */
static void sample_loads(void)
{
    g_autofree char *file =
        g_build_filename(g_getenv("CW_SRCDIR") ?: ".", "etc/causeway.conf.sample", NULL);
    g_autofree char *why = NULL;
    cw_conf *conf = NULL;

    g_assert_cmpint(cw_conf_load(file, NULL, &conf, &why), ==, CW_OK);
    cw_conf_free(conf);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/docs/sample", sample);
    g_test_add_func("/docs/sample-loads", sample_loads);
    g_test_add_func("/docs/config", config);
    g_test_add_func("/docs/ctl", ctl);
    return g_test_run();
}
