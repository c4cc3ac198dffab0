EXTRA_DIST += \
	bench/README.md bench/run bench/main.mjs bench/relay.mjs bench/setup.mjs \
	bench/lib/causeway.mjs bench/lib/phone.mjs bench/lib/process.mjs bench/lib/rtpengine.mjs \
	bench/lib/socket.mjs bench/lib/webpeer.mjs bench/lib/work.mjs
