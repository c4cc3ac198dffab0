#include "sip/text/xml.h"

#include "base/json.h"

#include <glib.h>
#include <libxml/parser.h>
#include <string.h>

/* Told by the error that is returned; libxml2 would print it. */
#define OPTIONS                                                                                    \
    (XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING | XML_PARSE_IGNORE_ENC |            \
     XML_PARSE_NOCDATA)

/* Read as UTF-8 whatever it says of itself, so that this sees each declaration. */
static bool has_dtd(const char *text, size_t len)
{
    return g_strstr_len(text, (gssize)len, "<!DOCTYPE") ||
           g_strstr_len(text, (gssize)len, "<!ENTITY");
}

static bool is_too_deep(const xmlNode *root)
{
    const xmlNode *node = root;
    unsigned depth = 1;

    while (node) {
        if (depth > CW_XML_DEPTH)
            return true;
        if (node->children && node->type == XML_ELEMENT_NODE) {
            node = node->children;
            depth++;
            continue;
        }
        while (node && node != root && !node->next) {
            node = node->parent;
            depth--;
        }
        node = node && node != root ? node->next : NULL;
    }
    return false;
}

cw_err cw_xml_read(const char *text, size_t len, xmlDoc **ret)
{
    xmlDoc *doc;

    if (len > CW_XML_MAX)
        return CW_E_TOO_LARGE;
    if (len == 0 || memchr(text, '\0', len) || !g_utf8_validate(text, (gssize)len, NULL))
        return CW_E_SYNTAX;
    if (has_dtd(text, len))
        return CW_E_UNSUPPORTED;
    doc = xmlReadMemory(text, (int)len, NULL, "UTF-8", OPTIONS);
    if (!doc)
        return CW_E_SYNTAX;
    if (!xmlDocGetRootElement(doc) || is_too_deep(xmlDocGetRootElement(doc))) {
        xmlFreeDoc(doc);
        return CW_E_TOO_DEEP;
    }
    *ret = doc;
    return CW_OK;
}

const xmlNode *cw_xml_find(const xmlNode *from, const char *name)
{
    while (from && (from->type != XML_ELEMENT_NODE || strcmp((const char *)from->name, name) != 0))
        from = from->next;
    return from;
}

static char *safe(xmlChar *text)
{
    char *copy = NULL;

    if (text)
        copy = g_strstrip(g_strdup((const char *)text));
    xmlFree(text);
    if (copy && !cw_text_is_safe(copy, strlen(copy)))
        g_clear_pointer(&copy, g_free);
    return copy;
}

char *cw_xml_attribute(const xmlNode *node, const char *name)
{
    return safe(xmlGetNoNsProp(node, (const xmlChar *)name));
}

char *cw_xml_text(const xmlNode *node)
{
    return safe(xmlNodeGetContent(node));
}
