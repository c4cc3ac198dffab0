noinst_LIBRARIES += webrtc/libwebrtc.a
webrtc_libwebrtc_a_SOURCES = \
	webrtc/agent.c webrtc/agent.h webrtc/agent_nice.c webrtc/agent_priv.h \
	webrtc/agent_tls.c \
	webrtc/candidate.c webrtc/candidate.h \
	webrtc/dtls.c webrtc/dtls.h webrtc/dtls_alert.c webrtc/dtls_assoc.c webrtc/dtls_bio.c webrtc/dtls_cert.c \
	webrtc/dtls_hello.c webrtc/dtls_lib.c \
	webrtc/dtls_priv.h \
	webrtc/ice.c webrtc/ice.h \
	webrtc/jsep.h webrtc/jsep_parse.c webrtc/jsep_print.c \
	webrtc/peer.c webrtc/peer.h webrtc/peer_ice.c webrtc/peer_priv.h webrtc/peer_sdp.c webrtc/webrtc.c
