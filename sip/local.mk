noinst_LIBRARIES += sip/libsip.a
sip_libsip_a_SOURCES = \
	sip/address.c sip/address.h \
	sip/auth.c sip/auth.h \
	sip/challenge.c \
	sip/call.c sip/call.h sip/invite.fsm \
	sip/dialog.c sip/dialog.h \
	sip/event.c sip/event.h \
	sip/exchange.c \
	sip/frame.c sip/frame.h \
	sip/enum.c sip/enum.h \
	sip/gate.c \
	sip/header.c sip/header.h \
	sip/hops.c sip/hops.h \
	sip/interpose.c sip/interpose.h \
	sip/invite_uac.c \
	sip/invite_uas.c \
	sip/lookup.c \
	sip/message.c \
	sip/modify.c \
	sip/notifier.c \
	sip/option.c sip/option.def \
	sip/prack.c \
	sip/plug.c sip/plug.h \
	sip/print.c \
	sip/priv.h \
	sip/binding.c \
	sip/reason.c \
	sip/redirect.c \
	sip/refer.c sip/refer.h sip/refer_to.c \
	sip/request.c sip/request.h \
	sip/reliable.c sip/reliable.fsm \
	sip/reoffer.c \
	sip/register.c sip/register.h sip/register.fsm sip/register_priv.h \
	sip/register_send.c \
	sip/registrar.c \
	sip/resolve.c sip/resolve_answer.c sip/resolve.h sip/resolve_priv.h sip/resolver.c \
	sip/send.c sip/send_hop.c \
	sip/sip.h \
	sip/stack.c \
	sip/subscribe.c sip/subscribe.h sip/subscribe.fsm \
	sip/subscriber.c \
	sip/target.c \
	sip/stream.c sip/stream.h sip/stream_io.c \
	sip/tls.c sip/tls.h \
	sip/timer.c sip/timer.fsm sip/timer.h \
	sip/transport.c \
	sip/uri.c sip/uri.h \
	sip/urilist.c sip/urilist.h
