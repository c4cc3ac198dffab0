noinst_LIBRARIES += media/libmedia.a
media_libmedia_a_SOURCES = \
	media/plane.h \
	media/rtp.c media/rtp.h
