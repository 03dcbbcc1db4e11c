/* `fork-exec`: starts every script of runlevel 2 at once and reaps them all: what no runner can beat. */
#include <glob.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void)
{
	glob_t scripts;
	if (glob("/etc/rc2.d/S*", GLOB_NOSORT, 0, &scripts) != 0)
		return 1;
	for (size_t number = 0; number < scripts.gl_pathc; number++) {
		pid_t child = fork();
		if (child == 0) {
			char *words[] = {scripts.gl_pathv[number], "start", 0};
			execv(words[0], words);
			_exit(127);
		}
		if (child < 0)
			return 1;
	}
	while (wait(0) > 0)
		;
	return 0;
}
