noinst_LIBRARIES += media/libmedia.a
media_libmedia_a_SOURCES = \
	media/addrtab.c media/addrtab.h \
	media/cell.h \
	media/codec/amr_payload.c media/codec/amr_payload.h \
	media/codec/codec.c media/codec/codec.h media/codec/codec_ops.h \
	media/codec/codec_amr.c media/codec/codec_g729.c media/codec/codec_opus.c \
	media/codec/codec_wave.c \
	media/codec/fmtp.c media/codec/fmtp.h \
	media/codec/format.h \
	media/codec/g711.c media/codec/g711.h \
	media/codec/g722.c media/codec/g722.h \
	media/codec/keytone.c media/codec/keytone.h \
	media/codec/noise.c media/codec/noise.h \
	media/codec/plc.c media/codec/plc.h \
	media/codec/resample.c media/codec/resample.h \
	media/codec/tone.c media/codec/tone.h \
	media/desc.c media/desc.h \
	media/dtmf.c media/dtmf.h \
	media/door.c \
	media/formats.c \
	media/flow.c media/flow.h media/flow_digit.c media/flow_rtcp.c \
	media/gather.c \
	media/io.c media/io.h \
	media/latch.c media/latch.h \
	media/mail.c media/mail.h \
	media/negotiate.c media/negotiate.h \
	media/mos.c media/mos.h \
	media/number.c media/number.h \
	media/order.h \
	media/plane.c media/plane.h media/plane_ep.c media/plane_transport.c \
	media/port.c media/port.h \
	media/quiet.c \
	media/rtcp.c media/rtcp.h \
	media/rtp.c media/rtp.h \
	media/seal.c media/seal.h \
	media/sdp.h media/sdp_parse.c media/sdp_print.c media/sdp_rtp.c media/sdp_stream.c \
	media/setup.c \
	media/srtp.c media/srtp.h media/srtp_priv.h media/srtp_rtcp.c \
	media/srtp_evp.c media/srtp_evp.h \
	media/tick.c \
	media/transport.c media/transport.h \
	media/worker.c media/worker.h
