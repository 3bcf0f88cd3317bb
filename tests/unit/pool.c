// SPDX-License-Identifier: GPL-3.0-or-later
#include "backproof/pool.h"

#include <pthread.h>

#include "test.h"

struct sum {
	struct task task;
	uint64_t from, to, total;
};

static void add_up(struct task *t)
{
	struct sum *s = (struct sum *)t;
	s->total = 0;
	/* Halves are tasks of their own: tasks wait for tasks. */
	if (s->to - s->from > 64) {
		uint64_t middle = s->from + (s->to - s->from) / 2;
		struct sum low = {{.run = add_up}, s->from, middle, 0}, high = {{.run = add_up}, middle, s->to, 0};
		task_begin(&low.task);
		task_begin(&high.task);
		task_wait(&high.task);
		task_wait(&low.task);
		s->total = low.total + high.total;
		return;
	}
	for (uint64_t i = s->from; i < s->to; i++)
		s->total += i;
}

static void test_tasks_wait_for_tasks(void)
{
	for (int round = 0; round < 20; round++) {
		struct sum s = {{.run = add_up}, 0, 10000, 0};
		task_begin(&s.task);
		task_wait(&s.task);
		NEED(s.total == 10000ull * 9999 / 2);
	}
	CHECK(pool_width() >= 1);
}

static void *from_a_thread(void *arg)
{
	add_up(arg);
	return NULL;
}

static void test_many_owners_at_once(void)
{
	struct sum all[8];
	pthread_t threads[8];
	for (int i = 0; i < 8; i++) {
		all[i] = (struct sum){{.run = add_up}, 0, 1000 * (uint64_t)(i + 1), 0};
		NEED(pthread_create(&threads[i], NULL, from_a_thread, &all[i]) == 0);
	}
	for (int i = 0; i < 8; i++) {
		uint64_t n = 1000 * (uint64_t)(i + 1);
		pthread_join(threads[i], NULL);
		CHECK(all[i].total == n * (n - 1) / 2);
	}
}

static void count_one(void *ctx, size_t i)
{
	_Atomic int *counts = ctx;
	counts[i]++;
}

static void test_each_is_done_once(void)
{
	static _Atomic int counts[1000];
	size_t wrong = 0;
	pool_each(0, count_one, counts);
	pool_each(1, count_one, counts);
	pool_each(1000, count_one, counts);
	for (size_t i = 0; i < 1000; i++)
		wrong += counts[i] != 1 + (i == 0);
	CHECK_INT(wrong, 0);
}

int main(void)
{
	RUN(test_tasks_wait_for_tasks);
	RUN(test_many_owners_at_once);
	RUN(test_each_is_done_once);
	return test_done();
}
