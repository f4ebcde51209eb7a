# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # used by the tests, and set in lib.sh
# A host with snapd's directories, and mount namespaces on it as snap-confine makes them, for
# the tests of the program as snap-update-ns.  Sourced behind lib.sh, not run.

# A namespace can be pinned only from one with a smaller number, and some kernels (6.18)
# give each processor a range of its own: with one processor they come in order.
taskset -pc 0 $$ >/dev/null 2>&1

# --- The surroundings: the machine's own are covered ------------------------------------

# add_program FILE PATH: with the shared libraries that it wants.
add_program() {
	local lib
	cp -L "$1" "tree$2"
	for lib in $(ldd "$1" 2>/dev/null | grep -o '/[^ ]*'); do
		mkdir -p "tree${lib%/*}"
		cp -Ln "$lib" "tree$lib"
	done
}

make_squashfs_base() {
	local file
	base_tree tree 20
	mkdir -p tree/usr/lib/snapd tree/opt/kept
	mkdir -p tree/var/{lib/snapd,snap,tmp} tree/{run,root,home}
	# What it takes from the machine when it is not static.
	inner=$top_builddir/static/snap-update-ns
	[ -x "$inner" ] || inner=$OVERMOUNT
	add_program "$inner" /usr/lib/snapd/snap-update-ns
	for file in mount umount mkdir rmdir ln unshare setpriv find; do
		add_program "$(command -v $file)" /usr/bin/$file
	done
	make_squashfs tree
}

make_host() {
	mount -t tmpfs -o mode=0755 om-run /run
	mount -t tmpfs -o mode=0755 om-lib /var/lib
	mkdir -p /run/snapd/{ns,lock} /var/lib/snapd/mount snap/foo/1/{share,etc} snap/other/1
	mkdir -p var-snap/foo/{1,common} host-etc tmp
	chmod 1777 tmp
	echo hello >snap/foo/1/share/hello
	echo conf >snap/foo/1/etc/foo.conf
	echo content >snap/other/1/content
	mkdir snap/foo/1/content-target
	ln -s /var/snap/foo/common snap/foo/1/data
	cp base/etc/passwd host-etc/
	mount --bind snap snap
	mount -o remount,bind,ro snap
	# As snap-confine does, so that a namespace can be pinned there.
	mount --bind /run/snapd/ns /run/snapd/ns
	mount --make-private /run/snapd/ns
	ln -s "$OVERMOUNT" snap-update-ns
}

# make_ns NAME: a namespace as snap-confine makes one, pinned.
make_ns() {
	: >"/run/snapd/ns/$1.mnt"
	unshare --mount="/run/snapd/ns/$1.mnt" bash -eu -s <<-'INNER' || return 1
		mkdir -p root
		mount -t tmpfs -o mode=0755 om-root root
		for dir in base/*; do
			dir=${dir##*/}
			if [ -L "base/$dir" ]; then
				cp -P "base/$dir" root/
			else
				mkdir -p "root/$dir"
				mount --rbind "base/$dir" "root/$dir"
			fi
		done
		mount --bind host-etc root/etc
		for dir in dev proc sys run var/lib/snapd; do
			mount --rbind "/$dir" "root/$dir"
		done
		mount --rbind snap root/snap
		mount --bind tmp root/tmp
		mount --bind var-snap root/var/snap
		mkdir root/old
		cd root
		pivot_root . old
		umount -l old
		rmdir old
	INNER
	echo "tmpfs / tmpfs x-snapd.origin=rootfs 0 0" >"/run/snapd/ns/snap.$1.fstab"
}

drop_ns() {
	umount "/run/snapd/ns/$1.mnt" && rm "/run/snapd/ns/$1.mnt" "/run/snapd/ns/snap.$1.fstab"
}

inside() { nsenter --mount=/run/snapd/ns/foo.mnt "$@"; }
table() { inside cat /proc/self/mountinfo | sed -E 's/^[0-9]+ [0-9]+ [0-9]+:[0-9]+ //' | sort; }
current() { cat /run/snapd/ns/snap.foo.fstab; }
desire() { printf '%s\n' "$@" >/var/lib/snapd/mount/snap.foo.fstab; }
# update [ARGUMENT]...: as snapd calls it; $out and $err.
update() {
	timeout 60 ./snap-update-ns "$@" >out 2>err
	rc=$?
}
# constructed: as snap-confine calls it, inside and with the lock held.
constructed() {
	flock /run/snapd/lock/foo.lock timeout 60 env -i SNAPD_DEBUG=0 \
		"$(command -v nsenter)" --mount=/run/snapd/ns/foo.mnt \
		/usr/lib/snapd/snap-update-ns --from-snap-confine "$@" >out 2>err
	rc=$?
}
said() { cat out err; }

rootfs="tmpfs / tmpfs x-snapd.origin=rootfs 0 0"
share="/snap/foo/1/share /usr/share/foo none rbind,rw,x-snapd.origin=layout 0 0"
conf="/snap/foo/1/etc/foo.conf /etc/foo.conf none bind,rw,x-snapd.kind=file,x-snapd.origin=layout 0 0"
link="none /usr/lib/link none x-snapd.kind=symlink,x-snapd.symlink=/snap/foo/1/share,x-snapd.origin=layout 0 0"
content="/snap/other/1 /snap/foo/1/content-target none bind,ro 0 0"

opt="x-snapd.synthetic,x-snapd.needed-by=/opt/foo"
oldlink="none /opt/link none x-snapd.kind=symlink,x-snapd.symlink=/snap/foo/1/share,x-snapd.origin=layout 0 0"
oldfoo="/snap/foo/1/share /opt/foo none rbind,rw,x-snapd.origin=layout 0 0"

# Made and listed as the original does it: a mimic of /opt, a link and an entry in it.
make_foreign() {
	inside sh -e -c '
	mkdir -p /tmp/.snap/opt
	mount --rbind /opt /tmp/.snap/opt
	mount -t tmpfs -o mode=0755,uid=0,gid=0 tmpfs /opt
	mkdir /opt/kept /opt/foo
	mount --rbind /tmp/.snap/opt/kept /opt/kept
	mount --make-rprivate /tmp/.snap/opt
	umount -l /tmp/.snap/opt
	rmdir /tmp/.snap/opt
	ln -s /snap/foo/1/share /opt/link
	mount --rbind /snap/foo/1/share /opt/foo
	mount --bind /snap/other/1 /snap/foo/1/content-target
	mount -o remount,bind,ro /snap/foo/1/content-target'
	printf '%s\n' "$content" "tmpfs /opt tmpfs $opt,mode=0755,uid=0,gid=0 0 0" \
	"/opt/kept /opt/kept none rbind,$opt,x-snapd.detach 0 0" "$oldfoo" "$oldlink" \
	>>/run/snapd/ns/snap.foo.fstab
}
