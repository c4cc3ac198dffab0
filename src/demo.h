/* demo.h - the configuration of `causeway --demo`: everything on loopback, guests let in. */
#ifndef CW_DEMO_H
#define CW_DEMO_H

/* The text of it, with the admin socket's path put in. g_free it. */
char *cw_demo_conf(const char *socket);

/* The folder of the demo's socket, made with mode 0700 or found to be ours. NULL and a word in *why
 * when it cannot be had; g_free both. */
char *cw_demo_dir(char **why);

#endif
