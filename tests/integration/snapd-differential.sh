#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# snapd's own snap-update-ns and ours, started the same way in namespaces that are the same: layouts
# of the corpus, updates from one version of them to another, and random profiles.  What is there
# afterwards is compared name by name, also by trying to write; what differs must be in
# tests/snapd/differences.txt.  A sample in make check, OM_DIFFERENTIAL=full: all of the corpus and
# 2,000 random profiles, OM_DIFFERENTIAL_SEED=N for others.
. "${top_srcdir:-.}/tests/integration/lib.sh" || exit 1
tool=$top_builddir/static/snap-update-ns
[ -x "$tool" ] || skip_all "no static program (scripts/build --static)"
package=$("${top_srcdir:-.}/scripts/unpacked" snapd 2>/dev/null) || skip_all "no package snapd"
theirs=$package/usr/lib/snapd/snap-update-ns
[ -x "$theirs" ] || skip_all "no snap-update-ns in the package snapd"
python=$(command -v python3) || skip_all "python3 is missing"
om_start "$@"
# Whoever builds it anew meanwhile does not get in the way.
cp "$tool" ours && tool=$work/ours

# differential OPTION...: $out has what it said, and err what was wrong.
differential() {
	out=$(timeout 3600 "$python" "$top_srcdir/tests/snapd/differential.py" \
		"$top_builddir/tests/snapd/world" "$theirs" "$1" "$OVERMOUNT" \
		"$top_srcdir/tests/corpus" "${@:2}" 2>err)
}
differential "$tool" --control --corpus 4 --versions 0 --random 12 --seed 7
case $out in
*[0-9]' tried, 0 not noticed')
	ok "control: whatever is otherwise is noticed: $out"
	[ "${out%% *}" -gt 1000 ] || not_ok "control: something was tried: $out" ;;
*) not_ok "control: whatever is otherwise is noticed" "$out"$'\n'"$(<err)" ;;
esac
# One that does nothing leaves out everything.
cat >nothing.c <<'C'
int main(void) { return 0; }
C
if ${CC:-cc} -static -o nothing nothing.c 2>/dev/null; then
	differential ./nothing --corpus 3 --versions 0 && not_ok "control: a tool that does nothing is noticed" "$out" ||
		ok "control: a tool that does nothing is noticed"
else
	skip "control: a tool that does nothing" "no compiler here"
fi
seed=${OM_DIFFERENTIAL_SEED:-1}
if [ "${OM_DIFFERENTIAL:-}" = full ]; then
	differential "$tool" --all --random 2000 --seed "$seed"
else
	differential "$tool" --corpus 25 --versions 15 --random 30 --seed "$seed"
fi && ok "both leave the same: $out" || not_ok "both leave the same: $out" "$(<err)"
plan_end
