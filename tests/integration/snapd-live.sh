#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The program as snap-update-ns, from one profile to another in a namespace that is in use:
# what depends on no change stays the very same mount and what is open stays usable, what
# depends on one is made anew, and what is there then is what a new namespace would have.
. "${top_srcdir:-.}/tests/integration/lib.sh" || exit 1
. "${top_srcdir:-.}/tests/integration/snapd-lib.sh" || exit 1
om_start "$@"
make_squashfs_base
make_host
# A second revision of the content, and of the snap.
mount -o remount,bind,rw snap
mkdir -p snap/other/2 snap/foo/1/{provider-2,bin,meta} snap/foo/2/{share,etc,content-target} snap/third/1
echo "content 2" >snap/other/2/content
mkdir snap/other/2/late && echo late >snap/other/2/late/file
echo third >snap/third/1/third
echo "hello 2" >snap/foo/2/share/hello
echo "conf 2" >snap/foo/2/etc/foo.conf
mount -o remount,bind,ro snap
make_ns foo || skip_all "cannot pin a mount namespace"

layout=x-snapd.origin=layout
bind() { echo "$1 $2 none rbind,rw,$layout 0 0"; }
file() { echo "$1 $2 none bind,rw,x-snapd.kind=file,$layout 0 0"; }
content2="/snap/other/2 /snap/foo/1/content-target none bind,ro 0 0"
over=$(bind /snap/foo/1/content-target /usr/share/over)

# id PATH: of the mount that is on top there.
id() { inside cat /proc/self/mountinfo | awk -v p="$1" '$5 == p { id = $1 } END { print id }'; }
# hold PATH: until `release` no other mount can get the number of this one.
hold() {
	rm -f holding held
	mkfifo holding held
	inside sh -c 'exec 3<"$1" && echo >&4 && read -r _' sh "$1" <holding 4>held &
	exec {holding}>holding
	read -r _ <held || not_ok "control: $1 is held"
}
release() { exec {holding}>&-; }
# Everything below the directories in which something is changed, and what is listed.
view() {
	inside sh -c 'for f in $(ls -d /usr/share/* /usr/share/*/* /usr/lib/* /etc/* /opt/* /opt/*/* /snap/foo/*/* /snap/foo/*/*/*); do
		ls -ld --time-style=+ $f; [ -f $f ] && cat $f; done' 2>&1 |
		sed -E 's/^([^ ]+) +[0-9]+ +([^ ]+) +([^ ]+) +[0-9]+ +/\1 \2 \3 /'
	current | sort
}
numbers() { inside cat /proc/self/mountinfo | awk '{ print $1 }' | sort; }
n=0
# go_to WHAT ENTRY...: to that profile; what is there is compared with a new one at the end.
go_to() {
	local what=$1 before
	shift
	desire "$@"
	update foo
	is "$what" "$rc:$(said)" "0:"
	n=$((n + 1))
	echo "$what" >"what.$n"
	printf '%s\n' "$@" >"desired.$n"
	view >"view.$n"
	before=$(numbers)
	update foo
	is "$what: again, nothing changes" "$rc:$(numbers)" "0:$before"
}
# stays WHAT PATH... -- ENTRY...: the mounts there are the same ones in the next profile.
stays() {
	local what=$1 before="" after="" path
	local -a paths=()
	shift
	while [ "$1" != -- ]; do paths+=("$1"); shift; done
	shift
	for path in "${paths[@]}"; do before+="$path $(id "$path")"$'\n'; done
	go_to "$what" "$@"
	for path in "${paths[@]}"; do after+="$path $(id "$path")"$'\n'; done
	is "$what: the same mounts" "$after" "$before"
}

# --- What depends on no change ----------------------------------------------------------

go_to "one profile" "$share" "$conf" "$link" "$content"
mkfifo app.in
# shellcheck disable=SC2016 # the inner shell's
inside sh -c 'exec 5</usr/share/foo/hello; cd /snap/foo/1/content-target
	read -r word; cat <&5; cat content; [ . -ef /snap/foo/1/content-target ] && echo here' \
	<app.in >app.out 2>&1 &
app=$!
exec 7>app.in
etc=$(id /etc)
stays "an entry that nothing depends on changes" /usr/share /usr/share/foo /snap/foo/1/content-target -- \
	"$share" "$(file /snap/foo/2/etc/foo.conf /etc/foo.conf)" "$link" "$content"
[ "$(id /etc)" != "$etc" ] && ok "control: what changes is another mount" || not_ok "control: what changes is another mount"
is "and it is the new one" "$(inside cat /etc/foo.conf)" "conf 2"
echo go >&7
exec 7>&-
wait $app
is "what an app has open it can use, and is where it was" "$(cat app.out)" $'hello\ncontent\nhere'

stays "an entry comes" /usr/share /usr/share/foo /etc/foo.conf /snap/foo/1/content-target -- \
	"$share" "$(file /snap/foo/2/etc/foo.conf /etc/foo.conf)" "$link" "$content" "$(bind /snap/foo/1/bin /opt/bin)"
stays "and goes" /usr/share /usr/share/foo /etc/foo.conf /snap/foo/1/content-target -- \
	"$share" "$(file /snap/foo/2/etc/foo.conf /etc/foo.conf)" "$link" "$content"
stays "the same in other words" /usr/share/foo /etc/foo.conf /snap/foo/1/content-target -- \
	"${share/rbind,rw/rw,rbind}" "$(file /snap/foo/2/etc/foo.conf /etc/foo.conf)" "$link" "$content"
is "the current profile has the new words" "$(current | grep -cxF "${share/rbind,rw/rw,rbind}")" 1
stays "a link becomes another one" /usr/share/foo /etc/foo.conf /snap/foo/1/content-target -- \
	"$share" "$(file /snap/foo/2/etc/foo.conf /etc/foo.conf)" "${link/1\/share/2\/share}" "$content"
is "and leads elsewhere" "$(inside cat /usr/lib/link/hello)" "hello 2"

# --- What does --------------------------------------------------------------------------

stays "V45: a layout over content" /etc/foo.conf /snap/foo/1/content-target -- \
	"$(file /snap/foo/2/etc/foo.conf /etc/foo.conf)" "$content" "$over"
is "V45: shows it" "$(inside cat /usr/share/over/content)" content
stays "content is refreshed" /etc/foo.conf -- \
	"$(file /snap/foo/2/etc/foo.conf /etc/foo.conf)" "$content2" "$over"
is "the layout over it shows the new one" "$(inside cat /usr/share/over/content)" "content 2"
stays "V46: content is disconnected" /etc/foo.conf -- \
	"$(file /snap/foo/2/etc/foo.conf /etc/foo.conf)" "$over"
is "V46: the layout over it does not show it any more" "$(inside ls /usr/share/over)" ""
stays "V47: content is connected again" /etc/foo.conf -- \
	"$(file /snap/foo/2/etc/foo.conf /etc/foo.conf)" "$content" "$over"
is "V47: the layout over it shows it again" "$(inside cat /usr/share/over/content)" content
# What the snap does not have, its content does, or not any more.
late=$(bind /snap/foo/1/content-target/late /opt/late)
go_to "a source that the content does not have" "$content" "$late"
go_to "the next content has it" "$content2" "$late"
is "and it is shown" "$(inside cat /opt/late/file)" late
go_to "and the one before does not" "$content" "$late"
is "and it is not shown any more" "$(inside ls /opt/late)" ""

# So are files, with what was written to them.
one=$(file /snap/foo/1/one.conf /etc/one.conf)
go_to "a file that the snap does not have" "$share" "$one"
inside sh -c 'echo written >/etc/one.conf'
stays "an update beside it" /etc/one.conf /snap/foo/1/one.conf /usr/share/foo -- "$share" "$one" "$(bind /snap/foo/1/bin /opt/bin)"
is "leaves what was written" "$(inside cat /snap/foo/1/one.conf)" written
inside sh -c ': >/etc/one.conf'
view >"view.$n"
go_to "and another one" "$share" "$one" "$(file /snap/foo/1/two.conf /opt/two.conf)"
go_to "which goes" "$share" "$one"

# LP #2144666: a directory of the snap that a hole keeps gets content of its own.
p1="/snap/other/1 /snap/foo/1/missing none bind,ro 0 0"
go_to "V43: a missing target in the snap" "$p1"
go_to "V43: and content over a directory beside it" "$p1" \
	"/snap/third/1 /snap/foo/1/provider-2 none bind,ro 0 0"
is "V43: both are there" "$(inside cat /snap/foo/1/missing/content /snap/foo/1/provider-2/third)" \
	$'content\nthird'
go_to "V44: only that one stays" "/snap/third/1 /snap/foo/1/provider-2 none bind,ro 0 0"
is "V44: and the missing one is gone" "$(inside ls -d /snap/foo/1/missing 2>&1 | grep -c "No such")" 1

# LP #2043993: entries with ids of their own.
named() { echo "$1 $2 none rbind,rw,x-snapd.id=$3,$layout 0 0"; }
go_to "entries with ids" "$(named /snap/foo/1/share /usr/share/foo one)" "$(named /snap/foo/1/bin /opt/bin two)"
stays "the one with an id stays" /usr/share /usr/share/foo -- \
	"$(named /snap/foo/1/share /usr/share/foo one)" "$(named /snap/foo/1/meta /opt/bin two)"
is "what it needs is listed for its id" \
	"$(current | awk '$2 == "/usr/share" { print $4 }' | grep -c 'needed-by=one')" 1

# LP #1852361: files, and directories in several holes, one below another.
revision() {
	bind "/snap/foo/$1/share" /usr/share/foo
	bind "/snap/foo/$1/share" /usr/lib/deep/er
	bind "/snap/foo/$1/etc" /usr/libexec/foo
	file "/snap/foo/$1/etc/foo.conf" /usr/share/X11/foo.conf
	file "/snap/foo/$1/etc/foo.conf" /etc/foo.conf
}
mapfile -t entries < <(revision 1)
go_to "many holes" "${entries[@]}"
mapfile -t entries < <(revision 2)
go_to "LP #1852361: all of a new revision" "${entries[@]}"
is "all of it is the new one" "$(inside cat /usr/share/foo/hello /usr/lib/deep/er/hello \
	/usr/libexec/foo/foo.conf /usr/share/X11/foo.conf /etc/foo.conf)" \
	$'hello 2\nhello 2\nconf 2\nconf 2\nconf 2'
stays "a tmpfs of a layout" /etc/foo.conf -- "${entries[4]}" "tmpfs /opt/t tmpfs $layout 0 0" \
	"none /opt/t/link none x-snapd.kind=symlink,x-snapd.symlink=/a,$layout 0 0"
stays "beside a link on it" /etc/foo.conf /opt/t -- "${entries[4]}" "tmpfs /opt/t tmpfs $layout 0 0" \
	"none /opt/t/link none x-snapd.kind=symlink,x-snapd.symlink=/a,$layout 0 0" "$content"

# --- What an interface brings may fail -----------------------------------------------------

lost="/snap/gone/1 /snap/foo/1/lost none bind,ro 0 0"
desire "$share" "$content"
update foo
kept=$(id /usr/share/foo)
desire "$share" "$content2" "$lost"
update foo
is "content that cannot be had is told once, the rest is updated" \
	"$rc:$(grep -c '^cannot change mount namespace' err):$(inside cat /snap/foo/1/content-target/content)" \
	"0:1:content 2"
is "and what depends on nothing stays" "$(id /usr/share/foo)" "$kept"
before=$(numbers)
update foo
is "it is not tried again" "$rc:$(numbers)" "0:$before"
desire "$share" "$content2" "/snap/foo/1/etc/foo.conf /opt/dir none rbind,rw,$layout 0 0"
update foo
is "a layout that cannot be had is fatal" "$rc:$(current)" "1:$rootfs"
is "and nothing of the profile before is left" "$(id /usr/share/foo)$(id /snap/foo/1/content-target)" ""

# --- Where nothing can be moved --------------------------------------------------------------

inside mount --make-shared /snap
desire "$share" "$content"
update foo
kept=$(id /usr/share/foo)
hold /usr/share/foo
desire "$share" "$content2"
update foo
is "on a shared mount all is done anew" \
	"$rc:$(said):$(inside cat /snap/foo/1/content-target/content /usr/share/foo/hello)" $'0::content 2\nhello'
release
[ "$(id /usr/share/foo)" != "$kept" ] && ok "and nothing is the same mount" || not_ok "and nothing is the same mount"
inside mount --make-private /snap
# The text of what was applied is another one than was noted.
desire "$share" "$content"
update foo
echo >>/run/overmount/snap.foo.applied
kept=$(id /usr/share/foo)
hold /usr/share/foo
desire "$share" "$content2"
update foo
is "when what was applied is not known, all is done anew" \
	"$rc:$(said):$(inside cat /snap/foo/1/content-target/content /usr/share/foo/hello)" $'0::content 2\nhello'
[ "$(id /usr/share/foo)" != "$kept" ] && ok "and nothing is the same mount then" || not_ok "and nothing is the same mount then"
release

# --- The same, made anew ----------------------------------------------------------------------

for ((i = 1; i <= n; i++)); do
	desire ""
	update foo
	mapfile -t entries <"desired.$i"
	desire "${entries[@]}"
	update foo
	is "$(cat "what.$i"): as made anew" "$rc:$(cat "view.$i")" "0:$(view)"
done
desire ""
update foo
is "nothing is left" "$rc:$(current):$(find /run/overmount -name '*.applied' -o -name 'journal.*')" "0:$rootfs:"
drop_ns foo
plan_end
