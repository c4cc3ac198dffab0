noinst_LIBRARIES += media/libmedia.a
media_libmedia_a_SOURCES = \
	media/desc.c media/desc.h \
	media/plane.h \
	media/rtp.c media/rtp.h \
	media/sdp.h media/sdp_parse.c media/sdp_print.c media/sdp_rtp.c media/sdp_stream.c \
	media/srtp.c media/srtp.h \
	media/srtp_evp.c media/srtp_evp.h
