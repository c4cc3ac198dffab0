EXTRA_DIST += \
	bench/README.md bench/run bench/main.mjs \
	bench/capacity.mjs bench/flood.mjs bench/floor.mjs bench/hold.mjs bench/register.mjs bench/relay.mjs bench/setup.mjs \
	bench/sip.mjs bench/transcode.mjs bench/workers.mjs bench/ws.mjs \
	bench/lib/bare.mjs bench/lib/causeway.mjs bench/lib/floor.mjs bench/lib/janus.mjs bench/lib/kamailio.mjs \
	bench/lib/make-voice.mjs bench/lib/measure.mjs \
	bench/lib/phone.mjs bench/lib/process.mjs bench/lib/rtpengine.mjs bench/lib/socket.mjs \
	bench/lib/table.mjs bench/lib/voice.json bench/lib/webpeer.mjs bench/lib/work.mjs bench/lib/wsload.mjs
