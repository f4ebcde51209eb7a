#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The matrix with real machines: what is blessed passes, and what is made wrong on purpose turns
# exactly the cells that it must.
. "${top_srcdir:-.}/tests/integration/lib.sh" || exit 99
. "${top_srcdir:-.}/tests/matrix/lib.sh" || exit 99

cells='first-start,core16,no-overlay,container'
# matrix ARGUMENT...: runs the cells on 5.10, judged by what was blessed here.
matrix() {
	"$matrix_dir/run" --kernels 5.10 --cells "$cells" --jobs 1 --expectations "$work/expect" \
		--results "$work/results" "$@" >"$work/out" 2>&1
}
# Which cells have that verdict, by the strict reader of KTAP.
told() {
	matrix_python "$top_srcdir/tests/matrix/ktap.py" "$work/results/results.ktap" |
		sed -n "s/^$1 5.10 //p" | sed 's/ *$//' | xargs
}
with_verdict() {
	matrix_python -c 'import json, sys
for kernel in json.load(open(sys.argv[1]))["kernels"]:
    print(*(c["cell"] for c in kernel["cells"] if c["verdict"] == sys.argv[2]))' \
		"$work/results/results.json" "$1"
}

matrix_start 5.10
matrix --bless
is "all cells pass" "$? $(with_verdict PASS)" "0 first-start no-overlay container core16"
is "KTAP says the same" "$(told ok)" "first-start no-overlay container core16"
is "overlay was mounted, but where there is none" \
	"$(grep -cE '^\| (first-start|container|core16) \| om \|' "$work/results/summary.md") $(grep -cE '^\| no-overlay \| m \|' "$work/results/summary.md")" "3 1"
matrix --no-times
is "and pass again, by what was blessed" "$? $(with_verdict PASS)" "0 first-start no-overlay container core16"
cp -r "$work/results" "$work/first"
matrix --no-times
is "two runs leave the same documents" \
	"$(diff -r -x 'console*' "$work/first" "$work/results" 2>&1)" ""
grep -q times "$work/results/results.json" && not_ok "no times are in them" || ok "no times are in them"

matrix --without overlay
is "control: without overlay" "$? FAIL: $(with_verdict FAIL) PASS: $(with_verdict PASS)" \
	"1 FAIL: first-start container core16 PASS: no-overlay"
grep -q "was tried, is skipped: this kernel has no overlay" "$work/out" && ok "control: and why" ||
	not_ok "control: and why" "$(cat "$work/out")"
matrix --mask openat2,mount_setattr
is "control: calls that are missing" "$? FAIL: $(with_verdict FAIL) PASS: $(with_verdict PASS)" \
	"1 FAIL: first-start no-overlay container PASS: core16"
grep -q "regression: fact openat2 was yes, is no" "$work/out" && ok "control: and which" ||
	not_ok "control: and which" "$(cat "$work/out")"

cp "$work/expect/5.10.yaml" "$work/saved"
awk '/^  core16:/ { own = 1 } own && sub(/mimic: applied/, "mimic: refused mimic-limit, auto: applied") { own = 0 } 1' \
	"$work/saved" >"$work/expect/5.10.yaml"
cmp -s "$work/saved" "$work/expect/5.10.yaml" && not_ok "control: an expectation is made wrong"
matrix
is "control: a wrong expectation" "$? FAIL: $(with_verdict FAIL)" "1 FAIL: core16"
matrix --bless
matrix
is "blessed again, all is well" "$? $(diff "$work/saved" "$work/expect/5.10.yaml")" "0 "

echo 'sed -i "s/^dir=/case \$* in *surface=4.4*) echo c >\/proc\/sysrq-trigger ;; esac; dir=/" /matrix/run/cell.sh' >"$work/panic"
matrix --setup "$work/panic"
is "a panic in a cell is its own miss" "$? MISS: $(with_verdict MISS) PASS: $(with_verdict PASS)" \
	"1 MISS: core16 PASS: first-start no-overlay container"
grep -q "Kernel panic" "$work/out" && ok "with the last lines of the console" ||
	not_ok "with the last lines of the console" "$(cat "$work/out")"
is "KTAP calls it a miss" "$(told 'not ok' | sed 's/ in this cell.*//')" "core16 MISS: the machine ended"
echo 'echo c >/proc/sysrq-trigger' >"$work/panic"
matrix --setup "$work/panic"
is "a panic at the start is a miss of all" "$? $(with_verdict MISS)" "1 first-start no-overlay container core16"
echo 'sleep 10000' >"$work/hang"
start=$SECONDS
matrix --setup "$work/hang" --timeout 40
is "a machine that hangs is a miss" "$? $(with_verdict MISS)" "1 first-start no-overlay container core16"
[ $((SECONDS - start)) -lt 90 ] && ok "soon after its limit" || not_ok "soon after its limit" "$((SECONDS - start)) s"
grep -q "was silent for 40 seconds" "$work/out" && ok "which is told" || not_ok "which is told" "$(cat "$work/out")"

kernel=$("$matrix_dir/fetch" 5.10)
"$matrix_dir/run" --kernel "$kernel/vmlinuz" --modules "$kernel/lib/modules/$(cat "$kernel/release")" \
	--cells container --expectations "$work/expect" --results "$work/results" >"$work/out" 2>&1
is "a kernel of one's own, by what is expected of its line" \
	"$? $(with_verdict PASS) $(grep -c '"expected": "5.10"' "$work/results/results.json")" "0 container 1"
plan_end
