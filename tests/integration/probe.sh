#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Facts: which depend on which system call, what an ordinary user is told, the cache,
# saving and comparing.
. "${top_srcdir:-.}/tests/integration/lib.sh" || exit 99
om_start "$@"

# states COMMAND...: FACT STATE, a line each.
states() { "$@" 2>/dev/null | awk 'NR > 1 { print $1, $2 }'; }
# flips CALLS: the facts that are otherwise when these calls answer ENOSYS.  The filter
# itself sets no_new_privs, so the base has a filter too.
flips() {
	diff <(printf '%s\n' "$base_states") <(states "$TOOLS/enosys" "$1" -- "$OVERMOUNT" probe) |
		awk '/^>/ { printf "%s=%s ", $2, $3 }'
}

"$OVERMOUNT" probe >facts.out || not_ok "probe" "$(cat facts.out)"
base_states=$(states "$TOOLS/enosys" fspick -- "$OVERMOUNT" probe)
fd_layers="overlay.lowerdir-plus=no overlay.layer-fd=no overlay.detached-lower=no "
# What each call is for, as the kernel's documentation has it, not as the program says.
declare -A expected=(
	[statx]="mount-api.mount-id=no mount-api.unique-id=no "
	[open_tree]="mount-api.open-tree=no mount-api.fd=no "
	[move_mount]="mount-api.move-mount=no mount-api.fd=no mount-api.detached-nesting=no mount-api.move-beneath=no "
	[fsopen]="mount-api.fsopen=no mount-api.fd=no $fd_layers"
	[fsconfig]="mount-api.fsopen=no mount-api.fd=no $fd_layers"
	[fsmount]="mount-api.fsopen=no mount-api.fd=no $fd_layers"
	[mount_setattr]="mount-api.setattr=no "
	[statmount]="mount-api.statmount=no "
	[listmount]="mount-api.listmount=no "
	[openat2]="openat2=no "
	[close_range]="close-range=no "
	[clone3]=""
	[faccessat2]=""
	[open_tree_attr]=""
	[4.4]="mount-api.open-tree=no mount-api.fsopen=no mount-api.move-mount=no mount-api.fd=no mount-api.detached-nesting=no mount-api.move-beneath=no mount-api.setattr=no mount-api.mount-id=no mount-api.unique-id=no mount-api.statmount=no mount-api.listmount=no openat2=no close-range=no $fd_layers"
)
# A kernel that lacks a call already cannot lose it: leave out what is not YES here.
only_yes() {
	local pair
	for pair in $1; do
		grep -qx "${pair%=*} yes" <<<"$base_states" && printf '%s ' "$pair"
	done
}
for call in "${!expected[@]}"; do
	is "without $call exactly its facts change" "$(flips "$call")" "$(only_yes "${expected[$call]}")"
done
[ "$(flips statmount)" != "$(flips listmount)" ] && ok "control: flips differ" || not_ok "control: flips differ"

# --- an ordinary user ------------------------------------------------------------------

chmod 0755 .
ordinary=(setpriv --reuid 65534 --regid 65534 --clear-groups --bounding-set -all)
states "${ordinary[@]}" "$OVERMOUNT" probe >user.out
is "an ordinary user gets every fact" "$(wc -l <user.out)" "$(($(wc -l <facts.out) - 1))"
no_less() { join <(states cat facts.out | sort) <(sort user.out) | awk '$2 != "no" && $3 == "no" { print $1 }' | grep -v '^userns.create$'; }
is "what could not be tried is unknown, not no" "$(no_less)" ""
is "mounting could not be tried" "$(awk '$2 == "unknown" && /^(mount-api.fd|overlay.ro) / { print $1 }' user.out | tr '\n' ' ')" \
	"mount-api.fd overlay.ro "
sed -i 's/^overlay.ro unknown/overlay.ro no/' user.out
is "control: a false NO is seen" "$(no_less)" "overlay.ro"

# --- the kernel's log ------------------------------------------------------------------

# TAP lines of other tests that run now may be there: what this one writes names overlay.
if dmesg >log.before 2>/dev/null; then
	"$OVERMOUNT" probe >/dev/null
	dmesg >log.after
	said=$(diff log.before log.after | grep '^>' | grep -iE 'overlay|tmpfs|mount')
	if [ "$(awk '$2 != "yes" && /^overlay/ && !/nosuid|label/' facts.out)" = "" ]; then
		is "nothing in the kernel's log" "$said" ""
	else
		skip "nothing in the kernel's log" "this kernel lacks something, and may say so"
	fi
else
	skip "nothing in the kernel's log" "the log cannot be read"
fi

# --- the cache -------------------------------------------------------------------------

if command -v strace >/dev/null; then
	children() { strace -f -qq -e trace=clone,clone3,fork,vfork -o trace "$@" >/dev/null; wc -l <trace; }
	echo 'tmpfs /mnt/base tmpfs defaults 0 0' >p.fstab
	rm -f state/facts
	children "$OVERMOUNT" plan --state state p.fstab >n
	[ "$(cat n)" -gt 0 ] && ok "without a cache a child probes" || not_ok "without a cache a child probes"
	is "with a cache there is no child" "$(children "$OVERMOUNT" plan --state state p.fstab)" 0
else
	skip "cache" "strace is missing"
	"$OVERMOUNT" probe --state state >/dev/null
fi
# cached SHOULD: does this cache serve?  It is made to lie first, so that use is seen.
lie() {
	rm -rf state/facts
	"$OVERMOUNT" probe --state state >/dev/null
	cp state/facts cache
}
lie
uses_cache() { cmp -s cache state/facts; }
"$OVERMOUNT" probe --cached --state state >out
uses_cache && ok "a good cache is used and left as it is" || not_ok "a good cache is used and left as it is"
is "cached facts are the facts" "$(grep -v mounts-left out)" "$(grep -v mounts-left facts.out)"
# rebuilt WHAT COMMAND...: after the command spoilt it, facts are right and the cache is ours.
rebuilt() {
	local what=$1
	shift
	lie
	"$@" || not_ok "cannot spoil the cache: $what"
	"$OVERMOUNT" probe --cached --state state >out 2>err
	is "cache that $what: the facts are right" "$? $(grep -v mounts-left out)$(cat err)" "0 $(grep -v mounts-left facts.out)"
	cmp -s cache state/facts && [ ! -L state/facts ] && [ "$(stat -c '%u %a %h' state/facts)" = "0 600 1" ] &&
		ok "cache that $what: it is made anew" || not_ok "cache that $what: it is made anew" "$(ls -la state)"
}
cat >spoil <<'EOS'
case $1 in
flip) printf X | dd of=state/facts bs=1 seek="$2" conv=notrunc status=none ;;
cut) truncate -s "$2" state/facts ;;
esac
EOS
rebuilt "is corrupt at its start" sh spoil flip 0
rebuilt "is corrupt in the middle" sh spoil flip 900
rebuilt "is cut" sh spoil cut 700
rebuilt "is empty" sh spoil cut 0
rebuilt "belongs to somebody else" chown 65534 state/facts
rebuilt "others may write" chmod 0666 state/facts
rebuilt "is a link" sh -c 'mv state/facts moved && ln -s ../moved state/facts'
rebuilt "is a second name" ln state/facts second
rm -f second moved
is "another filter of system calls, another answer" \
	"$("$TOOLS/enosys" openat2 -- "$OVERMOUNT" probe --cached --state state | awk '$1 == "openat2" { print $2 }')" no

# --- saving, comparing, planning elsewhere ---------------------------------------------

"$OVERMOUNT" probe --save one.yaml
is "--save and --facts show the same" "$("$OVERMOUNT" probe --facts one.yaml | grep -v mounts-left)" "$(grep -v mounts-left facts.out)"
"$OVERMOUNT" probe --facts one.yaml --save two.yaml
cmp one.yaml two.yaml && ok "a saved file is saved byte by byte" || not_ok "a saved file is saved byte by byte"
"$OVERMOUNT" probe --facts one.yaml --compare two.yaml >out
is "no difference" "$? $(cat out)" "0 "
sed 's/^  overlay.ro:$/&\n    state: "no"/; /^  overlay.ro:/,/evidence/ { /state: "yes"/d }' one.yaml >edited.yaml
cp edited.yaml keep.yaml
"$OVERMOUNT" probe --facts one.yaml --compare edited.yaml >out 2>err
is "a difference has a status of its own" "$?" 8
is "and is named" "$(awk 'NR > 1 { print $1 }' out)$(cat err)" "overlay.ro"
mkdir -p tree/{etc,usr/share/X11,snap/app/1/foo}
mount --bind tree base
mount -o remount,bind,ro base
echo '/snap/app/1/foo /usr/share/foo none rbind 0 0' >p.fstab
is "plan for this kernel" "$("$OVERMOUNT" plan --root base p.fstab | awk 'NR > 1 { print $2 }')" overlay
is "plan for the other kernel" "$("$OVERMOUNT" plan --root base --facts edited.yaml p.fstab | awk 'NR > 1 { print $2 }')" mimic
echo 'overlay.roo: "no"' >bad.yaml
"$OVERMOUNT" plan --root base --facts bad.yaml p.fstab >out 2>err
is "a bad file is told with its place" "$? $(wc -l <out) $(grep -c '^overmount: bad.yaml:1:1: ' err)" "1 0 1"
"$OVERMOUNT" probe --facts missing.yaml >out 2>err
is "a missing file" "$? $(cat err)" '2 overmount: missing.yaml: cannot read: No such file or directory'
"$OVERMOUNT" probe --explain overlay.roo >out 2>err
is "an unknown fact" "$? $(head -n 1 err)" '1 overmount: probe: unknown fact "overlay.roo"'
bad=
for fact in $(awk 'NR > 1 { print $1 }' facts.out); do
	"$OVERMOUNT" probe --facts one.yaml --explain "$fact" >out 2>&1 || bad="$bad $fact"
	[ "$(grep -cE '^(Fact|Question|Answer|Meaning|Used by|Found by) +[^ ]' out)" = 6 ] || bad="$bad $fact"
	[ "$(awk 'length > 80' out)" = "" ] || bad="$bad $fact:wide"
done
is "every fact is explained" "$bad" ""
if command -v jq >/dev/null; then
	is "--json" "$("$OVERMOUNT" probe --json | jq -r '.schema, (.facts | length), (.facts | map(select(.state == "yes" or .state == "no" or .state == "unknown")) | length)' | tr '\n' ' ')" \
		"overmount.facts/1 $(wc -l <user.out) $(wc -l <user.out) "
	is "--compare --json" "$("$OVERMOUNT" probe --facts one.yaml --compare edited.yaml --json | jq -r '.differences[] | .fact, .was, .now' | tr '\n' ' ')" \
		"overlay.ro no yes "
	is "--explain --json" "$("$OVERMOUNT" probe --facts one.yaml --explain openat2 --json | jq -r .fact)" openat2
else
	skip "--json" "jq is missing"
fi
# A filter that says of each namespace that it was made, and makes none: nothing is tried in
# the one that everybody sees.
if command -v strace >/dev/null && strace -o /dev/null true 2>/dev/null; then
	before=$(mounts)
	strace -f -o /dev/null --inject=unshare:retval=0 "$OVERMOUNT" probe >out 2>&1
	is "nothing is tried without a namespace" "$? $(mounts | diff - <(echo "$before"))" "0 "
	is "and it is told" "$(grep -c 'unshare(CLONE_NEWNS): EPROTO' out | sed 's/^[1-9].*/some/')" some
else
	skip "nothing is tried without a namespace" "there is no strace, or it may not trace"
fi
plan_end
