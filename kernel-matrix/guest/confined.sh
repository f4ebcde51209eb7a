#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# What `overmount probe --json` finds when it runs under AppArmor profiles.  Each output is
# preceded by a line `### SECTION`; what AppArmor denied meanwhile, and what went wrong, is on
# standard error under the same line.
#
#   unconfined         the measure for all others
#   mounter-bare       may mount everything, but not read what it mounts
#   mounter-full       may read, map and execute everything too
#   SECTION app        the same, asked about an application with a profile as snapd makes it
#   SECTION bad        the same, asked about an application without attach_disconnected
#   mounter-none       may not mount: the control, which shows that profiles are enforced
#
# Where /etc/overmount-section names one of them, only that one is tried, and what is printed
# is the file that overmount can read again.

overmount=/usr/bin/overmount
attr=/proc/self/attr
failed=0
only=$(cat /etc/overmount-section 2>/dev/null)

[ ! -e $attr/apparmor/exec ] || attr=$attr/apparmor

complain() {
	echo "confined: $*" >&2
	failed=1
}

# What overmount needs to start and to look around, and nothing of what it mounts.
own_rules() {
	cat <<-END
		capability,
		signal,
		ptrace,
		unix,
		network,
		$overmount mrix,
		/usr/lib/{,**} mr,
		/usr/lib64/{,**} mr,
		/usr/share/ r,
		/etc/{,**} r,
		/proc/{,**} rw,
		/sys/{,**} r,
		/sys/kernel/security/apparmor/.access rw,
		/dev/{,**} rw,
		/run/{,**} rwkl,
		/tmp/{,**} rwkl,
		/ r,
	END
}

mount_rules() {
	cat <<-END
		mount,
		remount,
		umount,
		pivot_root,
	END
}

# What snapd gives an application on a base that is not one of its own: the base's files.
app_rules() {
	cat <<-END
		signal,
		network inet,
		/ r,
		/bin/{,**} mrklix,
		/sbin/{,**} mrklix,
		/lib/{,**} mrklix,
		/lib64/{,**} mrklix,
		/usr/{,**} mrklix,
		/etc/{,**} r,
		/proc/{,**} r,
		/dev/null rw,
		/tmp/{,**} mrwklix,
	END
}

profiles() {
	cat <<-END
		profile mounter-none flags=(attach_disconnected) {
			$(own_rules)
		}
		profile mounter-bare flags=(attach_disconnected) {
			$(own_rules)
			$(mount_rules)
			change_profile -> snap.test.*,
		}
		profile mounter-full flags=(attach_disconnected) {
			$(own_rules)
			$(mount_rules)
			/** rwlkmix,
			change_profile -> snap.test.*,
		}
		profile snap.test.app flags=(attach_disconnected,mediate_deleted) {
			$(app_rules)
		}
		profile snap.test.bad flags=(mediate_deleted) {
			$(app_rules)
		}
	END
}

# try SECTION PROFILE ARGUMENT...: probes in the profile; - stands for unconfined.
try() {
	section=$1
	profile=$2
	shift 2
	[ -z "$only" ] || [ "$only" = "$section" ] || return 0
	[ -n "$only" ] || echo "### $section"
	echo "### $section" >&2
	dmesg -c >/dev/null
	# The shell itself stays as it is: the profile is entered by exec.
	(
		if [ "$profile" != - ]; then
			echo "exec $profile" >$attr/exec || exit 126
		fi
		[ -n "$only" ] || exec $overmount probe --json "$@"
		exec $overmount probe --save /tmp/facts.yaml "$@"
	) || complain "$section: status $?"
	dmesg | grep 'apparmor="\(DENIED\|AUDIT\)"' >&2
}

# try_app SECTION PROFILE LABEL
try_app() {
	if $overmount probe --help | grep -q -e --app-label; then
		try "$1" "$2" --app-label "$3"
	else
		echo "### $1"
		echo "confined: $1: this overmount probe has no --app-label" >&2
	fi
}

# A probe asks for much that is denied, and the kernel would leave messages out.
echo 0 >/proc/sys/kernel/printk_ratelimit
# A confined process may not load what it finds missing.  Where there is no module, that is
# what the probe says.
modprobe overlay 2>/dev/null
mkdir -p /usr/share/content
echo content >/usr/share/content/file

try unconfined -
if [ "$(cat /sys/module/apparmor/parameters/enabled 2>/dev/null)" != Y ]; then
	echo "confined: AppArmor is not enabled on this kernel" >&2
	exit $failed
fi
profiles >/run/profiles
# -K, -T: no cache is read or written.
if ! apparmor_parser -a -K -T /run/profiles >&2; then
	complain "the profiles cannot be loaded"
	exit 1
fi
try mounter-bare mounter-bare
try_app "mounter-bare app" mounter-bare snap.test.app
try mounter-full mounter-full
try_app "mounter-full app" mounter-full snap.test.app
try_app "mounter-full bad" mounter-full snap.test.bad
try mounter-none mounter-none
[ -z "$only" ] || cat /tmp/facts.yaml
exit $failed
