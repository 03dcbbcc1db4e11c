/* The root's init of the classical flow: the root is mounted read-only, e2fsck preens it, and what it repaired asks
 * for a reboot. The least of what Debian's checkroot.sh does after an initramfs that checks nothing.
 * Exit codes as in fsck(8): 1 repaired, 2 the machine should be rebooted, 4 errors are left. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/wait.h>
#include <unistd.h>

static void say(const char *text)
{
	char line[128];
	int length = snprintf(line, sizeof line, "<1>measured: %s\n", text);
	int fd = open("/dev/kmsg", O_WRONLY);
	write(fd, line, length);
	close(fd);
}

int main(void)
{
	int status;
	/* What initramfs-tools found the root on. */
	const char *device = "/dev/vda1";

	if (fork() == 0) {
		execl("/sbin/e2fsck", "e2fsck", "-p", device, (char *)NULL);
		_exit(127);
	}
	wait(&status);
	status = WIFEXITED(status) ? WEXITSTATUS(status) : 128;
	if (status & ~3) {
		say("root needs a person");
	} else if (status & 2) {
		say("root asks for a reboot");
		sync();
	} else {
		mount(device, "/", "ext4", MS_REMOUNT, "");
		say("root is checked");
	}
	reboot(RB_POWER_OFF);
	return 1;
}
