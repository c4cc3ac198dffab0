/* place.h - where the demo's socket is: known to the gateway and to causewayctl. */
#ifndef CW_ADMIN_PLACE_H
#define CW_ADMIN_PLACE_H

/* $XDG_RUNTIME_DIR/causeway, else /tmp/causeway-UID; the socket in it is "ctl". g_free it. */
char *cw_admin_demo_dir(void);

#endif
