noinst_LIBRARIES += src/call/libcall.a
src_call_libcall_a_SOURCES = \
	src/call/account.c src/call/account.h \
	src/call/act.c src/call/act.h \
	src/call/call.c src/call/call.h src/call/call.fsm \
	src/call/bridge.c src/call/bridge.h \
	src/call/calls.c src/call/priv.h \
	src/call/caller.c src/call/caller.h \
	src/call/check.c \
	src/call/client_transfer.c \
	src/call/client.c \
	src/call/describe.c \
	src/call/enum.c src/call/enum.h \
	src/call/forward.c src/call/forward.h \
	src/call/header.c src/call/header.h \
	src/call/inbound.c \
	src/call/join.c \
	src/call/keypad.c src/call/keypad.h \
	src/call/ladder.c \
	src/call/leg.c src/call/leg.h \
	src/call/leg_browser.c src/call/leg_browser.h src/call/leg_browser_media.c \
	src/call/leg_service.c \
	src/call/leg_sip.c src/call/leg_sip_keys.c src/call/leg_sip_media.c src/call/leg_sip_out.c \
	src/call/leg_sip_refer.c \
	src/call/leg_sip_said.c src/call/leg_sip_secure.c src/call/leg_sip.h \
	src/call/early.c src/call/early.h \
	src/call/leg_sip_early.c src/call/leg_sip_precond.c src/call/leg_sip_lock.c src/call/leg_sip_ports.c \
	src/call/line.c src/call/line.h \
	src/call/monitor.c \
	src/call/manner.c src/call/manner.h \
	src/call/net.c src/call/net.h \
	src/call/number.c src/call/number_check.c src/call/number.h \
	src/call/party.c src/call/party.h \
	src/call/permit.c src/call/permit.h \
	src/call/picture.c src/call/picture.h \
	src/call/policy.c src/call/policy.h \
	src/call/quality.c src/call/quality.h \
	src/call/music.c src/call/record.c src/call/ringback.c \
	src/call/route.c src/call/route.h \
	src/call/streams.c src/call/streams.h \
	src/call/transfer.c src/call/transfer.h src/call/transfer_begin.c src/call/transfer_party.c \
	src/call/vouch.c src/call/vouch.h \
	src/call/trunk.c src/call/trunk_pick.c src/call/trunk_probe.c src/call/trunk.h
