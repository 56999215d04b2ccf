#!/bin/sh
# SPDX-License-Identifier: MIT
# edgedrnn-vectors on cases made by the references, and on cases that are broken.
# usage: test_cases.sh EDGEDRNN_VECTORS MAKE_CASES GOOD_CASE
set -eu

vectors=$1 make_cases=$2 good=$3
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

mkdir "$dir/made"
"$make_cases" "$dir/made" 40
"$vectors" "$dir/made"
[ "$("$vectors" "$dir/made" | grep -c ' ok$')" = 40 ]

# refused WHAT WORDS: $dir/case must fail with these words, and only by exit status 1.
refused() {
	out=$("$vectors" "$dir/case" 2>&1) && status=0 || status=$?
	if [ "$status" != 1 ] || ! printf '%s\n' "$out" | grep -q "^case FAIL: .*$2"; then
		echo "$1: status $status, \"$out\", wanted \"$2\"" >&2
		exit 1
	fi
	echo "$1: $out"
}

broken() {
	rm -rf "$dir/case"
	cp -r "$good" "$dir/case"
}

# set_byte FILE OFFSET OCTAL
set_byte() {
	printf '%b' "\\0$3" | dd of="$dir/case/$1" bs=1 seek="$2" conv=notrunc 2>/dev/null
}

edit() {
	sed -i "$1" "$dir/case/$2"
}

broken; set_byte outputs.npy 1000 125; refused "an output bit" 'memory ideal: step [0-9]*, output [0-9]*: .* wanted is'
broken; edit '50s/,[0-9]*$/,1/' cycles.csv; refused "a cycle count" 'memory n1_l64_q1: step 48: [0-9]* cycles, wanted are 1'
broken; edit '30s/,[0-9]*$/,99/' counts.csv; refused "a count" 'step 28, layer 1: fetched .* and 99'
broken; edit 's/thx,0/thx,8/' config.csv; refused "a threshold" 'memory ideal: step'
broken; edit 's/hidden_1,16/hidden_1,20/' config.csv; refused "a size the outputs do not have" 'the shape is not'
broken; edit 's/input_size,8/input_size,6/' config.csv; refused "a size the engine lacks" 'layer sizes that the engine cannot run'
broken; edit 's/num_layers,1/num_layers,9/' config.csv; refused "too many layers" 'num_layers is 9, it must be 1 to 4'
broken; edit '/weight_base/d' config.csv; refused "no weight base" 'the key weight_base is missing'
broken; edit 's/thh,0/thh,zero/' config.csv; refused "no number" 'the key thh is missing or no integer'
broken; edit 's/thh,0/thh/' config.csv; refused "no pair" 'not "key,value"'
broken; rm "$dir/case/weights.npy"; refused "no weights" 'weights.npy: cannot open it'
broken; head -c 1000 "$good/weights.npy" >"$dir/case/weights.npy"; refused "weights cut off" 'cut off'
broken; head -c 20 "$good/inputs.npy" >"$dir/case/inputs.npy"; refused "header cut off" 'header'
broken; cp "$good/inputs.npy" "$dir/case/weights.npy"; refused "wrong type" 'int16 where int8 is wanted'
broken; cp "$good/config.csv" "$dir/case/inputs.npy"; refused "no npy" 'not a .npy file'
broken; : >"$dir/case/cycles.csv"; refused "empty table" 'cycles.csv, line 1: the file is empty'
broken; edit '20s/,.*//' cycles.csv; refused "short row" 'cycles.csv, line 20: fewer values'
broken; edit '20s/$/,1/' counts.csv; refused "long row" 'counts.csv, line 20: more values'
broken; edit '20s/,[0-9]*$/,x/' counts.csv; refused "no integer" 'counts.csv, line 20: a value that is no integer'
broken; edit '20d' counts.csv; refused "missing row" 'counts.csv: no row for step 18'
broken; edit '1s/n2_l0_q4/n2_l0/' cycles.csv; refused "unknown memory" 'is no memory setting'
broken; edit '1s/n2_l0_q4/n99999999_l0_q4/' cycles.csv; refused "impossible memory" 'no device with the memory setting'
broken; edit '1s/dx_l1/xx/' counts.csv; refused "missing column" 'a column of bias_l1, dx_l1, dh_l1 is missing'
broken; printf 't,thx\n1,2\n' >"$dir/case/thresholds.csv"; refused "half a threshold table" 'the column thh is missing'
broken; rm -r "$dir/case/config.csv"; mkdir "$dir/case/config.csv"; refused "a directory" 'config.csv: cannot read it'

# Results that nobody can read are none.
if "$vectors" "$good" >/dev/full 2>"$dir/full" || ! grep -q 'standard output: cannot write' "$dir/full"; then
	echo "a full disk was not noticed" >&2
	exit 1
fi

# Nothing to test is a failure too; so is one bad case among good ones.
if "$vectors" "$dir/made/m00" "$dir/nowhere" >/dev/null || "$vectors" "$good" "$dir/case" >/dev/null; then
	echo "a bad directory was taken for good" >&2
	exit 1
fi
