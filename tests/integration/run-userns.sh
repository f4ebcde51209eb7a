#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# overmount run for an ordinary user, through a user namespace.
. "${top_srcdir:-.}/tests/integration/lib.sh" || exit 99
om_start "$@"

user() { setpriv --reuid 1234 --regid 1234 --clear-groups "$@"; }
user unshare -Um true 2>/dev/null || skip_all "an ordinary user may not make user namespaces here"
cp "$OVERMOUNT" overmount # the build directory may be closed to others
user ./overmount --version >/dev/null || skip_all "the program cannot be executed by others"
base_tree tree 100
make_squashfs tree
make_snap snap
printf 'name: app\nlayout:\n  /usr/share/foo:\n    bind: $SNAP/usr/share/foo\n' >snap.yaml
for strategy in overlay mimic; do
	run=(user ./overmount run --root base --strategy "$strategy" --layout snap.yaml --snap snap --)
	is "$strategy: the file is seen" "$("${run[@]}" cat /usr/share/foo/hello 2>&1)" hello
	is "$strategy: the user is the user" "$("${run[@]}" id -u 2>&1)" 1234
	is "$strategy: a sibling is seen" "$("${run[@]}" cat /usr/share/dir10/content 2>&1)" 10
	"${run[@]}" cat /usr/share/closed/secret >/dev/null 2>&1 &&
		not_ok "$strategy: what is closed stays closed" || ok "$strategy: what is closed stays closed"
done
out=$(user "$TOOLS/enosys" 4.4 -- ./overmount run --root base --layout snap.yaml --snap snap \
	-- cat /usr/share/foo/hello 2>&1)
is "with mount(2) alone" "$out" hello
# A user that may not make user namespaces is told so, on one line with a way out.
cat >forbidden <<'S'
echo 0 >/proc/sys/user/max_user_namespaces
exec setpriv --bounding-set -all ./overmount run --root base --layout snap.yaml --snap snap -- true
S
out=$(user unshare -Ur sh forbidden 2>&1)
[[ $out == *"user.max_user_namespaces is 0"*"fix: "* ]] && ok "what forbids user namespaces is named" ||
	not_ok "what forbids user namespaces is named" "$out"
plan_end
