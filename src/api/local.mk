noinst_LIBRARIES += src/api/libapi.a
src_api_libapi_a_SOURCES = \
	src/api/api.c src/api/api.h src/api/priv.h \
	src/api/bucket.c src/api/bucket.h \
	src/api/cert.c \
	src/api/do_call.c \
	src/api/do_im.c \
	src/api/do_push.c \
	src/api/do_session.c \
	src/api/guard.c src/api/guard.h \
	src/api/http.c src/api/http.h \
	src/api/link.c src/api/link.h \
	src/api/listen.c \
	src/api/origin.c \
	src/api/poll.c src/api/poll.h \
	src/api/proto.c src/api/proto.h src/api/proto.def \
	src/api/ring.c src/api/ring.h \
	src/api/sipws.c \
	src/api/session.c src/api/session.h \
	src/api/tap.c \
	src/api/upgrade.c \
	src/api/validate.c \
	src/api/ws.c \
	src/api/www.c

# The documents of the protocol, printed from proto.def and kept in the tree; tests/lint/drift.sh
# finds out when they are behind.
noinst_PROGRAMS += src/api/protogen
src_api_protogen_SOURCES = \
	src/api/protogen.c src/api/gen.h src/api/gen_md.c src/api/gen_schema.c src/api/gen_ts.c \
	src/api/proto.c src/api/proto.h src/api/proto.def
src_api_protogen_LDADD = $(BASE_LIBS)

EXTRA_DIST += docs/PROTOCOL.md docs/protocol/schema.json docs/protocol/asyncapi.json \
	tests/lint/drift.sh

docs: src/api/protogen
	$(AM_V_GEN)$(SHELL) $(srcdir)/tests/lint/drift.sh --write src/api/protogen $(srcdir)
.PHONY: docs
