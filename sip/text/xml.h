/* xml.h - XML of peers: read by libxml2 without DTDs, entities, networks or files, in bounds.
 *
 * Any thread.
 */
#ifndef CW_SIP_XML_H
#define CW_SIP_XML_H

#include "base/err.h"

#include <libxml/tree.h>
#include <stdbool.h>
#include <stddef.h>

#define CW_XML_MAX   65536 /* bytes of a document */
#define CW_XML_DEPTH 64    /* elements in each other */

/* A document in UTF-8; xmlFreeDoc.
 *
 * CW_E_TOO_LARGE    longer than CW_XML_MAX
 * CW_E_TOO_DEEP     deeper than CW_XML_DEPTH
 * CW_E_UNSUPPORTED  it has a DTD, which nothing we read has
 * CW_E_SYNTAX       not well-formed
 */
CW_NODISCARD cw_err cw_xml_read(const char *text, size_t len, xmlDoc **ret);

/* The first child of this name (in any namespace) from `from` on, `from` included; NULL: none. */
const xmlNode *cw_xml_find(const xmlNode *from, const char *name);
/* An attribute as text, safe to show; NULL: none, or not safe. g_free. */
char *cw_xml_attribute(const xmlNode *node, const char *name);
/* The text in an element, trimmed; NULL: none, or not safe. g_free. */
char *cw_xml_text(const xmlNode *node);

#endif
