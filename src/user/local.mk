noinst_LIBRARIES += src/user/libuser.a
src_user_libuser_a_SOURCES = \
	src/user/claims.c \
	src/user/grant.c \
	src/user/key.c \
	src/user/priv.h \
	src/user/quota.c src/user/quota.h \
	src/user/token.c \
	src/user/user.h
