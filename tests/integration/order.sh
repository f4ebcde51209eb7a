#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Entries that touch one another show what the order of the profile says, whatever the
# depth of their directories; found by tests/property.
. "${top_srcdir:-.}/tests/integration/lib.sh" || exit 99
om_start "$@"

mkdir -p base/{deep/er/est,low,snap/dir}
mkdir -p base/gone/{a,old/inner}
echo hello | tee base/gone/old/inner/hello >base/snap/dir/hello
ln -s /low base/a-link && ln -s /low base/z-link
mount --bind base base

om() { "$OVERMOUNT" "$1" --state state "${@:2}" </dev/null >out 2>err; }

for strategy in overlay mimic; do
	mount -o remount,bind,ro base
	cat >profile <<'P'
/snap/dir /deep/er/est/new none rbind 0 0
/deep /low/copy none rbind 0 0
P
	om apply --root base --strategy $strategy profile || not_ok "$strategy: apply" "$(<err)"
	is "$strategy: a source has what an earlier entry put into it" \
		"$(cat base/low/copy/er/est/new/hello 2>&1)" hello
	om undo || not_ok "$strategy: undo" "$(<err)"

	cat >profile <<'P'
/deep /deep/copy none rbind 0 0
/snap/dir /deep/new none rbind 0 0
P
	om apply --root base --strategy $strategy profile || not_ok "$strategy: apply" "$(<err)"
	is "$strategy: a source has nothing of later entries" "$(ls base/deep/copy)" er
	is "$strategy: which are there themselves" "$(cat base/deep/new/hello)" hello
	om undo || not_ok "$strategy: undo" "$(<err)"

	cat >profile <<'P'
/gone/old/inner /gone/a none rbind 0 0
none /gone/old none x-overmount.hide 0 0
P
	om apply --root base --strategy $strategy --allow kind-change profile ||
		not_ok "$strategy: apply" "$(<err)"
	is "$strategy: what is bound and then hidden was bound" \
		"$(cat base/gone/a/hello) $(ls base/gone)" "hello a"
	om undo || not_ok "$strategy: undo" "$(<err)"
done

# Through a link one target lies in what the other entry binds: a name made there would be
# written into the source; or the other entry would be forgotten.
mount -o remount,bind,rw base
before=$(tree base)
for link in a-link z-link; do
	for strategy in auto mimic; do
		printf '%s none rbind 0 0\n' "/snap/dir /$link/new/sub" "/snap/dir /low/new" >profile
		om apply --root base --strategy $strategy profile
		is "$link, $strategy: entries that links lead together are refused" "$?" 16
		is "$link, $strategy: with the way out" "$(tail -n 1 err)" \
			"fix: write their paths without symbolic links"
		om undo
		is "$link, $strategy: nothing is written" "$(tree base)" "$before"
	done
done
om plan --root base profile
is "plan says the same" "$?" 16
# A link that leads one entry on its way, and that another one takes away or covers: what is
# led elsewhere by the time it is made must not be made where the link led.
ln -s /low base/deep/er/link
ln -s deep/er/link base/by-link
ln -s /deep base/by-deep
for line in "none /by-deep/er/link none x-overmount.hide 0 0" \
	"/snap/dir /by-deep/er none rbind 0 0"; do
	printf '%s\n' "$line" "/snap/dir /by-link/aa none rbind,x-snapd.origin=layout 0 0" >profile
	om apply --root base --allow kind-change profile
	is "led on by what ${line:0:9}… takes the place of: refused" "$? $(head -n 1 err)" \
		"16 overmount: profile:2: target: cannot mount at \"/by-link/aa\": it or the entry at \"$(
			cut -d' ' -f2 <<<"$line")\" takes the place of a symbolic link that leads to the other"
	om undo
done
rm base/by-link base/by-deep base/deep/er/link
printf '%s none rbind 0 0\n' "/snap/dir /z-link/new/sub" "/snap/dir /low/new" >profile
"$OVERMOUNT" probe --root base /z-link/new /low/new </dev/null >out 2>err
is "to be looked at they need not be apart" "$?" 0
sed -i 's/z-link/low/' profile
om apply --root base profile
is "written without links they are applied" "$(cat base/low/new/sub/hello 2>&1)" hello
om undo || not_ok "undo" "$(<err)"
is "and undone" "$(tree base)" "$before"
plan_end
