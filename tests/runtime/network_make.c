// SPDX-License-Identifier: MIT
/*
 * network_make MIXED.dhp PAIR.dhp PUBLISHED.dhp - writes networks made by hand, for tests of the command
 */
#include <stdio.h>
#include <stdlib.h>

#include "network_fixture.h"

static int save(const char *path)
{
	struct dh_error err;
	int ret = dh_network_save(network, path, &err);

	if (ret)
		fprintf(stderr, "%s\n", err.text);
	net_unmake();
	return ret;
}

static int save_published(const char *path)
{
	struct dh_error err;
	int ret;

	fix_published(&conv, 4);
	ret = dh_program_save(conv.program, path, &err);
	if (ret)
		fprintf(stderr, "%s\n", err.text);
	fix_free(&conv);
	return ret;
}

int main(int argc, char **argv)
{
	if (argc != 4)
		return EXIT_FAILURE;
	net_make_mixed();
	if (save(argv[1]))
		return EXIT_FAILURE;
	net_make_pair(true);
	if (save(argv[2]))
		return EXIT_FAILURE;
	return save_published(argv[3]) ? EXIT_FAILURE : EXIT_SUCCESS;
}
