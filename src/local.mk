# The gateway: every part, built from a configuration. Tests that build one in-process link these
# sources and the same libraries.
GATEWAY_SOURCES = src/gateway.c src/gateway.h src/nat.c src/nat.h
GATEWAY_LIBS = src/api/libapi.a src/admin/libadmin.a $(API_LIBS)

bin_PROGRAMS += causeway
causeway_SOURCES = src/main.c src/demo.c src/demo.h $(GATEWAY_SOURCES)
causeway_LDADD = $(GATEWAY_LIBS)

# The options as a sample file and as a page, the commands as a page; test-docs tells when they are
# behind.
sampledir = $(sysconfdir)/causeway
dist_sample_DATA = etc/causeway.conf.sample
EXTRA_DIST += docs/CONFIG.md docs/CTL.md
docs: docs-conf
docs-conf: causeway causewayctl
	./causeway --print-sample >$(srcdir)/etc/causeway.conf.sample
	./causeway --print-docs >$(srcdir)/docs/CONFIG.md
	./causewayctl --print-docs >$(srcdir)/docs/CTL.md
.PHONY: docs-conf
