// SPDX-License-Identifier: MIT
/*
 * Fuzzer of the ONNX importer and the compiler behind it: any bytes give a program or a
 * sentence.
 */
#include <stdlib.h>

#include "compile/compile.h"
#include "program/disasm.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool condition)
{
	if (!condition)
		abort();
}

static void compile_for(const char *profile, const uint8_t *data, size_t size)
{
	struct dh_compile_options options = { .profile = profile };
	struct dh_explain *explain;
	struct dh_program *program;
	struct dh_error err = { "" };
	int ret = dh_compile_memory(data, size, "fuzz", &options, &program, &explain, &err);

	must(ret <= 0 && !ret == !!program);
	must(!ret || err.text[0]);
	if (program)
		must(!dh_program_check(program, &program->need, &err));
	json_decref(explain ? dh_explain_json(explain) : NULL);
	dh_explain_free(explain);
	dh_program_free(program);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	compile_for("card", data, size);
	compile_for("edgedrnn", data, size);
	return 0;
}
