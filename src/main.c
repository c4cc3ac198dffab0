/* main.c - the program: options, configuration, signals, the loop. */
#include <config.h>

#include "base/log.h"
#include "demo.h"
#include "gateway.h"

#include <getopt.h>
#include <glib.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum { EXIT_GOOD, EXIT_FAILED, EXIT_USAGE };

#define CONF_DEFAULT CW_SYSCONFDIR "/causeway.conf"

static const struct {
    char letter;
    const char *name, *arg, *help;
} options[] = {
    { 'c', "config", "FILE", "configuration; default: " CONF_DEFAULT },
    { 't', "check", NULL, "check the configuration and leave" },
    { 'd', "demo", NULL, "a built-in configuration on loopback: guests, web phone, SIP" },
    { 'w', "www", "DIR", "serve the web phone and library from here" },
    { 'p', "print-config", NULL, "print the configuration in effect and leave" },
    { 's', "print-sample", NULL, "print a commented sample configuration and leave" },
    { 'D', "print-docs", NULL, "print the options as Markdown and leave" },
    { 'V', "version", NULL, "print version and build and leave" },
    { 'h', "help", NULL, "print this and leave" },
};

typedef struct choice {
    const char *conf_path, *www;
    bool demo;
    int instead; /* the letter of what to do instead of running; 0: run */
} choice;

/* ── Options ── */

static void print_help(void)
{
    printf("Usage: causeway [OPTION…]\n\n"
           "A gateway between web browsers (WebRTC) and the telephone network (SIP).\n\n");
    for (size_t i = 0; i < G_N_ELEMENTS(options); i++) {
        g_autofree char *name = g_strdup_printf("%s%s%s", options[i].name,
                                                options[i].arg ? " " : "", options[i].arg ?: "");

        printf("  -%c, --%-16s %s\n", options[i].letter, name, options[i].help);
    }
    printf("\nExit codes: %d done, %d failed (why is on standard error), %d wrong options\n",
           EXIT_GOOD, EXIT_FAILED, EXIT_USAGE);
}

static void print_version(void)
{
    printf("causeway %s\n"
#ifdef __clang__
           "compiler   %s\n"
#else
           "compiler   gcc %s\n"
#endif
           "libraries  %s\n"
           "sanitizers %s\n",
           PACKAGE_VERSION, __VERSION__, CW_BUILD_LIBS, CW_BUILD_SAN[0] ? CW_BUILD_SAN : "none");
}

static bool parse_options(int argc, char **argv, choice *ret)
{
    struct option longs[G_N_ELEMENTS(options) + 1] = { 0 };
    g_autoptr(GString) shorts = g_string_new(NULL);
    int c;

    for (size_t i = 0; i < G_N_ELEMENTS(options); i++) {
        longs[i] =
            (struct option){ options[i].name, options[i].arg ? required_argument : no_argument,
                             NULL, options[i].letter };
        g_string_append_printf(shorts, "%c%s", options[i].letter, options[i].arg ? ":" : "");
    }
    while ((c = getopt_long(argc, argv, shorts->str, longs, NULL)) != -1) {
        if (c == '?')
            return false;
        else if (c == 'c')
            ret->conf_path = optarg;
        else if (c == 'w')
            ret->www = optarg;
        else if (c == 'd')
            ret->demo = true;
        else
            ret->instead = c;
    }
    if (optind < argc)
        fprintf(stderr, "causeway: what is \"%s\"?\n", argv[optind]);
    return optind == argc;
}

/* ── Configuration ── */

static cw_conf *load_conf(const choice *pick, const char *demo_dir)
{
    g_autofree char *text = NULL, *why = NULL;
    cw_conf *conf = NULL;

    if (pick->demo) {
        g_autofree char *socket = g_build_filename(demo_dir, "ctl", NULL);

        text = cw_demo_conf(socket);
    }
    if (cw_conf_load(pick->demo ? "demo" : pick->conf_path ?: CONF_DEFAULT, text, &conf, &why)) {
        fprintf(stderr, "%s\n", why ? g_strchomp(why) : "causeway: no configuration");
        return NULL;
    }
    if (pick->www) {
        g_free(conf->web.root);
        conf->web.root = g_strdup(pick->www);
    }
    return conf;
}

static int check(const cw_conf *conf)
{
    g_autofree char *why = NULL;

    if (cw_gateway_check(conf, &why)) {
        fprintf(stderr, "causeway: %s\n", why ?: "the configuration is wrong");
        return EXIT_FAILED;
    }
    printf("the configuration is good\n");
    return EXIT_GOOD;
}

/* ── Running ── */

typedef struct running {
    cw_gateway *gateway;
    int signals;
} running;

/* SIGHUP: files were moved away. Without such files, and any other: the end. */
static void on_signal(void *arg, unsigned events)
{
    const running *now = arg;
    struct signalfd_siginfo info;

    cw_assert_on_loop();
    while (read(now->signals, &info, sizeof info) == sizeof info) {
        if (info.ssi_signo != SIGHUP || cw_gateway_reopen(now->gateway) == CW_E_STATE)
            cw_loop_quit(cw_gateway_loop(now->gateway));
    }
}

/* Blocked before any thread is made, so that all inherit it: they come by descriptor only. */
static int signals_open(void)
{
    sigset_t set;

    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, NULL);
    return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

static void announce(const cw_conf *conf)
{
    g_autofree char *web = g_strjoinv(" ", conf->web.listen);
    g_autofree char *sip = g_strjoinv(" ", conf->sip.listen);

    printf("causeway %s: %s://%s  sip %s  ctl %s\n", PACKAGE_VERSION,
           conf->web.tls_certificate ? "https" : "http", web, sip, conf->admin.socket);
    fflush(stdout);
}

static int run(const cw_conf *conf, const char *conf_path)
{
    g_autofree char *why = NULL;
    running now = { .signals = signals_open() };
    cw_watch *watch;
    cw_loop *loop;
    cw_err err = cw_gateway_new(conf, conf_path, &now.gateway, &why);

    if (err) {
        fprintf(stderr, "causeway: %s\n", why ?: cw_err_text(err));
        close(now.signals);
        return EXIT_FAILED;
    }
    cw_assert_on_loop();
    loop = cw_gateway_loop(now.gateway);
    watch = cw_watch_new(loop, now.signals, on_signal, &now);
    cw_watch_set(watch, CW_READABLE);
    announce(conf);
    cw_loop_run(loop);
    cw_log(CW_LOG_INFO, CW_MOD_MAIN, "stop", NULL);
    cw_watch_free(watch);
    cw_gateway_free(now.gateway);
    close(now.signals);
    return EXIT_GOOD;
}

static int with_conf(const choice *pick, const char *demo_dir)
{
    cw_conf *conf = load_conf(pick, demo_dir);
    int code = EXIT_GOOD;

    if (!conf)
        return EXIT_FAILED;
    if (pick->instead == 't')
        code = check(conf);
    else if (pick->instead == 'p')
        cw_conf_print(conf, stdout);
    else
        code = run(conf, pick->demo ? NULL : pick->conf_path ?: CONF_DEFAULT);
    cw_conf_free(conf);
    return code;
}

static int demo(const choice *pick)
{
    g_autofree char *why = NULL;
    g_autofree char *dir = cw_demo_dir(&why);
    int code;

    if (!dir) {
        fprintf(stderr, "causeway: %s\n", why);
        return EXIT_FAILED;
    }
    code = with_conf(pick, dir);
    rmdir(dir); /* stays when another gateway's socket is in it */
    return code;
}

int main(int argc, char **argv)
{
    choice pick = { 0 };

    if (!parse_options(argc, argv, &pick))
        return EXIT_USAGE;
    switch (pick.instead) {
    case 'h':
        print_help();
        return EXIT_GOOD;
    case 'V':
        print_version();
        return EXIT_GOOD;
    case 's':
        cw_conf_print_sample(stdout);
        return EXIT_GOOD;
    case 'D':
        cw_conf_print_docs(stdout);
        return EXIT_GOOD;
    default:
        return pick.demo ? demo(&pick) : with_conf(&pick, NULL);
    }
}
