# SPDX-License-Identifier: MIT
#
# Only forwards to scripts/ and to meson; `make help` lists what there is.

.PHONY: all demo check check-all vm-demo bench figures install-deps qemu kernels module guest clean distclean help

all:		## build the host programs into build/
	@scripts/build-host

demo:		## compile a trained network and run it on the device model
	@scripts/install-deps host
	@scripts/build-host
	@scripts/demo

check:		## build everything and run every test
	@scripts/check

check-all:	## the same, and what takes longer
	@scripts/check --all

vm-demo:	## the demo through the driver, on the virtual card
	@scripts/install-deps check
	@scripts/vm-demo

bench:		## measure the runtime and the device model
	@scripts/build-host
	@scripts/bench

figures:	## published figures of the convolution engine, and what DRAM parts allow, next to the model's
	@scripts/build-host
	@scripts/bench --figures

install-deps:	## install every Debian package that is needed
	@scripts/install-deps check

qemu:		## build QEMU with our device
	@scripts/build-qemu

kernels:	## build or fetch the two kernels for tests
	@scripts/build-kernel stock
	@scripts/build-kernel debug

module:		## build deltahop.ko for both kernels
	@scripts/build-module stock
	@scripts/build-module debug

guest:		## pack the test guest for both kernels
	@scripts/build-guest stock
	@scripts/build-guest debug

clean:		## remove build/, keep the cache
	@rm -rf build

distclean: clean	## remove the cache as well
	@rm -rf "$${DELTAHOP_CACHE:-$${XDG_CACHE_HOME:-$$HOME/.cache}/deltahop}"

help:
	@sed -n 's/^\([a-z-]*\):[^#]*## /\1	/p' Makefile | expand -t 16
