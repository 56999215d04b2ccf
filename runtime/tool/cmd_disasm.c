// SPDX-License-Identifier: MIT
/* deltahop disasm: show the commands of a program. */
#include "tool.h"

int cmd_disasm(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return EXIT_FAILED;
}
