#include "admin/place.h"

#include <glib.h>
#include <unistd.h>

char *cw_admin_demo_dir(void)
{
    const char *runtime = g_getenv("XDG_RUNTIME_DIR");

    if (runtime && g_path_is_absolute(runtime) && access(runtime, W_OK) == 0)
        return g_build_filename(runtime, "causeway", NULL);
    return g_strdup_printf("/tmp/causeway-%u", (unsigned)getuid());
}
