noinst_LIBRARIES += webrtc/libwebrtc.a
webrtc_libwebrtc_a_SOURCES = \
	webrtc/ice.c webrtc/ice.h \
	webrtc/jsep.h webrtc/jsep_parse.c webrtc/jsep_print.c
