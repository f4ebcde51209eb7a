#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Layouts and memory that is short: whichever allocation fails, what is printed is all of it
# or nothing, and the exit status says which.
. "${top_srcdir:-.}/tests/integration/lib.sh" || exit 99
om_start "$@"

preload=$TOOLS/failmalloc.so
[ -e "$preload" ] || { not_ok "failmalloc.so is built"; plan_end; }
LD_PRELOAD="$preload" "$OVERMOUNT" --version >/dev/null 2>&1 ||
	skip_all "nothing can be loaded into this build"

cat >old.yaml <<'END'
name: app
layout:
  /etc/app.conf:
    symlink: $SNAP_COMMON/app.conf
  /opt/rt:
    bind: $SNAP/rt
  /var/cache/app:
    type: tmpfs
    user: nobody
    mode: 700
END
sed 's/mode: 700/mode: 755/; s/opt.rt/opt\/r t/' old.yaml >new.yaml
printf 'name: core\nlayout:\n  /usr/lib/b:\n    bind: $SNAP/b\n' >base.yaml
printf 'nobody:x:65534:65534::/:/bin/false\n' >passwd
printf 'nogroup:x:65534:\n' >group
"$OVERMOUNT" layout --passwd passwd --group group --revision 1 --instance-key k new.yaml >p.fstab
cat >old.fstab <<'END'
/snap/content/7 /snap/app/1/rt none bind,ro 0 0
/snap/app/1/rt /opt/rt none rbind,rw,x-snapd.origin=layout 0 0
none /mytmp tmpfs x-snap-user:nobody,x-snap-group:nogroup,x-snap-mode:1777 0 0
none /mylink x-snap-symlink x-snap-symlink:/link/target 0 0
END
sed 's/content.7/content\/8/' old.fstab >new.fstab
printf '  /nix:\n    bind: $SNAP/b\n  /opt/rt:\n    type: tmpfs\n' | cat base.yaml - >bad.yaml

export OM_FAIL_MALLOC
# starve WHAT STATUS ARGUMENT...: the command ends with STATUS when no allocation fails.
starve() {
	local what=$1 want=$2 n all status bad="" short=0
	shift 2
	OM_FAIL_MALLOC=0
	LD_PRELOAD="$preload" "$OVERMOUNT" "$@" >whole 2>err
	status=$?
	[ $status = "$want" ] || bad="without: $status"
	grep -v ' allocations$' err >whole.err
	all=$(sed -n 's/ allocations$//p' err | tail -n 1)
	for ((n = 1; n <= all; n++)); do
		OM_FAIL_MALLOC=$n
		LD_PRELOAD="$preload" "$OVERMOUNT" "$@" >out 2>err
		status=$?
		case $status in
		"$want" | 200) cmp -s out whole || bad+=" $n:output" ;;
		2)
			short=$((short + 1))
			[ ! -s out ] || bad+=" $n:partial"
			grep -q "emory" err || bad+=" $n:$(head -c 200 err)"
			;;
		4)
			# libmount does not say that its memory is short; then it read another
			# profile than we.
			[ ! -s out ] && grep -q libmount err || bad+=" $n:exit(4)"
			;;
		*) bad+=" $n:exit($status)" ;;
		esac
	done
	# What never fails was never starved.
	[ "${short:-0}" -gt 5 ] || bad+=" only $short of $all were an error"
	[ -z "$bad" ] && ok "$what: $all allocations, $short of them an error" ||
		not_ok "$what: $all allocations" "$bad"
}
# Tables are left out: libsmartcols leaves a cell empty and says that all went well.
names=(--passwd passwd --group group)
starve "layout" 0 layout "${names[@]}" --instance-key k --extra-layout /srv/a:/srv/b old.yaml
starve "layout with a base" 0 layout "${names[@]}" --base-layout base.yaml old.yaml
starve "layout with a base that is bad" 1 layout "${names[@]}" --base-layout bad.yaml old.yaml
starve "layout as proposed" 0 layout "${names[@]}" --compat proposal old.yaml
starve "layout --from-profile" 0 layout --from-profile p.fstab
starve "layout --from-profile that has none" 1 layout "${names[@]}" --from-profile old.fstab
starve "layout --diff --json" 0 layout "${names[@]}" --diff --json old.yaml new.yaml
starve "diff --json" 0 diff "${names[@]}" --json old.fstab new.fstab
plan_end
