/* Relays by TLS: libnice speaks TCP to a port of ours on loopback, which is TLS from there on. */
#include "webrtc/agent_priv.h"

#include "base/log.h"

static void log_fault(const cw_tunnel *tunnel, const char *what, const GError *error)
{
    cw_log(CW_LOG_WARN, CW_MOD_MEDIA, "ice.relay", "host", tunnel->server->host, "what", what,
           "error", error ? error->message : "", NULL);
}

bool cw_tunnel_open(cw_tunnel *tunnel, const cw_ice_server *server, int family)
{
    g_autoptr(GInetAddress) loopback = g_inet_address_new_loopback(
        family == AF_INET6 ? G_SOCKET_FAMILY_IPV6 : G_SOCKET_FAMILY_IPV4);
    g_autoptr(GSocketAddress) any = g_inet_socket_address_new(loopback, 0);
    g_autoptr(GSocketAddress) bound = NULL;
    g_autoptr(GError) error = NULL;

    tunnel->server = server;
    tunnel->listener = g_socket_listener_new();
    if (server->ca)
        tunnel->authorities = g_tls_file_database_new(server->ca, &error);
    if ((server->ca && !tunnel->authorities) ||
        !g_tls_backend_supports_tls(g_tls_backend_get_default()) ||
        !g_socket_listener_add_address(tunnel->listener, any, G_SOCKET_TYPE_STREAM,
                                       G_SOCKET_PROTOCOL_TCP, NULL, &bound, &error)) {
        log_fault(tunnel, "open", error);
        return false;
    }
    tunnel->ip = g_inet_address_to_string(loopback);
    tunnel->port = g_inet_socket_address_get_port(G_INET_SOCKET_ADDRESS(bound));
    return true;
}

void cw_tunnel_clear(cw_tunnel *tunnel)
{
    g_clear_object(&tunnel->listener);
    g_clear_object(&tunnel->authorities);
    g_clear_pointer(&tunnel->ip, g_free);
}

/* ── A connection ── */

typedef struct passage {
    cw_tunnel *tunnel;
    GSocketConnection *from;
} passage;

static void passage_end(passage *p) CW_ON_ICE
{
    p->tunnel->thread->live--;
    g_object_unref(p->from);
    g_free(p);
}

static void on_spliced(GObject *stream, GAsyncResult *result, gpointer arg)
{
    cw_assert_on_ice();
    (void)g_io_stream_splice_finish(result, NULL);
    passage_end(arg);
}

static void on_connected(GObject *client, GAsyncResult *result, gpointer arg)
{
    passage *p = arg;
    cw_tunnel *tunnel = p->tunnel;
    g_autoptr(GError) error = NULL;
    g_autoptr(GSocketConnection) to =
        g_socket_client_connect_to_host_finish(G_SOCKET_CLIENT(client), result, &error);

    cw_assert_on_ice();
    if (!to) {
        if (!g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
            log_fault(tunnel, "connect", error);
        passage_end(p);
        return;
    }
    g_tcp_connection_set_graceful_disconnect(G_TCP_CONNECTION(p->from), FALSE);
    g_io_stream_splice_async(G_IO_STREAM(p->from), G_IO_STREAM(to),
                             G_IO_STREAM_SPLICE_CLOSE_STREAM1 | G_IO_STREAM_SPLICE_CLOSE_STREAM2,
                             G_PRIORITY_DEFAULT, tunnel->thread->agents->end, on_spliced, p);
}

/* The certificate must be of the server's name, by the machine's authorities or those configured.
 */
static void on_event(GSocketClient *client, GSocketClientEvent event, GSocketConnectable *to,
                     GIOStream *stream, gpointer arg)
{
    const cw_tunnel *tunnel = arg;

    if (event == G_SOCKET_CLIENT_TLS_HANDSHAKING && tunnel->authorities)
        g_tls_connection_set_database(G_TLS_CONNECTION(stream), tunnel->authorities);
}

static void connect_on(cw_tunnel *tunnel, GSocketConnection *from) CW_ON_ICE
{
    g_autoptr(GSocketClient) client = g_socket_client_new();
    passage *p = g_new(passage, 1);

    *p = (passage){ tunnel, from };
    tunnel->thread->live++;
    g_socket_client_set_tls(client, TRUE);
    g_signal_connect(client, "event", G_CALLBACK(on_event), tunnel);
    g_socket_client_connect_to_host_async(client, tunnel->server->host, tunnel->server->port,
                                          tunnel->thread->agents->end, on_connected, p);
}

static void on_accepted(GObject *listener, GAsyncResult *result, gpointer arg)
{
    cw_tunnel *tunnel = arg;
    GSocketConnection *from =
        g_socket_listener_accept_finish(G_SOCKET_LISTENER(listener), result, NULL, NULL);

    cw_assert_on_ice();
    tunnel->thread->live--;
    if (from)
        connect_on(tunnel, from);
    if (!g_cancellable_is_cancelled(tunnel->thread->agents->end))
        cw_tunnel_run(tunnel, tunnel->thread);
}

void cw_tunnel_run(cw_tunnel *tunnel, cw_ice_thread *thread)
{
    tunnel->thread = thread;
    thread->live++;
    g_socket_listener_accept_async(tunnel->listener, thread->agents->end, on_accepted, tunnel);
}
