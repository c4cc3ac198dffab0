print-fuzz:
	@printf '%s\n' $(filter tests/fuzz/fuzz-%,$(check_PROGRAMS) $(noinst_PROGRAMS))
