
check_PROGRAMS += tests/peer/webpeer/webpeer
tests_peer_webpeer_webpeer_SOURCES = \
	tests/peer/webpeer/command.c tests/peer/webpeer/dtls.c tests/peer/webpeer/flow.c \
	tests/peer/webpeer/ice.c tests/peer/webpeer/main.c tests/peer/webpeer/meter.c \
	tests/peer/webpeer/net.c tests/peer/webpeer/text.c tests/peer/webpeer/tone.c \
	tests/peer/webpeer/webpeer.h
tests_peer_webpeer_webpeer_LDADD = $(MEDIA_LIBS)
EXTRA_DIST += tests/peer/webpeer/README.md

check_PROGRAMS += tests/peer/floor/floor
tests_peer_floor_floor_SOURCES = tests/peer/floor/floor.c
tests_peer_floor_floor_LDADD = $(MEDIA_LIBS)

check_PROGRAMS += tests/peer/bare/bare
tests_peer_bare_bare_SOURCES = tests/peer/bare/bare.c
tests_peer_bare_bare_LDADD = $(WEBRTC_LIBS)

check_PROGRAMS += tests/peer/wsload/wsload
tests_peer_wsload_wsload_SOURCES = tests/peer/wsload/wsload.c
tests_peer_wsload_wsload_LDADD = $(BASE_LIBS)
