noinst_LIBRARIES += media/libmedia.a
media_libmedia_a_SOURCES = \
	media/addrtab.c media/addrtab.h \
	media/ahead.h \
	media/carried.c media/carried.h \
	media/cell.h \
	media/codec/amr_payload.c media/codec/amr_payload.h \
	media/codec/codec.c media/codec/codec.h media/codec/codec_ops.h \
	media/codec/codec_amr.c media/codec/codec_g729.c media/codec/codec_opus.c \
	media/codec/codec_wave.c \
	media/codec/fmtp.c media/codec/fmtp.h \
	media/codec/format.h \
	media/codec/g711.c media/codec/g711.h \
	media/codec/g722.c media/codec/g722.h \
	media/codec/jitter.c media/codec/jitter.h \
	media/codec/keytone.c media/codec/keytone.h \
	media/codec/noise.c media/codec/noise.h \
	media/codec/plc.c media/codec/plc.h \
	media/codec/resample.c media/codec/resample.h \
	media/codec/tone.c media/codec/tone.h \
	media/desc.c media/desc.h \
	media/dtmf.c media/dtmf.h \
	media/door.c \
	media/formats.c \
	media/frame.c media/frame.h \
	media/flow.c media/flow.h media/flow_digit.c media/flow_rtcp.c \
	media/flow_key.c \
	media/flow_listen.c media/flow_trans.c \
	media/gather.c \
	media/h264.c media/h264.h \
	media/ring.h \
	media/transcode.h media/transcode_keys.c media/transcode_pool.c media/transcode_sound.c \
	media/io.c media/io.h \
	media/latch.c media/latch.h \
	media/mail.c media/mail.h \
	media/nack.c media/nack.h \
	media/negotiate.c media/negotiate.h \
	media/mos.c media/mos.h \
	media/number.c media/number.h \
	media/order.h \
	media/plane.c media/plane.h media/plane_ep.c media/plane_transport.c \
	media/port.c media/port.h \
	media/quiet.c \
	media/report.c media/report.h \
	media/resend.c media/resend.h \
	media/rtcp.c media/rtcp.h \
	media/rtp.c media/rtp.h \
	media/seal.c media/seal.h \
	media/secure.c media/secure.h \
	media/sdp.h media/sdp_feedback.c media/sdp_parse.c media/sdp_print.c media/sdp_rtp.c \
	media/sdp_stream.c \
	media/setup.c \
	media/srtp.c media/srtp.h media/srtp_priv.h media/srtp_rtcp.c \
	media/srtp_evp.c media/srtp_evp.h \
	media/tick.c \
	media/transport.c media/transport.h \
	media/twcc.c media/twcc.h \
	media/video.c media/video.h \
	media/wire.h \
	media/worker.c media/worker.h media/worker_wire.c

if XDP
media_libmedia_a_SOURCES += media/path.c media/path.h media/wire.c media/wire_priv.h media/xdp.c \
	media/xdp_key.h
nodist_media_libmedia_a_SOURCES = media/xdp_bpf.h
BUILT_SOURCES += media/xdp_bpf.h
CLEANFILES += media/xdp_bpf.h media/xdp.bpf.o
media/xdp.$(OBJEXT): media/xdp_bpf.h # BUILT_SOURCES are only there for "all" and "check"

# -g gives the tables their types (BTF); the rest of it is not wanted.
media/xdp.bpf.o: $(srcdir)/media/xdp.bpf.c $(srcdir)/media/xdp_key.h
	$(AM_V_GEN)$(MKDIR_P) media && $(BPF_CC) -O2 -g -target bpf -I$(srcdir) $(BPF_CPPFLAGS) \
		-c -o $@ $(srcdir)/media/xdp.bpf.c
media/xdp_bpf.h: media/xdp.bpf.o
	$(AM_V_GEN)(echo 'static const unsigned char cw_xdp_bpf[] __attribute__((aligned(8))) = {'; \
		od -An -v -tx1 media/xdp.bpf.o | sed 's/ \(..\)/0x\1,/g'; echo '};') > $@
else
media_libmedia_a_SOURCES += media/wire_none.c
endif
EXTRA_DIST += media/xdp.bpf.c
