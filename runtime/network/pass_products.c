// SPDX-License-Identifier: MIT
/* Matrix products with a constant become a Gemm with factors of one. */
#include <errno.h>

#include "network/pass.h"

static void to_gemm(const struct dh_pass *pass, struct dh_net_node *node)
{
	if (dh_pass_tensor(pass, node->inputs[0])->rank != 2 ||
	    dh_pass_tensor(pass, node->inputs[1])->rank != 2)
		return;
	node->op = DH_NET_GEMM;
	node->attr.gemm.alpha = node->attr.gemm.beta = 1;
	node->attr.gemm.trans_a = node->attr.gemm.trans_b = false;
}

/* Multiply constant input @i of @node by @factor, which is one afterwards. */
static int take_factor(struct dh_pass *pass, struct dh_net_node *node, uint32_t i, float *factor)
{
	size_t count;
	float *data;

	if (*factor == 1 || !dh_pass_is_constant(pass, node, i))
		return 0;
	data = dh_pass_own(pass, node, i);
	if (!data)
		return -ENOMEM;
	count = dh_net_elements(dh_pass_tensor(pass, node->inputs[i]));
	for (size_t k = 0; k < count; k++)
		data[k] *= *factor;
	*factor = 1;
	return 0;
}

int dh_pass_products(struct dh_pass *pass, struct dh_net_node *node)
{
	int ret;

	if (node->op == DH_NET_MATMUL && dh_pass_is_constant(pass, node, 1))
		to_gemm(pass, node);
	if (node->op != DH_NET_GEMM)
		return 0;
	ret = take_factor(pass, node, 1, &node->attr.gemm.alpha);
	if (!ret && node->input_count < 3)
		node->attr.gemm.beta = 1;
	return ret ? ret : take_factor(pass, node, 2, &node->attr.gemm.beta);
}
