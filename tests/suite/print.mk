# The test programs in which threads meet: everything that links the loop, the workers or WebRTC.
print-threaded:
	@echo $(filter tests/unit/test-%,$(TESTS))
