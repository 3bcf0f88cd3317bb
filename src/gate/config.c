// SPDX-License-Identifier: GPL-3.0-or-later
/* Which files are read, in which order, and looking things up. */
#include "backproof/config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "backproof/text.h"
#include "config_values.h"

void repository_free(struct repository *r)
{
	free(r->name);
	free(r->path);
	free(r->layout);
	free(r->match);
	free(r->host);
}

void host_config_free(struct host_config *h)
{
	free(h->name);
	strings_free(&h->repositories);
	free(h->policy);
	strings_free(&h->groups);
	free(h->hostname);
	free(h->machine_id);
	strings_free(&h->disks);
}

void hook_config_free(struct hook_config *k)
{
	free(k->name);
	free(k->host);
	free(k->policy);
	free(k->pass);
	strings_free(&k->pass_keys);
	free(k->state);
	strings_free(&k->fetch);
}

void config_free(struct config *c)
{
	for (size_t i = 0; i < c->repository_count; i++)
		repository_free(&c->repositories[i]);
	for (size_t i = 0; i < c->policy_count; i++)
		policy_free(&c->policies[i]);
	for (size_t i = 0; i < c->host_count; i++)
		host_config_free(&c->hosts[i]);
	for (size_t i = 0; i < c->group_count; i++)
		free(c->groups[i].name);
	for (size_t i = 0; i < c->hook_count; i++)
		hook_config_free(&c->hooks[i]);
	free(c->repositories);
	free(c->policies);
	free(c->hosts);
	free(c->groups);
	free(c->hooks);
	config_values_free(c->values);
	memset(c, 0, sizeof *c);
}

const struct host_config *config_host(const struct config *c, const char *name)
{
	const struct config_section *s = config_values_find(c->values, CONFIG_HOST, name);
	return s ? &c->hosts[s->index] : NULL;
}

const char *config_near_host(const struct config *c, const char *name)
{
	autofree const char **names = calloc(c->host_count + 1, sizeof *names);
	for (size_t i = 0; names && i < c->host_count; i++)
		names[i] = c->hosts[i].name;
	return names ? nearest_name(name, names, c->host_count) : NULL;
}

const char *config_policy_name(const char *given, const struct host_config *h)
{
	return given ? given : h && h->policy ? h->policy : "default";
}

const struct policy *config_policy(const struct config *c, const char *name)
{
	const struct config_section *s = config_values_find(c->values, CONFIG_POLICY, name);
	if (s)
		return &c->policies[s->index];
	return strcmp(name, "default") || !c->policy_count ? NULL : &c->policies[0];
}

const struct repository *config_repository(const struct config *c, const char *name)
{
	const struct config_section *s = config_values_find(c->values, CONFIG_REPOSITORY, name);
	return s ? &c->repositories[s->index] : NULL;
}

const struct group_config *config_group(const struct config *c, const char *name)
{
	const struct config_section *s = config_values_find(c->values, CONFIG_GROUP, name);
	return s ? &c->groups[s->index] : NULL;
}

const struct hook_config *config_hook(const struct config *c, const char *name)
{
	const struct config_section *s = config_values_find(c->values, CONFIG_HOOK, name);
	if (!s)
		s = config_values_find(c->values, CONFIG_HOOK, "default");
	return s ? &c->hooks[s->index] : NULL;
}

static int read_text(int fd, const char *file, struct text *out, struct error *e)
{
	char buf[16 * 1024];
	for (;;) {
		ssize_t n = read(fd, buf, sizeof buf);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_sys(e, "%s", file);
		if (n == 0)
			return 0;
		text_put_bytes(out, buf, (size_t)n);
		if (out->failed)
			return error_nomem(e);
		if (out->length > CONFIG_FILE_MAX)
			return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET,
					 "%s: a configuration larger than %llu MiB is none", file,
					 (unsigned long long)(CONFIG_FILE_MAX / MIB));
	}
}

/* given: by the user, who may name a pipe and answers for its mode. */
static int read_config(struct config_values *v, const char *file, bool given, struct error *e)
{
	autotext struct text text = {0};
	struct stat st;
	autoclose int fd = open(file, O_RDONLY | O_CLOEXEC | (given ? 0 : O_NONBLOCK));
	if (fd < 0 || fstat(fd, &st) < 0)
		return error_sys(e, "%s", file);
	if (S_ISDIR(st.st_mode) || (!given && !S_ISREG(st.st_mode)))
		return error_set(e, ERROR_IO, ERROR_NO_OFFSET, "%s: not a regular file", file);
	if (!given && (st.st_mode & S_IWOTH))
		return error_set(e, ERROR_IO, ERROR_NO_OFFSET,
				 "%s: anyone may write to it, so what it says can't be trusted", file);
	if (read_text(fd, file, &text, e) < 0)
		return -1;
	return config_parse(v, text_str(&text), text.length, file, e);
}

static int is_conf(const struct dirent *d)
{
	size_t n = strlen(d->d_name);
	return d->d_name[0] != '.' && n > 5 && !strcmp(d->d_name + n - 5, ".conf");
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int read_directory(struct config_values *v, const char *dir, struct error *e)
{
	struct stat st;
	struct dirent **list = NULL;
	int n = scandir(dir, &list, is_conf, by_name), rc = 0;
	if (n < 0)
		return errno == ENOENT ? 0 : error_sys(e, "%s", dir);
	if (stat(dir, &st) < 0)
		rc = error_sys(e, "%s", dir);
	else if ((st.st_mode & S_IWOTH) && !(st.st_mode & S_ISVTX))
		rc = error_set(e, ERROR_IO, ERROR_NO_OFFSET,
			       "%s: anyone may write to it, so what it says can't be trusted", dir);
	for (int i = 0; i < n; i++) {
		autofree char *file = text_format("%s/%s", dir, list[i]->d_name);
		if (!rc)
			rc = file ? read_config(v, file, false, e) : error_nomem(e);
		free(list[i]);
	}
	free(list);
	return rc;
}

static int read_defaults(struct config_values *v, const char *root, struct error *e)
{
	autofree char *vendor = text_format("%s/usr/lib/backproof", root);
	autofree char *main_file = text_format("%s/etc/backproof/backproof.conf", root);
	autofree char *local = text_format("%s/etc/backproof/conf.d", root);
	if (!vendor || !main_file || !local)
		return error_nomem(e);
	if (read_directory(v, vendor, e) < 0)
		return -1;
	if ((access(main_file, F_OK) == 0 || errno != ENOENT) &&
	    read_config(v, main_file, false, e) < 0)
		return -1;
	return read_directory(v, local, e);
}

int config_load_below(const char *root, const char *file, const char *used_policy,
		      struct config *out, struct error *e)
{
	memset(out, 0, sizeof *out);
	out->values = calloc(1, sizeof *out->values);
	if (!out->values)
		return error_nomem(e);
	int rc = file ? read_config(out->values, file, true, e) : read_defaults(out->values, root, e);
	if (rc < 0 || config_build(out, e) < 0 || config_check(out, used_policy, e) < 0) {
		config_free(out);
		return -1;
	}
	return 0;
}

int config_load(const char *file, const char *used_policy, struct config *out, struct error *e)
{
	return config_load_below("", file, used_policy, out, e);
}
