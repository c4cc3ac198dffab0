noinst_LIBRARIES += src/user/libuser.a
src_user_libuser_a_SOURCES = \
	src/user/claims.c \
	src/user/grant.c \
	src/user/passport.c src/user/passport.h \
	src/user/shaken.c src/user/shaken.h src/user/shaken_cert.c src/user/shaken_cert.h \
	src/user/key.c \
	src/user/password.c \
	src/user/priv.h \
	src/user/quota.c src/user/quota.h \
	src/user/token.c \
	src/user/user.h
