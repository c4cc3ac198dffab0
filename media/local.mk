noinst_LIBRARIES += media/libmedia.a
media_libmedia_a_SOURCES = \
	media/ahead.h media/carried.c media/carried.h media/cell.h media/door.c media/flow.c \
	media/flow.h media/flow_digit.c media/flow_key.c media/flow_listen.c media/flow_rtcp.c \
	media/flow_trans.c media/gather.c media/latch.c media/latch.h media/mail.c media/mail.h \
	media/order.h media/others.c media/others.h media/plane.c media/plane.h media/plane_ep.c \
	media/plane_play.c media/plane_stats.c media/plane_transport.c media/play.c \
	media/quiet.c media/ring.h media/setup.c media/shared.c media/shared.h media/tick.c media/transcode.h \
	media/transcode_keys.c media/transcode_pool.c media/transcode_sound.c media/transport.c \
	media/transport.h media/video.c media/video.h media/worker.c media/worker.h \
	media/worker_wire.c \
	media/codec/amr_payload.c media/codec/amr_payload.h media/codec/codec.c \
	media/codec/codec.h media/codec/codec_amr.c media/codec/codec_g729.c \
	media/codec/codec_ops.h media/codec/codec_opus.c media/codec/codec_wave.c \
	media/codec/fmtp.c media/codec/fmtp.h media/codec/format.h media/codec/g711.c \
	media/codec/g711.h media/codec/g722.c media/codec/g722.h media/codec/jitter.c \
	media/codec/jitter.h media/codec/keytone.c media/codec/keytone.h media/codec/noise.c \
	media/codec/noise.h media/codec/plc.c media/codec/plc.h media/codec/resample.c \
	media/codec/resample.h media/codec/sound.c media/codec/sound.h media/codec/tone.c \
	media/codec/tone.h media/codec/wav.c \
	media/io/addrtab.c media/io/addrtab.h media/io/frame.c media/io/frame.h media/io/io.c \
	media/io/io.h media/io/port.c media/io/port.h media/io/wire.h \
	media/rtp/dtmf.c media/rtp/dtmf.h media/rtp/mos.c media/rtp/mos.h media/rtp/nack.c \
	media/rtp/nack.h media/rtp/number.c media/rtp/number.h media/rtp/report.c \
	media/rtp/report.h media/rtp/resend.c media/rtp/resend.h media/rtp/rtcp.c \
	media/rtp/rtcp.h media/rtp/rtp.c media/rtp/rtp.h media/rtp/twcc.c media/rtp/twcc.h \
	media/sdp/desc.c media/sdp/desc.h media/sdp/formats.c media/sdp/h264.c media/sdp/h264.h \
	media/sdp/negotiate.c media/sdp/negotiate.h media/sdp/precond.c media/sdp/precond.h media/sdp/sdp.h media/sdp/sdp_feedback.c \
	media/sdp/sdp_parse.c media/sdp/sdp_print.c media/sdp/sdp_rtp.c media/sdp/sdp_stream.c \
	media/sdp/secure.c media/sdp/secure.h \
	media/srtp/seal.c media/srtp/seal.h media/srtp/srtp.c media/srtp/srtp.h \
	media/srtp/srtp_evp.c media/srtp/srtp_evp.h media/srtp/srtp_priv.h \
	media/srtp/srtp_rtcp.c

if XDP
media_libmedia_a_SOURCES += media/io/path.c media/io/path.h media/io/wire.c media/io/wire_priv.h media/io/xdp.c \
	media/io/xdp_key.h
nodist_media_libmedia_a_SOURCES = media/io/xdp_bpf.h
BUILT_SOURCES += media/io/xdp_bpf.h
CLEANFILES += media/io/xdp_bpf.h media/io/xdp.bpf.o
media/io/xdp.$(OBJEXT): media/io/xdp_bpf.h # BUILT_SOURCES are only there for "all" and "check"

# -g gives the tables their types (BTF); the rest of it is not wanted.
media/io/xdp.bpf.o: $(srcdir)/media/io/xdp.bpf.c $(srcdir)/media/io/xdp_key.h
	$(AM_V_GEN)$(MKDIR_P) media/io && $(BPF_CC) -O2 -g -target bpf -I$(srcdir) $(BPF_CPPFLAGS) \
		-c -o $@ $(srcdir)/media/io/xdp.bpf.c
media/io/xdp_bpf.h: media/io/xdp.bpf.o
	$(AM_V_GEN)(echo 'static const unsigned char cw_xdp_bpf[] __attribute__((aligned(8))) = {'; \
		od -An -v -tx1 media/io/xdp.bpf.o | sed 's/ \(..\)/0x\1,/g'; echo '};') > $@
else
media_libmedia_a_SOURCES += media/io/wire_none.c
endif
EXTRA_DIST += media/io/xdp.bpf.c
