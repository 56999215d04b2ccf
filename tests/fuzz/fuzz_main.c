// SPDX-License-Identifier: MIT
/*
 * A fuzz target without a fuzzer: replays the files it is given, or else runs random inputs from a
 * fixed seed, so that every build tries each target a little. Use: TARGET [FILE...] or TARGET
 * --runs=N
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_BYTES    4096
#define DEFAULT_RUNS 4000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay(const char *path)
{
	static uint8_t bytes[1 << 20];
	FILE *file = fopen(path, "re");
	size_t size;

	if (!file) {
		perror(path);
		return 1;
	}
	size = fread(bytes, 1, sizeof(bytes), file);
	fclose(file);
	LLVMFuzzerTestOneInput(bytes, size);
	return 0;
}

static uint32_t next_random(uint64_t *state)
{
	*state = *state * 6364136223846793005ULL + 1442695040888963407ULL;
	return *state >> 33;
}

/* Mostly short inputs: a change or two gets further than hundreds. */
static void run_random(unsigned long runs)
{
	uint8_t bytes[MAX_BYTES];
	uint64_t state = 1;

	for (unsigned long run = 0; run < runs; run++) {
		size_t size = 1 + next_random(&state) % (run % 16 ? 40 : MAX_BYTES);

		for (size_t i = 0; i < size; i++)
			bytes[i] = next_random(&state) >> (next_random(&state) % 3 * 4);
		LLVMFuzzerTestOneInput(bytes, size);
	}
	printf("%lu random inputs, no failure\n", runs);
}

int main(int argc, char **argv)
{
	int ret = 0;

	if (argc == 2 && !strncmp(argv[1], "--runs=", 7))
		run_random(strtoul(argv[1] + 7, NULL, 0));
	else if (argc == 1)
		run_random(DEFAULT_RUNS);
	else
		for (int i = 1; i < argc; i++)
			ret |= replay(argv[i]);
	return ret;
}
