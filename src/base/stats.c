#include "base/stats.h"

_Atomic int64_t cw_stats[CW_STAT_COUNT];

static const struct {
    const char *name, *help;
} table[] = {
#define CW_STAT(name, type, help) [CW_STAT_##name] = { #name, help },
#include "base/stats.def"
#undef CW_STAT
};

const char *cw_stat_name(cw_stat stat)
{
    return table[stat].name;
}

const char *cw_stat_help(cw_stat stat)
{
    return table[stat].help;
}

json_t *cw_stats_json(void)
{
    json_t *all = json_object();

    for (int i = 0; i < CW_STAT_COUNT; i++)
        json_object_set_new(all, table[i].name, json_integer(cw_stat_get((cw_stat)i)));
    return all;
}
