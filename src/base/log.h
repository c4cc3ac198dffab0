/* log.h - one event a line, `event=call.answer call=… user=…` (logfmt), or JSON.
 *
 * Any thread. Values are escaped: no peer can forge a line. Only the function that decides what
 * to do about a fact logs it.
 */
#ifndef CW_BASE_LOG_H
#define CW_BASE_LOG_H

#include "base/err.h"

#include <stdbool.h>

typedef enum cw_level { CW_LOG_ERROR, CW_LOG_WARN, CW_LOG_INFO, CW_LOG_DEBUG } cw_level;

/* Modules have a level of their own (`causewayctl log level sip debug`). */
typedef enum cw_module {
    CW_MOD_MAIN,
    CW_MOD_API,
    CW_MOD_CALL,
    CW_MOD_SIP,
    CW_MOD_WEBRTC,
    CW_MOD_MEDIA,
    CW_MOD_ADMIN,
    CW_MOD_USER,
    CW_MOD_COUNT,
} cw_module;

/* cw_log(CW_LOG_INFO, CW_MOD_CALL, "call.answer", "call", id, "user", name, NULL);
 * Keys and values are strings, in pairs, ended by NULL. A NULL value leaves its key out. */
void cw_log(cw_level level, cw_module module, const char *event, ...) __attribute__((sentinel));

bool cw_log_wanted(cw_level level, cw_module module);
CW_NODISCARD cw_err cw_log_set_level(const char *module /* NULL: all */, const char *level);
CW_NODISCARD cw_err cw_log_set_format(const char *format); /* "text" or "json" */
const char *cw_log_level_name(cw_module module);
const char *cw_log_module_name(cw_module module);

/* A short-lived string for a value: cw_fmt("%u", n). Valid for the next 15 calls on this thread;
 * longer than 255 bytes is cut. */
const char *cw_fmt(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
