noinst_LIBRARIES += sip/libsip.a
sip_libsip_a_SOURCES = \
	sip/address.h \
	sip/certificate.h \
	sip/digest.h \
	sip/enum.h \
	sip/event.h \
	sip/header.h \
	sip/priv.h \
	sip/refer.h \
	sip/register.h \
	sip/request.h \
	sip/sip.h \
	sip/web.h \
	sip/stack.c \
	sip/web/credentials.c \
	sip/web/envelope.c sip/web/envelope.h \
	sip/web/gate.c \
	sip/web/location.c \
	sip/web/web.c sip/web/web_priv.h \
	sip/text/address.c \
	sip/text/digest.c \
	sip/text/header.c \
	sip/text/message.c \
	sip/text/milenage.c sip/text/milenage.h \
	sip/text/option.c sip/text/option.def \
	sip/text/reason.c \
	sip/text/refer_to.c \
	sip/text/uri.c sip/text/uri.h \
	sip/text/urilist.c sip/text/urilist.h \
	sip/text/xml.c sip/text/xml.h \
	sip/net/certificate.c \
	sip/net/enum.c \
	sip/net/frame.c sip/net/frame.h \
	sip/net/hops.c sip/net/hops.h \
	sip/net/interpose.c sip/net/interpose.h \
	sip/net/lookup.c \
	sip/net/plug.c sip/net/plug.h \
	sip/net/resolve.c sip/net/resolve.h \
	sip/net/resolve_answer.c \
	sip/net/resolve_priv.h \
	sip/net/resolver.c \
	sip/net/stream.c sip/net/stream.h \
	sip/net/stream_io.c \
	sip/net/tls.c sip/net/tls.h \
	sip/net/transport.c \
	sip/transaction/aka.c sip/transaction/aka.h \
	sip/transaction/auth.c sip/transaction/auth.h \
	sip/transaction/challenge.c \
	sip/transaction/gate.c \
	sip/transaction/login.c sip/transaction/login.h \
	sip/transaction/request.c \
	sip/transaction/send.c sip/transaction/send.h \
	sip/transaction/send_hop.c \
	sip/transaction/send_out.c \
	sip/transaction/send_stray.c \
	sip/transaction/target.c \
	sip/dialog/call.c sip/dialog/call.h \
	sip/dialog/dialog.c sip/dialog/dialog.h \
	sip/dialog/exchange.c \
	sip/dialog/identify.c \
	sip/dialog/invite.fsm \
	sip/dialog/invite_uac.c \
	sip/dialog/invite_uas.c \
	sip/dialog/modify.c \
	sip/dialog/prack.c \
	sip/dialog/print.c \
	sip/dialog/redirect.c \
	sip/dialog/reliable.c sip/dialog/reliable.fsm \
	sip/dialog/reoffer.c \
	sip/dialog/timer.c sip/dialog/timer.fsm sip/dialog/timer.h \
	sip/event/event.c \
	sip/event/notifier.c \
	sip/event/refer.c \
	sip/event/subscribe.c sip/event/subscribe.fsm sip/event/subscribe.h \
	sip/event/subscriber.c \
	sip/register/binding.c \
	sip/register/ims.c sip/register/ims.h \
	sip/register/regevent.c \
	sip/register/reginfo.c sip/register/reginfo.h \
	sip/register/register.c sip/register/register.fsm \
	sip/register/register_priv.h \
	sip/register/register_send.c \
	sip/register/registrar.c
