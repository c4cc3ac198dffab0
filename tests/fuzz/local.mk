# A fuzz target is tests/fuzz/fuzz-NAME.c plus REPLAY: libFuzzer's main() with --enable-libfuzzer
# (-fsanitize=fuzzer in FUZZ_LINK), else replay.c over tests/fuzz/corpus/NAME.
EXTRA_DIST += tests/fuzz/corpus tests/fuzz/replay.c
if LIBFUZZER
FUZZ_REPLAY =
FUZZ_LINK = $(AM_LDFLAGS) -fsanitize=fuzzer
else
FUZZ_REPLAY = tests/fuzz/replay.c
FUZZ_LINK = $(AM_LDFLAGS)
endif

check_PROGRAMS += tests/fuzz/fuzz-frame
TESTS += tests/fuzz/fuzz-frame
tests_fuzz_fuzz_frame_SOURCES = tests/fuzz/fuzz-frame.c $(FUZZ_REPLAY)
tests_fuzz_fuzz_frame_LDADD = $(MEDIA_LIBS)
tests_fuzz_fuzz_frame_LDFLAGS = $(FUZZ_LINK)

check_PROGRAMS += tests/fuzz/fuzz-sip-stream
TESTS += tests/fuzz/fuzz-sip-stream
tests_fuzz_fuzz_sip_stream_SOURCES = tests/fuzz/fuzz-sip-stream.c $(FUZZ_REPLAY)
tests_fuzz_fuzz_sip_stream_LDADD = $(SIP_LIBS)
tests_fuzz_fuzz_sip_stream_LDFLAGS = $(FUZZ_LINK)

check_PROGRAMS += tests/fuzz/fuzz-sip-web
TESTS += tests/fuzz/fuzz-sip-web
tests_fuzz_fuzz_sip_web_SOURCES = tests/fuzz/fuzz-sip-web.c $(FUZZ_REPLAY)
tests_fuzz_fuzz_sip_web_LDADD = $(SIP_LIBS)
tests_fuzz_fuzz_sip_web_LDFLAGS = $(FUZZ_LINK)

check_PROGRAMS += tests/fuzz/fuzz-rtp
TESTS += tests/fuzz/fuzz-rtp
tests_fuzz_fuzz_rtp_SOURCES = tests/fuzz/fuzz-rtp.c $(FUZZ_REPLAY)
tests_fuzz_fuzz_rtp_LDADD = $(MEDIA_LIBS)
tests_fuzz_fuzz_rtp_LDFLAGS = $(FUZZ_LINK)

check_PROGRAMS += tests/fuzz/fuzz-stun
TESTS += tests/fuzz/fuzz-stun
tests_fuzz_fuzz_stun_SOURCES = tests/fuzz/fuzz-stun.c $(FUZZ_REPLAY)
tests_fuzz_fuzz_stun_LDADD = $(WEBRTC_LIBS)
tests_fuzz_fuzz_stun_LDFLAGS = $(FUZZ_LINK)

check_PROGRAMS += tests/fuzz/fuzz-sdp tests/fuzz/fuzz-jsep
TESTS += tests/fuzz/fuzz-sdp tests/fuzz/fuzz-jsep
tests_fuzz_fuzz_sdp_SOURCES = tests/fuzz/fuzz-sdp.c $(FUZZ_REPLAY)
tests_fuzz_fuzz_sdp_LDADD = $(MEDIA_LIBS)
tests_fuzz_fuzz_sdp_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_jsep_SOURCES = tests/fuzz/fuzz-jsep.c $(FUZZ_REPLAY)
tests_fuzz_fuzz_jsep_LDADD = $(WEBRTC_LIBS)
tests_fuzz_fuzz_jsep_LDFLAGS = $(FUZZ_LINK)

check_PROGRAMS += tests/fuzz/fuzz-crypto
TESTS += tests/fuzz/fuzz-crypto
tests_fuzz_fuzz_crypto_SOURCES = tests/fuzz/fuzz-crypto.c $(FUZZ_REPLAY)
tests_fuzz_fuzz_crypto_LDADD = $(MEDIA_LIBS)
tests_fuzz_fuzz_crypto_LDFLAGS = $(FUZZ_LINK)

check_PROGRAMS += tests/fuzz/fuzz-candidate
TESTS += tests/fuzz/fuzz-candidate
tests_fuzz_fuzz_candidate_SOURCES = tests/fuzz/fuzz-candidate.c $(FUZZ_REPLAY)
tests_fuzz_fuzz_candidate_LDADD = $(WEBRTC_LIBS)
tests_fuzz_fuzz_candidate_LDFLAGS = $(FUZZ_LINK)

check_PROGRAMS += tests/fuzz/fuzz-rtcp
TESTS += tests/fuzz/fuzz-rtcp
tests_fuzz_fuzz_rtcp_SOURCES = tests/fuzz/fuzz-rtcp.c $(FUZZ_REPLAY)
tests_fuzz_fuzz_rtcp_LDADD = $(MEDIA_LIBS)
tests_fuzz_fuzz_rtcp_LDFLAGS = $(FUZZ_LINK)

check_PROGRAMS += tests/fuzz/fuzz-proto tests/fuzz/fuzz-guard tests/fuzz/fuzz-token
TESTS += tests/fuzz/fuzz-proto tests/fuzz/fuzz-guard tests/fuzz/fuzz-token
tests_fuzz_fuzz_proto_SOURCES = tests/fuzz/fuzz-proto.c tests/unit/fake-call.c tests/unit/fake-call.h $(FUZZ_REPLAY)
tests_fuzz_fuzz_proto_LDADD = src/api/libapi.a src/svc/libsvc.a $(USER_LIBS)
tests_fuzz_fuzz_proto_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_guard_SOURCES = tests/fuzz/fuzz-guard.c $(FUZZ_REPLAY)
tests_fuzz_fuzz_guard_LDADD = src/api/libapi.a $(BASE_LIBS)
tests_fuzz_fuzz_guard_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_token_SOURCES = tests/fuzz/fuzz-token.c $(FUZZ_REPLAY)
tests_fuzz_fuzz_token_LDADD = $(USER_LIBS)
tests_fuzz_fuzz_token_LDFLAGS = $(FUZZ_LINK)

check_PROGRAMS += tests/fuzz/fuzz-address
TESTS += tests/fuzz/fuzz-address
tests_fuzz_fuzz_address_SOURCES = tests/fuzz/fuzz-address.c $(FUZZ_REPLAY)
tests_fuzz_fuzz_address_LDADD = $(SIP_LIBS)
tests_fuzz_fuzz_address_LDFLAGS = $(FUZZ_LINK)

check_PROGRAMS += tests/fuzz/fuzz-reginfo
TESTS += tests/fuzz/fuzz-reginfo
tests_fuzz_fuzz_reginfo_SOURCES = tests/fuzz/fuzz-reginfo.c $(FUZZ_REPLAY)
tests_fuzz_fuzz_reginfo_LDADD = $(SIP_LIBS)
tests_fuzz_fuzz_reginfo_LDFLAGS = $(FUZZ_LINK)

check_PROGRAMS += tests/fuzz/fuzz-enum
TESTS += tests/fuzz/fuzz-enum
tests_fuzz_fuzz_enum_SOURCES = tests/fuzz/fuzz-enum.c $(FUZZ_REPLAY)
tests_fuzz_fuzz_enum_LDADD = $(SIP_LIBS)
tests_fuzz_fuzz_enum_LDFLAGS = $(FUZZ_LINK)

check_PROGRAMS += tests/fuzz/fuzz-forward
TESTS += tests/fuzz/fuzz-forward
tests_fuzz_fuzz_forward_SOURCES = tests/fuzz/fuzz-forward.c $(FUZZ_REPLAY)
tests_fuzz_fuzz_forward_LDADD = $(CALL_LIBS)
tests_fuzz_fuzz_forward_LDFLAGS = $(FUZZ_LINK)

check_PROGRAMS += tests/fuzz/fuzz-dialog
TESTS += tests/fuzz/fuzz-dialog
tests_fuzz_fuzz_dialog_SOURCES = tests/fuzz/fuzz-dialog.c $(FUZZ_REPLAY)
tests_fuzz_fuzz_dialog_LDADD = $(SIP_LIBS)
tests_fuzz_fuzz_dialog_LDFLAGS = $(FUZZ_LINK)

check_PROGRAMS += tests/fuzz/fuzz-sip-uri
TESTS += tests/fuzz/fuzz-sip-uri
tests_fuzz_fuzz_sip_uri_SOURCES = tests/fuzz/fuzz-sip-uri.c $(FUZZ_REPLAY)
tests_fuzz_fuzz_sip_uri_LDADD = $(SIP_LIBS)
tests_fuzz_fuzz_sip_uri_LDFLAGS = $(FUZZ_LINK)

check_PROGRAMS += tests/fuzz/fuzz-keypad tests/fuzz/fuzz-target
TESTS += tests/fuzz/fuzz-keypad tests/fuzz/fuzz-target
tests_fuzz_fuzz_keypad_SOURCES = tests/fuzz/fuzz-keypad.c $(FUZZ_REPLAY)
tests_fuzz_fuzz_keypad_LDADD = $(CALL_LIBS)
tests_fuzz_fuzz_keypad_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_target_SOURCES = tests/fuzz/fuzz-target.c $(FUZZ_REPLAY)
tests_fuzz_fuzz_target_LDADD = $(CALL_LIBS)
tests_fuzz_fuzz_target_LDFLAGS = $(FUZZ_LINK)

check_PROGRAMS += tests/fuzz/fuzz-dtmf tests/fuzz/fuzz-amr tests/fuzz/fuzz-payload tests/fuzz/fuzz-srtp
TESTS += tests/fuzz/fuzz-dtmf tests/fuzz/fuzz-amr tests/fuzz/fuzz-payload tests/fuzz/fuzz-srtp
tests_fuzz_fuzz_dtmf_SOURCES = tests/fuzz/fuzz-dtmf.c $(FUZZ_REPLAY)
tests_fuzz_fuzz_dtmf_LDADD = $(MEDIA_LIBS)
tests_fuzz_fuzz_dtmf_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_amr_SOURCES = tests/fuzz/fuzz-amr.c $(FUZZ_REPLAY)
tests_fuzz_fuzz_amr_LDADD = $(MEDIA_LIBS)
tests_fuzz_fuzz_amr_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_payload_SOURCES = tests/fuzz/fuzz-payload.c $(FUZZ_REPLAY)
tests_fuzz_fuzz_payload_LDADD = $(MEDIA_LIBS)
tests_fuzz_fuzz_payload_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_srtp_SOURCES = tests/fuzz/fuzz-srtp.c $(FUZZ_REPLAY)
tests_fuzz_fuzz_srtp_LDADD = $(MEDIA_LIBS)
tests_fuzz_fuzz_srtp_LDFLAGS = $(FUZZ_LINK)

check_PROGRAMS += tests/fuzz/fuzz-picture tests/fuzz/fuzz-h264
TESTS += tests/fuzz/fuzz-picture tests/fuzz/fuzz-h264
tests_fuzz_fuzz_picture_SOURCES = tests/fuzz/fuzz-picture.c $(FUZZ_REPLAY)
tests_fuzz_fuzz_picture_LDADD = $(CALL_LIBS)
tests_fuzz_fuzz_picture_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_h264_SOURCES = tests/fuzz/fuzz-h264.c $(FUZZ_REPLAY)
tests_fuzz_fuzz_h264_LDADD = $(MEDIA_LIBS)
tests_fuzz_fuzz_h264_LDFLAGS = $(FUZZ_LINK)

check_PROGRAMS += tests/fuzz/fuzz-codec
TESTS += tests/fuzz/fuzz-codec
tests_fuzz_fuzz_codec_SOURCES = tests/fuzz/fuzz-codec.c $(FUZZ_REPLAY)
tests_fuzz_fuzz_codec_LDADD = $(MEDIA_LIBS)
tests_fuzz_fuzz_codec_LDFLAGS = $(FUZZ_LINK)

check_PROGRAMS += tests/fuzz/fuzz-sip-register
TESTS += tests/fuzz/fuzz-sip-register
tests_fuzz_fuzz_sip_register_SOURCES = tests/fuzz/fuzz-sip-register.c $(FUZZ_REPLAY)
tests_fuzz_fuzz_sip_register_LDADD = $(SIP_LIBS)
tests_fuzz_fuzz_sip_register_LDFLAGS = $(FUZZ_LINK)

check_PROGRAMS += tests/fuzz/fuzz-sip-refer
TESTS += tests/fuzz/fuzz-sip-refer
tests_fuzz_fuzz_sip_refer_SOURCES = tests/fuzz/fuzz-sip-refer.c $(FUZZ_REPLAY)
tests_fuzz_fuzz_sip_refer_LDADD = $(SIP_LIBS)
tests_fuzz_fuzz_sip_refer_LDFLAGS = $(FUZZ_LINK)

check_PROGRAMS += tests/fuzz/fuzz-precond
TESTS += tests/fuzz/fuzz-precond
tests_fuzz_fuzz_precond_SOURCES = tests/fuzz/fuzz-precond.c $(FUZZ_REPLAY)
tests_fuzz_fuzz_precond_LDADD = $(CALL_LIBS)
tests_fuzz_fuzz_precond_LDFLAGS = $(FUZZ_LINK)

check_PROGRAMS += tests/fuzz/fuzz-identity
TESTS += tests/fuzz/fuzz-identity
tests_fuzz_fuzz_identity_SOURCES = tests/fuzz/fuzz-identity.c $(FUZZ_REPLAY)
tests_fuzz_fuzz_identity_LDADD = $(USER_LIBS)
tests_fuzz_fuzz_identity_LDFLAGS = $(FUZZ_LINK)
