noinst_LIBRARIES += src/call/libcall.a
src_call_libcall_a_SOURCES = \
	src/call/act.c src/call/act.h \
	src/call/bridge.c src/call/bridge.h \
	src/call/call.c src/call/call.fsm src/call/call.h \
	src/call/calls.c \
	src/call/check.c \
	src/call/client.c \
	src/call/client_away.c \
	src/call/join.c \
	src/call/priv.h \
	src/call/leg/early.c src/call/leg/early.h \
	src/call/leg/keypad.c src/call/leg/keypad.h \
	src/call/leg/leg.c src/call/leg/leg.h \
	src/call/leg/leg_browser.c src/call/leg/leg_browser.h \
	src/call/leg/leg_browser_away.c \
	src/call/leg/leg_browser_media.c \
	src/call/leg/leg_service.c \
	src/call/leg/leg_sip.c src/call/leg/leg_sip.h \
	src/call/leg/leg_sip_early.c \
	src/call/leg/leg_sip_keys.c \
	src/call/leg/leg_sip_late.c \
	src/call/leg/leg_sip_lock.c \
	src/call/leg/leg_sip_media.c \
	src/call/leg/leg_sip_out.c \
	src/call/leg/leg_sip_ports.c \
	src/call/leg/leg_sip_precond.c \
	src/call/leg/leg_sip_redirect.c \
	src/call/leg/leg_sip_refer.c \
	src/call/leg/leg_sip_said.c \
	src/call/leg/leg_sip_secure.c \
	src/call/leg/leg_sip_web.c \
	src/call/leg/music.c \
	src/call/leg/picture.c src/call/leg/picture.h \
	src/call/leg/ringback.c \
	src/call/leg/streams.c src/call/leg/streams.h \
	src/call/route/enum.c src/call/route/enum.h \
	src/call/route/inbound.c \
	src/call/route/manner.c src/call/route/manner.h \
	src/call/route/net.c src/call/route/net.h \
	src/call/route/number.c src/call/route/number.h \
	src/call/route/number_check.c \
	src/call/route/permit.c src/call/route/permit.h \
	src/call/route/policy.c src/call/route/policy.h \
	src/call/route/route.c src/call/route/route.h \
	src/call/route/trunk.c src/call/route/trunk.h \
	src/call/route/trunk_pick.c \
	src/call/route/trunk_probe.c \
	src/call/party/caller.c src/call/party/caller.h \
	src/call/party/forward.c src/call/party/forward.h \
	src/call/party/header.c src/call/party/header.h \
	src/call/party/party.c src/call/party/party.h \
	src/call/party/vouch.c src/call/party/vouch.h \
	src/call/web/web.c src/call/web/web.h \
	src/call/web/web_call.c \
	src/call/web/web_message.c \
	src/call/line/account.c src/call/line/account.h \
	src/call/line/line.c src/call/line/line.h \
	src/call/line/place.c src/call/line/place.h \
	src/call/push/push.c src/call/push/push.h src/call/push/push_priv.h \
	src/call/push/wake.c \
	src/call/transfer/client_transfer.c \
	src/call/transfer/transfer.c src/call/transfer/transfer.h \
	src/call/transfer/transfer_begin.c \
	src/call/transfer/transfer_party.c \
	src/call/report/describe.c \
	src/call/report/ladder.c \
	src/call/report/monitor.c \
	src/call/report/quality.c src/call/report/quality.h \
	src/call/report/record.c
