EXTRA_DIST += etc/packages.sh .ci/run \
	tests/lint tests/suite tests/lib tests/system tests/ims tests/browser tests/.npmrc tests/package.json tests/package-lock.json
