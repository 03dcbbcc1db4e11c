# `sandbox.sh ROOT SCRATCH COMMAND...`: in namespaces of its own, makes a copy of a Debian root out of mounts
# and runs a command in it. ROOT stays as it is, and all of this goes with the namespaces.
#
# From SCRATCH: etc/NAME replaces /etc/NAME, mnt is /mnt. To SCRATCH/out: what is left in /tmp, and the record.
set -e
root=$1 scratch=$2
shift 2
new=$scratch/root
mount --bind "$root" "$new"
mount -o remount,bind,ro "$new"
for dir in "$scratch"/etc/*/; do
	mount --bind "$dir" "$new/etc/${dir#"$scratch"/etc/}"
done
mount --bind "$scratch/mnt" "$new/mnt"
mount -t tmpfs tmpfs "$new/tmp"
mount -t proc proc "$new/proc"
mount -t tmpfs tmpfs "$new/dev"
for node in null zero full random urandom tty; do
	: >"$new/dev/$node"
	mount --bind "/dev/$node" "$new/dev/$node"
done
# startpar gives each script a terminal of its own.
mkdir "$new/dev/pts"
mount -t devpts -o newinstance,ptmxmode=0666 devpts "$new/dev/pts"
ln -s pts/ptmx "$new/dev/ptmx"
: >"$new/dev/console"
mount --bind "$(readlink /proc/self/fd/0)" "$new/dev/console"
cd /
status=0
chroot "$new" /usr/bin/env -i PATH=/sbin:/usr/sbin:/bin:/usr/bin TERM=linux \
	RUNLEVEL=2 PREVLEVEL=N runlevel=2 previous=N "$@" || status=$?
# Control groups do not go with a namespace.
for group in "$new"/run/preroot/cgroup/scripts/* "$new"/run/preroot/cgroup/scripts; do
	[ ! -d "$group" ] || rmdir "$group"
done
for file in "$new"/tmp/* "$new"/run/preroot/record; do
	[ ! -f "$file" ] || cp "$file" "$scratch/out"
done
exit $status
