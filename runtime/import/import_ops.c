// SPDX-License-Identifier: MIT
/* Operators by name. */
#include <stdlib.h>
#include <string.h>

#include "import/import.h"

static const struct op {
	const char *name;
	dh_import_op op;
} ops[] = {
	/* sorted by name */
	{ "Add", dh_import_arithmetic },
	{ "ArgMax", dh_import_head },
	{ "BatchNormalization", dh_import_batch_norm },
	{ "Cast", dh_import_cast },
	{ "Concat", dh_import_concat },
	{ "Constant", dh_import_constant },
	{ "ConstantOfShape", dh_import_constant_of_shape },
	{ "Div", dh_import_arithmetic },
	{ "Dropout", dh_import_dropout },
	{ "Expand", dh_import_expand },
	{ "Flatten", dh_import_flatten },
	{ "GRU", dh_import_gru },
	{ "Gather", dh_import_gather },
	{ "Gemm", dh_import_gemm },
	{ "Identity", dh_import_identity },
	{ "LogSoftmax", dh_import_head },
	{ "MatMul", dh_import_matmul },
	{ "Mul", dh_import_arithmetic },
	{ "Relu", dh_import_activation },
	{ "Reshape", dh_import_reshape },
	{ "Shape", dh_import_shape },
	{ "Sigmoid", dh_import_activation },
	{ "Slice", dh_import_slice },
	{ "Softmax", dh_import_head },
	{ "Squeeze", dh_import_squeeze },
	{ "Sub", dh_import_arithmetic },
	{ "Tanh", dh_import_activation },
	{ "Transpose", dh_import_transpose },
	{ "Unsqueeze", dh_import_unsqueeze },
};

static int by_name(const void *key, const void *entry)
{
	const struct op *op = entry;

	return strcmp(key, op->name);
}

dh_import_op dh_import_find_op(const char *op)
{
	const struct op *found =
		bsearch(op, ops, sizeof(ops) / sizeof(ops[0]), sizeof(ops[0]), by_name);

	return found ? found->op : NULL;
}
