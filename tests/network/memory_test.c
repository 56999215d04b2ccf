// SPDX-License-Identifier: MIT
/* Memory: none is taken while a network runs, and each allocation that fails is an error that is told. */
#include <check.h>
#include <stdlib.h>

#include "alloc_hook.h"
#include "model.h"

static const char model[] =
	"opset 9\ninput x N 3 6 6\nconst w 4 3 3 3\nconst s 4\nconst v 4 = 1 2 3 4\nconst f 6 16\n"
	"Pad p: x -> a pads=[0,0,1,1,0,0,1,1]\nConv c: a w -> b\n"
	"BatchNormalization n: b s s s v -> d\nRelu r: d -> e\nMaxPool m: e -> g kernel_shape=[3,3] "
	"strides=[3,3]\nTranspose t: g -> h perm=[0,2,3,1]\nTranspose u: h -> i perm=[0,3,1,2]\n"
	"Flatten l: i -> j\nGemm q: j f -> k transB=1\nSplit z: k -> ka kb axis=1\n"
	"Sum o: ka kb ka -> pa\nSoftmax y: pa -> y\nConv c2: a w -> b2\nArgMax ar: y -> am\n"
	"Shape sh: b2 -> sb\nCast ca: sb -> sf to=1\n"
	"const gw 1 6 6\nconst gr 1 6 2\nReshape rs: x rt -> rx\nconst:int64 rt 3 = 18 1 6\n"
	"GRU gg: rx gw gr -> gy hidden_size=2\n"
	"output y\noutput b2\noutput am\noutput sf\noutput gy\n";

START_TEST(each_failure_is_told)
{
	size_t size;
	void *bytes = model_bytes(model, &size);
	unsigned long at = 0;
	bool failed;
	int ret;

	do {
		struct dh_explain *explain = dh_explain_create();
		struct dh_error err = { "" };
		struct dh_net_run *run = NULL;
		struct dh_net *net;

		alloc_fail(++at, false);
		ret = dh_net_import_memory(bytes, size, "test", NULL, explain, &net, &err);
		if (!ret)
			ret = dh_net_run_create(net, &run, &err);
		failed = alloc_has_failed();
		alloc_fail(0, false);
		ck_assert_msg(alloc_told(ret, err.text), "allocation %lu: %d, \"%s\"", at, ret,
			      err.text);
		dh_net_run_free(run);
		dh_net_free(net);
		dh_explain_free(explain);
	} while (failed);
	ck_assert_int_eq(ret, 0);
	ck_assert_uint_gt(at, 100);
	free(bytes);
}
END_TEST

START_TEST(running_takes_none)
{
	struct dh_net *net = model_net(model);
	struct dh_net_run *run = model_run(net);
	unsigned long before, after;

	before = alloc_count;
	dh_net_run_all(run);
	dh_net_run_node(run, 0);
	after = alloc_count;
	ck_assert_uint_eq(after, before);
	dh_net_run_free(run);
	dh_net_free(net);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("network memory");
	TCase *tcase = tcase_create("memory");
	SRunner *runner;
	int failed;

	tcase_add_test(tcase, each_failure_is_told);
	tcase_add_test(tcase, running_takes_none);
	tcase_set_timeout(tcase, 60);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return !!failed;
}
