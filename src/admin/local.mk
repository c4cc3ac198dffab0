noinst_LIBRARIES += src/admin/libadmin.a
src_admin_libadmin_a_SOURCES = \
	src/admin/admin.c src/admin/admin.h src/admin/priv.h \
	src/admin/ctl.def \
	src/admin/do.c \
	src/admin/place.c src/admin/place.h \
	src/admin/print.c src/admin/print.h src/admin/ladder_print.c src/admin/rows.c \
	src/admin/table.c src/admin/table.h

bin_PROGRAMS += causewayctl
causewayctl_SOURCES = src/admin/causewayctl.c
causewayctl_LDADD = src/admin/libadmin.a $(BASE_LIBS)
