# shellcheck shell=bash
# SPDX-License-Identifier: MIT
#
# What every script here shares: progress, one-line errors, the cache, and a
# private apt that leaves the machine's own configuration alone.
#
# Environment:
#	DELTAHOP_CACHE	where sources and big builds are kept
#			(default: $XDG_CACHE_HOME/deltahop or ~/.cache/deltahop)
#	DELTAHOP_BUILD	the build folder (default: build, in the repository)
#	JOBS		parallel jobs (default: the number of processors)

set -euo pipefail

# Another python or compiler that a user has put first must not leak in.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL=C.UTF-8
unset MAKEFLAGS MFLAGS MAKELEVEL CFLAGS CPPFLAGS LDFLAGS

TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
BUILD=${DELTAHOP_BUILD:-$TOP/build}
CACHE=${DELTAHOP_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/deltahop}
LOGS=$BUILD/logs
JOBS=${JOBS:-$(nproc)}
mkdir -p "$CACHE" "$LOGS" 2>/dev/null ||
	{ echo "error: cannot create $CACHE or $LOGS: check their permissions" >&2; exit 1; }

say()
{
	printf '==> %s\n' "$*"
}

die()
{
	printf 'error: %s\n' "$*" >&2
	exit 1
}

# explain TEXT LOG: end with the reason that a log gives, in one line if known
explain()
{
	if grep -qE 'Temporary failure resolving|Could not (resolve|connect)|Unable to connect|no network' "$2"; then
		die "no network: $1 could not reach the mirror (see $2)"
	elif grep -q 'No space left on device' "$2"; then
		die "disk full: $1 found no space left (see $2)"
	fi
	tail -n 15 "$2" >&2
	die "failed: $1 (whole output: $2)"
}

# step TEXT LOG COMMAND...: run with the output in build/logs/LOG; say the
# time it took if over ten seconds, and the last lines of the log on failure
step()
{
	local text=$1 log=$LOGS/$2 start=$SECONDS status=0
	shift 2

	say "$text"
	# not in a condition: there bash would ignore errors inside functions
	set +e
	( set -e; "$@" ) >"$log" 2>&1 </dev/null
	status=$?
	set -e
	[ $status = 0 ] || explain "$text" "$log"
	if ((SECONDS - start > 10)); then
		say "$text: done in $((SECONDS - start)) s"
	fi
}

# need_space MIB FOLDER: the disk must have that much left
need_space()
{
	local free

	free=$(df -Pm "$2" | awk 'NR == 2 { print $4 }')
	((free >= $1)) ||
		die "disk full: $2 has $free MiB free, $1 MiB are needed; free some space or set DELTAHOP_CACHE"
}

# need_tools NAME...: programs that scripts/install-deps would have installed
need_tools()
{
	local tool

	for tool; do
		command -v "$tool" >/dev/null ||
			die "'$tool' is not installed: run 'make install-deps' first"
	done
}

# hash_of FILE-OR-TEXT...: a short hash of the files' contents and the texts
hash_of()
{
	local item

	for item; do
		if [ -f "$item" ]; then
			sha256sum <"$item"
		else
			printf '%s\n' "$item"
		fi
	done | sha256sum | cut -c 1-12
}

# with_lock NAME COMMAND...: one at a time, over all checkouts on this machine
with_lock()
{
	local lock=$CACHE/$1.lock fd

	shift
	exec {fd}>"$lock"
	flock -n "$fd" || { say "waiting for another build (${lock##*/})"; flock "$fd"; }
	"$@"
	exec {fd}>&-
}

# cached NAME KEY FUNCTION: set CACHED to the folder that FUNCTION <folder>
# fills. It is filled under another name and renamed when complete.
cached()
{
	local folder=$CACHE/$1-$2

	[ -d "$folder" ] || with_lock "$1" fill_cache "$folder" "$3"
	# shellcheck disable=SC2034 # the caller's
	CACHED=$folder
}

fill_cache()
{
	[ ! -d "$1" ] || return 0
	rm -rf "$1.part"
	mkdir -p "$1.part"
	"$2" "$1.part"
	mv "$1.part" "$1"
}

# --- apt, without touching the system's lists ------------------------------

debian_codename()
{
	local name

	name=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
	case $name in
	bookworm|trixie) echo "$name" ;;
	*) die "this is not Debian 12 or 13 (${name:-unknown}): only those are supported" ;;
	esac
}

# mirror_of SUITE: the URI that the system's own sources give for a suite
mirror_of()
{
	apt-get update --print-uris 2>/dev/null |
		sed -n "s,^'\(.*\)/dists/$1/InRelease'.*,\1,p" | head -n 1
}

# set MIRROR and SECURITY_MIRROR
find_mirrors()
{
	local name

	name=$(debian_codename)
	MIRROR=$(mirror_of "$name")
	MIRROR=${MIRROR:-$(mirror_of stable)}
	[ -n "$MIRROR" ] || die "no Debian mirror for $name in /etc/apt/sources.list*: add one"
	SECURITY_MIRROR=$(mirror_of "$name-security")
	SECURITY_MIRROR=${SECURITY_MIRROR:-$MIRROR-security}
}

# private_apt COMMAND...: apt-get or apt-cache on our own lists, in $APT_DIR
private_apt()
{
	local tool=$1

	shift
	"$tool" -q -o Dir::Etc::SourceList="$APT_DIR/sources.list" -o Dir::Etc::SourceParts=/dev/null \
		-o Dir::State::Lists="$APT_DIR/lists" -o Dir::Cache="$APT_DIR" \
		-o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= \
		-o APT::Sandbox::User="$(id -un)" -o Acquire::Languages=none \
		-o Acquire::Retries=3 -o APT::Update::Error-Mode=any "$@"
}

# open_apt: fresh lists of the suites that sources and kernels come from
open_apt()
{
	APT_DIR=$CACHE/apt
	with_lock apt update_apt
}

update_apt()
{
	local stamp=$APT_DIR/updated

	[ -z "$(find "$stamp" -mmin -120 2>/dev/null)" ] || return 0
	need_tools apt-get
	find_mirrors
	mkdir -p "$APT_DIR/lists/partial" "$APT_DIR/archives/partial"
	printf '%s\n' "deb $MIRROR trixie main" "deb-src $MIRROR trixie main" \
		"deb $SECURITY_MIRROR bookworm-security main" >"$APT_DIR/sources.list"
	say "reading package lists from $MIRROR"
	private_apt apt-get update >"$LOGS/apt-update.log" 2>&1 ||
		die "no network: cannot read the package lists of $MIRROR (see $LOGS/apt-update.log)"
	touch "$stamp"
}

# version_of PACKAGE SUITE: what the mirror has
version_of()
{
	private_apt apt-cache madison "$1" | awk -F' *[|] *' -v s="$2/" \
		'index($3, s) && !/Sources/ { print $2; exit }'
}

# fetch_deb PACKAGE=VERSION FOLDER: download a binary package
fetch_deb()
{
	( cd "$2" && private_apt apt-get download "$1" ) ||
		die "no network: cannot fetch the package $1"
}

# build_card: the programs, and what a guest with Debian's own kernel needs for them
build_card()
{
	"$TOP/scripts/build-host"
	"$TOP/scripts/build-qemu"
	"$TOP/scripts/build-kernel" stock
	"$TOP/scripts/build-module" stock
	"$TOP/scripts/build-guest" stock
}

# --- results of tests -----------------------------------------------------

# count_results NAME FILE...: print the counts of TAP, KTAP or JUnit files in
# the form that scripts/check sums up; false if anything failed
count_results()
{
	local name=$1 status=0 counts

	counts=$("$TOP/scripts/tap-count" "${@:2}") || status=1
	say "$name: $(sed 's/^.*: //; s/[a-z,]//g' <<<"$counts" |
		awk '{ p += $1; f += $2; s += $3 } END { printf "%d passed, %d failed, %d skipped", p, f, s }')"
	return $status
}

# Releases of LLVM differ in how they format and what they find; one decides.
LLVM=14

# llvm_major TOOL: the number of its release
llvm_major()
{
	"$1" --version | sed -n 's/.*version \([0-9]*\)\..*/\1/p' | head -n 1
}
