noinst_LIBRARIES += src/base/libbase.a
src_base_libbase_a_SOURCES = \
	src/base/addr.c src/base/addr.h \
	src/base/conf.c src/base/conf.h src/base/conf.def \
	src/base/err.c src/base/err.h src/base/err.def \
	src/base/heap.c src/base/heap.h \
	src/base/ident.c src/base/ident.h \
	src/base/json.c src/base/json.h \
	src/base/log.c src/base/log.h \
	src/base/loop.c src/base/loop.h \
	src/base/role.c src/base/role.h \
	src/base/stats.c src/base/stats.h src/base/stats.def \
	src/base/timeline.c src/base/timeline.h
