check_PROGRAMS += tests/unit/test-base
TESTS += tests/unit/test-base
tests_unit_test_base_SOURCES = tests/unit/test-base.c
tests_unit_test_base_LDADD = $(BASE_LIBS)
EXTRA_DIST += tests/unit/tap.sh tests/unit/lsan.supp tests/unit/tsan.supp

check_PROGRAMS += tests/unit/test-rtp
TESTS += tests/unit/test-rtp
tests_unit_test_rtp_SOURCES = tests/unit/test-rtp.c
tests_unit_test_rtp_LDADD = $(MEDIA_LIBS)

check_PROGRAMS += tests/unit/test-frame
TESTS += tests/unit/test-frame
tests_unit_test_frame_SOURCES = tests/unit/test-frame.c
tests_unit_test_frame_LDADD = $(MEDIA_LIBS)

check_PROGRAMS += tests/unit/test-wire
TESTS += tests/unit/test-wire
tests_unit_test_wire_SOURCES = tests/unit/test-wire.c tests/unit/plane-rig.c tests/unit/plane-rig.h
tests_unit_test_wire_LDADD = $(MEDIA_LIBS)

check_PROGRAMS += tests/unit/test-srtp
TESTS += tests/unit/test-srtp
tests_unit_test_srtp_SOURCES = tests/unit/test-srtp.c
tests_unit_test_srtp_LDADD = $(MEDIA_LIBS) $(SRTP_LIBS)

check_PROGRAMS += tests/unit/test-seal tests/unit/test-secure
TESTS += tests/unit/test-seal tests/unit/test-secure
tests_unit_test_secure_SOURCES = tests/unit/test-secure.c
tests_unit_test_secure_LDADD = $(MEDIA_LIBS)
tests_unit_test_seal_SOURCES = tests/unit/test-seal.c
tests_unit_test_seal_LDADD = $(MEDIA_LIBS)

check_PROGRAMS += tests/unit/test-ice
TESTS += tests/unit/test-ice
tests_unit_test_ice_SOURCES = tests/unit/test-ice.c tests/unit/stun-msg.c tests/unit/stun-msg.h
tests_unit_test_ice_LDADD = $(WEBRTC_LIBS)

check_PROGRAMS += tests/unit/test-desc tests/unit/test-sdp tests/unit/test-jsep
TESTS += tests/unit/test-desc tests/unit/test-sdp tests/unit/test-jsep
tests_unit_test_desc_SOURCES = tests/unit/test-desc.c
tests_unit_test_desc_LDADD = $(MEDIA_LIBS)
tests_unit_test_sdp_SOURCES = tests/unit/test-sdp.c
tests_unit_test_sdp_LDADD = $(MEDIA_LIBS)
tests_unit_test_jsep_SOURCES = tests/unit/test-jsep.c
tests_unit_test_jsep_LDADD = $(WEBRTC_LIBS)

check_PROGRAMS += tests/unit/test-shared
TESTS += tests/unit/test-shared
tests_unit_test_shared_SOURCES = tests/unit/test-shared.c
tests_unit_test_shared_LDADD = $(MEDIA_LIBS)

check_PROGRAMS += tests/unit/test-plane
TESTS += tests/unit/test-plane
tests_unit_test_plane_SOURCES = tests/unit/test-plane.c tests/unit/plane-rig.c tests/unit/plane-rig.h
tests_unit_test_plane_LDADD = $(MEDIA_LIBS)

check_PROGRAMS += tests/unit/test-dtls
TESTS += tests/unit/test-dtls
tests_unit_test_dtls_SOURCES = tests/unit/test-dtls.c tests/unit/dtls-client.c \
	tests/unit/dtls-client.h
tests_unit_test_dtls_LDADD = $(WEBRTC_LIBS)

check_PROGRAMS += tests/unit/test-plane-secure
TESTS += tests/unit/test-plane-secure
tests_unit_test_plane_secure_SOURCES = tests/unit/test-plane-secure.c tests/unit/plane-rig.c \
	tests/unit/plane-rig.h
tests_unit_test_plane_secure_LDADD = $(MEDIA_LIBS)

check_PROGRAMS += tests/unit/test-dtls-port
TESTS += tests/unit/test-dtls-port
tests_unit_test_dtls_port_SOURCES = tests/unit/test-dtls-port.c tests/unit/dtls-client.c \
	tests/unit/dtls-client.h
tests_unit_test_dtls_port_LDADD = $(WEBRTC_LIBS)

check_PROGRAMS += tests/unit/test-rtcp tests/unit/test-dtmf tests/unit/test-port \
	tests/unit/test-latch tests/unit/test-number tests/unit/test-plane-sound tests/unit/test-plane-browser
TESTS += tests/unit/test-rtcp tests/unit/test-dtmf tests/unit/test-port \
	tests/unit/test-latch tests/unit/test-number tests/unit/test-plane-sound tests/unit/test-plane-browser
tests_unit_test_rtcp_SOURCES = tests/unit/test-rtcp.c
tests_unit_test_rtcp_LDADD = $(MEDIA_LIBS)
tests_unit_test_dtmf_SOURCES = tests/unit/test-dtmf.c
tests_unit_test_dtmf_LDADD = $(MEDIA_LIBS)
tests_unit_test_latch_SOURCES = tests/unit/test-latch.c
tests_unit_test_latch_LDADD = $(MEDIA_LIBS)
tests_unit_test_number_SOURCES = tests/unit/test-number.c
tests_unit_test_number_LDADD = $(MEDIA_LIBS)
tests_unit_test_plane_browser_SOURCES = tests/unit/test-plane-browser.c tests/unit/plane-rig.c \
	tests/unit/plane-rig.h
tests_unit_test_plane_browser_LDADD = $(MEDIA_LIBS)
tests_unit_test_plane_sound_SOURCES = tests/unit/test-plane-sound.c tests/unit/plane-rig.c \
	tests/unit/plane-rig.h
tests_unit_test_plane_sound_LDADD = $(MEDIA_LIBS)
tests_unit_test_port_SOURCES = tests/unit/test-port.c
tests_unit_test_port_LDADD = $(MEDIA_LIBS)

CODEC_TESTS = tests/unit/test-amr tests/unit/test-codec tests/unit/test-jitter \
	tests/unit/test-keytone tests/unit/test-plane-keys tests/unit/test-transcode
check_PROGRAMS += $(CODEC_TESTS)
TESTS += $(CODEC_TESTS)
tests_unit_test_amr_SOURCES = tests/unit/test-amr.c
tests_unit_test_amr_LDADD = $(MEDIA_LIBS)
tests_unit_test_codec_SOURCES = tests/unit/test-codec.c tests/unit/sound.c tests/unit/sound.h
tests_unit_test_codec_LDADD = $(MEDIA_LIBS)
tests_unit_test_jitter_SOURCES = tests/unit/test-jitter.c
tests_unit_test_jitter_LDADD = $(MEDIA_LIBS)
tests_unit_test_keytone_SOURCES = tests/unit/test-keytone.c tests/unit/sound.c tests/unit/sound.h
tests_unit_test_keytone_LDADD = $(MEDIA_LIBS)
tests_unit_test_plane_keys_SOURCES = tests/unit/test-plane-keys.c tests/unit/plane-rig.c \
	tests/unit/plane-rig.h tests/unit/sound.c tests/unit/sound.h
tests_unit_test_plane_keys_LDADD = $(MEDIA_LIBS)
tests_unit_test_transcode_SOURCES = tests/unit/test-transcode.c tests/unit/plane-rig.c \
	tests/unit/plane-rig.h tests/unit/sound.c tests/unit/sound.h
tests_unit_test_transcode_LDADD = $(MEDIA_LIBS)

check_PROGRAMS += tests/unit/test-purity
TESTS += tests/unit/test-purity
tests_unit_test_purity_SOURCES = tests/unit/test-purity.c tests/unit/sound.c tests/unit/sound.h
tests_unit_test_purity_LDADD = $(MEDIA_LIBS)

check_PROGRAMS += tests/unit/test-ws
TESTS += tests/unit/test-ws
tests_unit_test_ws_SOURCES = tests/unit/test-ws.c tests/unit/fake-call.c tests/unit/fake-call.h
tests_unit_test_ws_LDADD = src/api/libapi.a $(LWS_LIBS) src/svc/libsvc.a sip/libsip.a $(USER_LIBS)

check_PROGRAMS += tests/unit/test-call tests/unit/test-line tests/unit/test-route
TESTS += tests/unit/test-call tests/unit/test-line tests/unit/test-route
tests_unit_test_line_SOURCES = tests/unit/test-line.c tests/unit/sip-raw.h tests/unit/sip-rig.h
tests_unit_test_line_LDADD = $(CALL_LIBS)
tests_unit_test_call_SOURCES = tests/unit/test-call.c
tests_unit_test_call_LDADD = $(CALL_LIBS)
tests_unit_test_route_SOURCES = tests/unit/test-route.c
tests_unit_test_route_LDADD = $(CALL_LIBS)

check_PROGRAMS += tests/unit/test-sip-header
TESTS += tests/unit/test-sip-header
tests_unit_test_sip_header_SOURCES = tests/unit/test-sip-header.c
tests_unit_test_sip_header_LDADD = $(SIP_LIBS)

check_PROGRAMS += tests/unit/test-enum
TESTS += tests/unit/test-enum
tests_unit_test_enum_SOURCES = tests/unit/test-enum.c
tests_unit_test_enum_LDADD = $(SIP_LIBS)

check_PROGRAMS += tests/unit/test-identity
TESTS += tests/unit/test-identity
tests_unit_test_identity_SOURCES = tests/unit/test-identity.c
tests_unit_test_identity_LDADD = $(CALL_LIBS)

check_PROGRAMS += tests/unit/test-numbers
TESTS += tests/unit/test-numbers
tests_unit_test_numbers_SOURCES = tests/unit/test-numbers.c
tests_unit_test_numbers_LDADD = $(CALL_LIBS)

check_PROGRAMS += tests/unit/test-ctl tests/unit/test-docs
TESTS += tests/unit/test-ctl tests/unit/test-docs
tests_unit_test_ctl_SOURCES = tests/unit/test-ctl.c
tests_unit_test_ctl_LDADD = src/admin/libadmin.a $(BASE_LIBS)
tests_unit_test_docs_SOURCES = tests/unit/test-docs.c
tests_unit_test_docs_LDADD = src/admin/libadmin.a $(BASE_LIBS)

check_PROGRAMS += tests/unit/test-peer
TESTS += tests/unit/test-peer
tests_unit_test_peer_SOURCES = tests/unit/test-peer.c tests/unit/dtls-client.c \
	tests/unit/dtls-client.h tests/unit/stun-msg.c tests/unit/stun-msg.h
tests_unit_test_peer_LDADD = $(WEBRTC_LIBS)

check_PROGRAMS += tests/unit/test-plane-carried tests/unit/test-candidate
TESTS += tests/unit/test-plane-carried tests/unit/test-candidate
tests_unit_test_plane_carried_SOURCES = tests/unit/test-plane-carried.c tests/unit/plane-rig.c \
	tests/unit/plane-rig.h
tests_unit_test_plane_carried_LDADD = $(MEDIA_LIBS)
tests_unit_test_candidate_SOURCES = tests/unit/test-candidate.c
tests_unit_test_candidate_LDADD = $(WEBRTC_LIBS)

check_PROGRAMS += tests/unit/test-full-ice
TESTS += tests/unit/test-full-ice
tests_unit_test_full_ice_SOURCES = tests/unit/test-full-ice.c tests/unit/dtls-client.c \
	tests/unit/dtls-client.h
tests_unit_test_full_ice_LDADD = $(WEBRTC_LIBS)

check_PROGRAMS += tests/unit/test-proto tests/unit/test-token
TESTS += tests/unit/test-proto tests/unit/test-token
tests_unit_test_proto_SOURCES = tests/unit/test-proto.c
tests_unit_test_proto_LDADD = src/api/libapi.a $(USER_LIBS)
tests_unit_test_token_SOURCES = tests/unit/test-token.c
tests_unit_test_token_LDADD = $(USER_LIBS)

check_PROGRAMS += tests/unit/test-quota
TESTS += tests/unit/test-quota
tests_unit_test_quota_SOURCES = tests/unit/test-quota.c
tests_unit_test_quota_LDADD = $(USER_LIBS)

check_PROGRAMS += tests/unit/test-session tests/unit/test-resume
TESTS += tests/unit/test-session tests/unit/test-resume
tests_unit_test_resume_SOURCES = tests/unit/test-resume.c tests/unit/fake-call.c tests/unit/fake-call.h
tests_unit_test_resume_LDADD = src/api/libapi.a src/svc/libsvc.a sip/libsip.a $(USER_LIBS)
tests_unit_test_session_SOURCES = tests/unit/test-session.c tests/unit/fake-call.c tests/unit/fake-call.h
tests_unit_test_session_LDADD = src/api/libapi.a src/svc/libsvc.a sip/libsip.a $(USER_LIBS)

SIP_TESTS = tests/unit/test-aka tests/unit/test-reginfo tests/unit/test-sip-loss tests/unit/test-sip-auth tests/unit/test-sip-login tests/unit/test-sip-event tests/unit/test-sip-refer tests/unit/test-sip-call tests/unit/test-sip-message \
	tests/unit/test-sip-raw tests/unit/test-sip-register \
	tests/unit/test-sip-reliable tests/unit/test-sip-resolve tests/unit/test-sip-restore \
	tests/unit/test-sip-stream \
	tests/unit/test-sip-timer tests/unit/test-sip-uri
check_PROGRAMS += $(SIP_TESTS)
TESTS += $(SIP_TESTS)
tests_unit_test_sip_login_SOURCES = tests/unit/test-sip-login.c
tests_unit_test_sip_login_LDADD = $(SIP_LIBS)
tests_unit_test_reginfo_SOURCES = tests/unit/test-reginfo.c
tests_unit_test_reginfo_LDADD = $(SIP_LIBS)
tests_unit_test_aka_SOURCES = tests/unit/test-aka.c
tests_unit_test_aka_LDADD = $(SIP_LIBS)
tests_unit_test_sip_auth_SOURCES = tests/unit/test-sip-auth.c
tests_unit_test_sip_auth_LDADD = $(SIP_LIBS)
tests_unit_test_sip_call_SOURCES = tests/unit/test-sip-call.c tests/unit/sip-rig.h
tests_unit_test_sip_call_LDADD = $(SIP_LIBS)
tests_unit_test_sip_loss_SOURCES = tests/unit/test-sip-loss.c tests/unit/sip-rig.h
tests_unit_test_sip_loss_LDADD = $(SIP_LIBS)
tests_unit_test_sip_message_SOURCES = tests/unit/test-sip-message.c tests/unit/sip-raw.h \
	tests/unit/sip-rig.h
tests_unit_test_sip_message_LDADD = $(SIP_LIBS)
tests_unit_test_sip_raw_SOURCES = tests/unit/test-sip-raw.c tests/unit/sip-raw.h tests/unit/sip-rig.h
tests_unit_test_sip_raw_LDADD = $(SIP_LIBS)
tests_unit_test_sip_register_SOURCES = tests/unit/test-sip-register.c tests/unit/sip-raw.h \
	tests/unit/sip-rig.h
tests_unit_test_sip_register_LDADD = $(SIP_LIBS)
tests_unit_test_sip_event_SOURCES = tests/unit/test-sip-event.c tests/unit/sip-raw.h tests/unit/sip-rig.h
tests_unit_test_sip_event_LDADD = $(SIP_LIBS)
tests_unit_test_sip_refer_SOURCES = tests/unit/test-sip-refer.c
tests_unit_test_sip_refer_LDADD = $(SIP_LIBS)
tests_unit_test_sip_reliable_SOURCES = tests/unit/test-sip-reliable.c tests/unit/sip-raw.h \
	tests/unit/sip-rig.h
tests_unit_test_sip_reliable_LDADD = $(SIP_LIBS)
tests_unit_test_sip_resolve_SOURCES = tests/unit/test-sip-resolve.c
tests_unit_test_sip_resolve_LDADD = $(SIP_LIBS)
tests_unit_test_sip_restore_SOURCES = tests/unit/test-sip-restore.c tests/unit/sip-raw.h \
	tests/unit/sip-rig.h
tests_unit_test_sip_restore_LDADD = $(SIP_LIBS)
tests_unit_test_sip_stream_SOURCES = tests/unit/test-sip-stream.c tests/unit/sip-certs.h \
	tests/unit/sip-rig.h
tests_unit_test_sip_stream_LDADD = $(SIP_LIBS)
tests_unit_test_sip_timer_SOURCES = tests/unit/test-sip-timer.c tests/unit/sip-raw.h \
	tests/unit/sip-rig.h
tests_unit_test_sip_timer_LDADD = $(SIP_LIBS)
tests_unit_test_sip_uri_SOURCES = tests/unit/test-sip-uri.c
tests_unit_test_sip_uri_LDADD = $(SIP_LIBS)

check_PROGRAMS += tests/unit/test-wss
TESTS += tests/unit/test-wss
tests_unit_test_wss_SOURCES = tests/unit/test-wss.c tests/unit/fake-call.c tests/unit/fake-call.h
tests_unit_test_wss_LDADD = src/api/libapi.a $(LWS_LIBS) src/svc/libsvc.a sip/libsip.a $(USER_LIBS)

check_PROGRAMS += tests/unit/test-gateway
TESTS += tests/unit/test-gateway
tests_unit_test_gateway_SOURCES = tests/unit/test-gateway.c $(GATEWAY_SOURCES)
tests_unit_test_gateway_LDADD = $(GATEWAY_LIBS)

check_PROGRAMS += tests/unit/test-quality tests/unit/test-plane-quiet
TESTS += tests/unit/test-quality tests/unit/test-plane-quiet
tests_unit_test_quality_SOURCES = tests/unit/test-quality.c
tests_unit_test_quality_LDADD = $(CALL_LIBS)
tests_unit_test_plane_quiet_SOURCES = tests/unit/test-plane-quiet.c tests/unit/plane-rig.c \
	tests/unit/plane-rig.h
tests_unit_test_plane_quiet_LDADD = $(MEDIA_LIBS)

check_PROGRAMS += tests/unit/test-repair tests/unit/test-report tests/unit/test-picture \
	tests/unit/test-plane-video
TESTS += tests/unit/test-repair tests/unit/test-report tests/unit/test-picture \
	tests/unit/test-plane-video
tests_unit_test_repair_SOURCES = tests/unit/test-repair.c
tests_unit_test_repair_LDADD = $(MEDIA_LIBS)
tests_unit_test_report_SOURCES = tests/unit/test-report.c
tests_unit_test_report_LDADD = $(MEDIA_LIBS)
tests_unit_test_picture_SOURCES = tests/unit/test-picture.c
tests_unit_test_picture_LDADD = $(CALL_LIBS)
tests_unit_test_plane_video_SOURCES = tests/unit/test-plane-video.c tests/unit/plane-rig.c \
	tests/unit/plane-rig.h
tests_unit_test_plane_video_LDADD = $(MEDIA_LIBS)

check_PROGRAMS += tests/unit/test-streams
TESTS += tests/unit/test-streams
tests_unit_test_streams_SOURCES = tests/unit/test-streams.c
tests_unit_test_streams_LDADD = $(CALL_LIBS)

check_PROGRAMS += tests/unit/test-policy
TESTS += tests/unit/test-policy
tests_unit_test_policy_SOURCES = tests/unit/test-policy.c
tests_unit_test_policy_LDADD = $(CALL_LIBS)

check_PROGRAMS += tests/unit/test-sound tests/unit/test-plane-early
TESTS += tests/unit/test-sound tests/unit/test-plane-early
tests_unit_test_sound_SOURCES = tests/unit/test-sound.c tests/unit/sound.c tests/unit/sound.h
tests_unit_test_sound_LDADD = $(MEDIA_LIBS)
tests_unit_test_plane_early_SOURCES = tests/unit/test-plane-early.c tests/unit/plane-rig.c \
	tests/unit/plane-rig.h tests/unit/sound.c tests/unit/sound.h
tests_unit_test_plane_early_LDADD = $(MEDIA_LIBS)

check_PROGRAMS += tests/unit/test-precond
TESTS += tests/unit/test-precond
tests_unit_test_precond_SOURCES = tests/unit/test-precond.c
tests_unit_test_precond_LDADD = $(MEDIA_LIBS)

check_PROGRAMS += tests/unit/test-passport
TESTS += tests/unit/test-passport
tests_unit_test_passport_SOURCES = tests/unit/test-passport.c tests/unit/passport-rig.h
tests_unit_test_passport_LDADD = $(USER_LIBS)

check_PROGRAMS += tests/unit/test-fetch
TESTS += tests/unit/test-fetch
tests_unit_test_fetch_SOURCES = tests/unit/test-fetch.c
tests_unit_test_fetch_LDADD = $(FETCH_LIBS) $(BASE_LIBS)
