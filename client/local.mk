# The browser library and the web phone. `make` needs no node: `make client` does, and leaves
# client/dist/www, the folder to serve; `make install` installs it if it is there.
CLIENT_INPUTS = \
	client/build.mjs client/package.json client/package-lock.json client/tsconfig.json \
	client/src/call-core.ts client/src/call-types.ts client/src/call.ts client/src/emitter.ts \
	client/src/environment.ts client/src/error.ts client/src/index.ts client/src/link.ts \
	client/src/local.ts client/src/media.ts client/src/negotiation.ts client/src/peer.ts \
	client/src/players.ts client/src/poll.ts client/src/preflight.ts client/src/protocol.ts \
	client/src/recovery.ts client/src/report.ts client/src/rows.ts client/src/rpc.ts \
	client/src/session-types.ts client/src/session.ts client/src/stats.ts client/src/transport.ts \
	client/src/version.ts client/src/watch.ts
CLIENT_PHONE = \
	client/phone/bell.js client/phone/contacts-view.js client/phone/contacts.js client/phone/controls.css \
	client/phone/devices.js client/phone/dialpad.js client/phone/dom.js client/phone/elsewhere.js \
	client/phone/emitter.js client/phone/frames.js client/phone/history-view.js client/phone/history.js \
	client/phone/icon.svg client/phone/icons.svg client/phone/incoming.js client/phone/index.html \
	client/phone/keys.js client/phone/layout.css client/phone/lines.js client/phone/login.js \
	client/phone/messages-view.js client/phone/messages.js client/phone/meter.js client/phone/nav.js \
	client/phone/notices.js client/phone/notify.js client/phone/panel.css client/phone/path-test.js \
	client/phone/phone.js client/phone/pictures.js client/phone/preferences.js client/phone/quality.js \
	client/phone/settings.js client/phone/sound.js client/phone/stage.css client/phone/stage.js \
	client/phone/store.js client/phone/texts.js client/phone/theme.css client/phone/theme.js \
	client/phone/tones.js client/phone/transfer.js client/phone/waiting.js
EXTRA_DIST += $(CLIENT_INPUTS) $(CLIENT_PHONE) client/.npmrc client/README.md client/API.md client/apidoc.mjs \
	client/examples/click-to-call.html client/examples/useCall.jsx client/examples/webview.html \
	client/examples/widget.html \
	client/tests/call.test.mjs client/tests/fakes.mjs client/tests/media.test.mjs \
	client/tests/poll.test.mjs client/tests/resume.test.mjs client/tests/session.test.mjs \
	client/tests/tsconfig.json client/tests/types.ts client/tests/umd.test.mjs

wwwdir = $(pkgdatadir)/www
client_stamp = $(srcdir)/client/dist/stamp

client: $(client_stamp)
.PHONY: client

$(client_stamp): $(CLIENT_INPUTS) $(CLIENT_PHONE)
	@command -v npm >/dev/null 2>&1 || { \
	  echo 'make client: npm is not here; install Debian'\''s packages nodejs and npm' >&2; exit 1; }
	$(AM_V_GEN)cd $(srcdir)/client && npm ci --silent --prefer-offline --no-audit --no-fund && npm run --silent build
	$(AM_V_at)$(SHELL) $(srcdir)/etc/docs.sh $(srcdir) $(srcdir)/client/dist/www/docs
	@touch $@

# The library's own tests; `make check` stays without node.
check-client: client
	$(AM_V_at)cd $(srcdir)/client && npm --silent test
.PHONY: check-client

install-data-local: install-client
install-client:
	@if test -d $(srcdir)/client/dist/www; then \
	  $(MKDIR_P) "$(DESTDIR)$(wwwdir)" && \
	  cp -R $(srcdir)/client/dist/www/. "$(DESTDIR)$(wwwdir)/"; \
	else \
	  echo 'The web phone is not installed: it is not built (make client).'; \
	fi
	$(SHELL) $(srcdir)/etc/docs.sh $(srcdir) "$(DESTDIR)$(wwwdir)/docs"
uninstall-local: uninstall-client
uninstall-client:
	rm -rf "$(DESTDIR)$(wwwdir)"
dist-hook: dist-client
dist-client:
	if test -d $(srcdir)/client/dist; then cp -R $(srcdir)/client/dist $(distdir)/client/; fi
.PHONY: install-client uninstall-client dist-client
