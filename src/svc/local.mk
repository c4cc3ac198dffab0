noinst_LIBRARIES += src/svc/libsvc.a
src_svc_libsvc_a_SOURCES = src/svc/im.c src/svc/im.h
