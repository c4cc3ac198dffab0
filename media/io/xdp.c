/* xdp.c - an interface's part of wire.h: the program is loaded and attached, and goes with us. */
#include "media/io/wire_priv.h"
#include "media/io/xdp_bpf.h" /* cw_xdp_bpf: xdp.bpf.c compiled */
#include "media/io/xdp_key.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <glib.h>
#include <linux/if_link.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static cw_err refuse(const char *interface, const char *what, int err, char why[static 128])
{
    bool barred = err == EPERM || err == EACCES;

    snprintf(why, 128, "XDP on %s: %s: %s%s", interface, what, g_strerror(err),
             barred ? " (it needs CAP_NET_ADMIN, CAP_NET_RAW and CAP_BPF)" : "");
    return CW_E_IO;
}

/* ── The interface ── */
static unsigned count_queues(const char *interface)
{
    g_autofree char *path = g_strdup_printf("/sys/class/net/%s/queues", interface);
    DIR *dir = opendir(path);
    const struct dirent *entry;
    unsigned n = 0;

    while (dir && (entry = readdir(dir)))
        n += g_str_has_prefix(entry->d_name, "rx-");
    if (dir)
        closedir(dir);
    return CLAMP(n, 1, CW_XDP_QUEUES_MAX);
}

static cw_err look_at(cw_xdp *xdp, char why[static 128])
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), err = 0;
    struct ifreq hw = { 0 };

    g_strlcpy(hw.ifr_name, xdp->interface, sizeof hw.ifr_name);
    if (fd < 0 || ioctl(fd, SIOCGIFHWADDR, &hw))
        err = errno;
    if (fd >= 0)
        close(fd);
    if (err)
        return refuse(xdp->interface, "its address", err, why);
    if (hw.ifr_hwaddr.sa_family != ARPHRD_ETHER)
        return refuse(xdp->interface, "not an Ethernet", EOPNOTSUPP, why);
    memcpy(xdp->own, hw.ifr_hwaddr.sa_data, CW_MAC_LEN);
    xdp->index = if_nametoindex(xdp->interface);
    xdp->queues = count_queues(xdp->interface);
    return CW_OK;
}

/* ── The program ── */
static int keep_quiet(enum libbpf_print_level level, const char *format, va_list args)
{
    return 0; /* what matters is in `why` */
}

static cw_err load(cw_xdp *xdp, char why[static 128])
{
    LIBBPF_OPTS(bpf_object_open_opts, opts, .object_name = "causeway");
    struct bpf_map *constants;

    libbpf_set_print(keep_quiet);
    xdp->object = bpf_object__open_mem(cw_xdp_bpf, sizeof cw_xdp_bpf, &opts);
    if (!xdp->object)
        return refuse(xdp->interface, "its program", errno, why);
    constants = bpf_object__find_map_by_name(xdp->object, ".rodata");
    if (!constants || bpf_map__set_initial_value(constants, &xdp->workers, sizeof xdp->workers) ||
        bpf_object__load(xdp->object))
        return refuse(xdp->interface, "load its program", errno, why);
    xdp->ports = bpf_object__find_map_fd_by_name(xdp->object, "ports");
    xdp->sockets = bpf_object__find_map_fd_by_name(xdp->object, "sockets");
    return CW_OK;
}

static int try_link(cw_xdp *xdp, unsigned mode)
{
    LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = mode);
    struct bpf_program *program = bpf_object__find_program_by_name(xdp->object, "to_worker");

    return bpf_link_create(bpf_program__fd(program), (int)xdp->index, BPF_XDP, &opts);
}

/* In the driver where it can, else before the stack: slower, yet less than the stack itself. */
static cw_err attach(cw_xdp *xdp, char why[static 128])
{
    xdp->link = try_link(xdp, XDP_FLAGS_DRV_MODE);
    xdp->native = xdp->link >= 0;
    if (!xdp->native)
        xdp->link = try_link(xdp, XDP_FLAGS_SKB_MODE);
    return xdp->link < 0 ? refuse(xdp->interface, "attach", errno, why) : CW_OK;
}

cw_err cw_xdp_open(const char *interface, unsigned workers, cw_xdp **ret, char why[static 128])
{
    cw_xdp *xdp = g_new0(cw_xdp, 1);
    cw_err err;

    g_strlcpy(xdp->interface, interface, sizeof xdp->interface);
    xdp->workers = workers;
    xdp->link = -1;
    err = look_at(xdp, why);
    if (!err)
        err = load(xdp, why);
    if (!err)
        err = attach(xdp, why);
    if (err) {
        cw_xdp_close(xdp);
        return err;
    }
    *ret = xdp;
    return CW_OK;
}

const char *cw_xdp_mode(const cw_xdp *xdp)
{
    return xdp->native ? "native" : "generic";
}

void cw_xdp_close(cw_xdp *xdp)
{
    if (!xdp)
        return;
    if (xdp->link >= 0)
        close(xdp->link);
    bpf_object__close(xdp->object);
    g_free(xdp);
}
