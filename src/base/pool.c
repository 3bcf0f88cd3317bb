// SPDX-License-Identifier: GPL-3.0-or-later
#include "backproof/pool.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>

#define WIDTH_MAX 256

enum task_state { TASK_NEW, TASK_QUEUED, TASK_RUNNING, TASK_DONE };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t queued = PTHREAD_COND_INITIALIZER, done = PTHREAD_COND_INITIALIZER;
static struct task *first, *last; /* under lock, as all below */
static unsigned threads, idle, waiting; /* waiting: tasks in the queue */

static unsigned find_width(void)
{
	const char *asked = getenv("BACKPROOF_THREADS");
	char *end;
	long n = asked ? strtol(asked, &end, 10) : 0;
	cpu_set_t cores;
	if (asked && n > 0 && !*end)
		return n < WIDTH_MAX ? (unsigned)n : WIDTH_MAX;
	/* More than 1024 cores do not fit the set: then the count of those that are online will do. */
	n = sched_getaffinity(0, sizeof cores, &cores) == 0 ? CPU_COUNT(&cores) : sysconf(_SC_NPROCESSORS_ONLN);
	return n < 1 ? 1 : n < WIDTH_MAX ? (unsigned)n : WIDTH_MAX;
}

static unsigned width;
static pthread_once_t width_once = PTHREAD_ONCE_INIT;

static void set_width(void)
{
	width = find_width();
}

unsigned pool_width(void)
{
	pthread_once(&width_once, set_width);
	return width;
}

void pool_set_width(unsigned wanted)
{
	pthread_once(&width_once, set_width);
	width = wanted ? wanted : 1;
}

/* With the lock held. */
static void take_out(struct task *t)
{
	*(t->previous ? &t->previous->next : &first) = t->next;
	*(t->next ? &t->next->previous : &last) = t->previous;
	t->next = t->previous = NULL;
	t->state = TASK_RUNNING;
	waiting--;
}

/* With the lock held, which is let go meanwhile. Once it is done, t may be gone. */
static void run_one(struct task *t)
{
	take_out(t);
	pthread_mutex_unlock(&lock);
	t->run(t);
	pthread_mutex_lock(&lock);
	t->state = TASK_DONE;
	pthread_cond_broadcast(&done);
}

static _Noreturn void *work(void *unused)
{
	(void)unused;
	pthread_mutex_lock(&lock);
	for (;;) {
		while (!first) {
			idle++;
			pthread_cond_wait(&queued, &lock);
			idle--;
		}
		run_one(first);
	}
}

/* With the lock held. Without a thread, work waits for who waits for it. */
static void one_more_thread(void)
{
	pthread_t thread;
	sigset_t all, before;
	/* Signals are for the threads that know what to do with them. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	if (pthread_create(&thread, NULL, work, NULL) == 0) {
		threads++;
		pthread_detach(thread);
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void task_begin(struct task *t)
{
	unsigned most = pool_width();
	pthread_mutex_lock(&lock);
	t->state = TASK_QUEUED;
	t->next = NULL;
	t->previous = last;
	*(last ? &last->next : &first) = t;
	last = t;
	waiting++;
	if (idle)
		pthread_cond_signal(&queued);
	/* Who was woken before may not have come to its task yet. */
	if (waiting > idle && threads < most && most > 1)
		one_more_thread();
	pthread_mutex_unlock(&lock);
}

void task_wait(struct task *t)
{
	pthread_mutex_lock(&lock);
	if (t->state == TASK_QUEUED)
		run_one(t);
	while (t->state == TASK_RUNNING)
		pthread_cond_wait(&done, &lock);
	pthread_mutex_unlock(&lock);
}

struct each {
	struct task task; /* first: task is each */
	void (*fn)(void *ctx, size_t i);
	void *ctx;
	size_t count;
	_Atomic size_t *next;
};

static void run_each(struct task *t)
{
	struct each *x = (struct each *)t;
	for (size_t i; (i = (*x->next)++) < x->count;)
		x->fn(x->ctx, i);
}

void pool_each(size_t count, void (*fn)(void *ctx, size_t i), void *ctx)
{
	_Atomic size_t next = 0;
	struct each all[WIDTH_MAX];
	size_t n = pool_width() < count ? pool_width() : count;
	for (size_t i = 0; i < n; i++) {
		all[i] = (struct each){{.run = run_each}, fn, ctx, count, &next};
		if (i)
			task_begin(&all[i].task);
	}
	if (n)
		run_each(&all[0].task);
	for (size_t i = 1; i < n; i++)
		task_wait(&all[i].task);
}
