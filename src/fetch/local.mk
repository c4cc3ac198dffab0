noinst_LIBRARIES += src/fetch/libfetch.a
src_fetch_libfetch_a_SOURCES = src/fetch/fetch.c src/fetch/fetch.h src/fetch/guard.c
