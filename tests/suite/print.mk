# What the suites ask a configured build directory.
print-threaded:
	@echo $(filter tests/unit/test-%,$(TESTS))
print-peers:
	@echo $(filter tests/peer/%,$(noinst_PROGRAMS) $(check_PROGRAMS))
print-fuzz:
	@printf '%s\n' $(filter tests/fuzz/fuzz-%,$(check_PROGRAMS) $(noinst_PROGRAMS))
