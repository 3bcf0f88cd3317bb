// SPDX-License-Identifier: GPL-3.0-or-later
/* What a tree says about its machine: the same questions for file systems and archives. */
#include <ctype.h>
#include <openssl/evp.h>

#include "backproof/text.h"
#include "facts.h"

#define SMALL (1 * MIB)

const char *const facts_wants[] = {
	"etc/hostname", "etc/HOSTNAME", "etc/conf.d/hostname", "etc/sysconfig/network", "etc/rc.conf",
	"etc/machine-id", "var/lib/dbus/machine-id", "etc/fstab", "etc/os-release", "usr/lib/os-release",
	"etc/ssh/ssh_host_", "etc/systemd/system/", "boot/", "efi/", "etc/passwd", NULL,
};

int facts_first_line(const char *data, char **out, struct error *e)
{
	for (const char *p = data; *p; p += *p == '\n') {
		size_t n = strcspn(p, "\n");
		const char *line = p;
		p += n;
		while (n && isspace((unsigned char)*line))
			line++, n--;
		while (n && isspace((unsigned char)line[n - 1]))
			n--;
		if (!n || *line == '#')
			continue;
		*out = text_bounded(line, n, FACTS_NAME_MOST);
		return *out ? 1 : error_nomem(e);
	}
	return 0;
}

/* 1 and the trimmed first word line, 0 none, -1 error. */
static int read_line(const struct tree_reader *t, const char *path, char **out, struct error *e)
{
	autofree char *data = NULL;
	size_t len;
	int rc = t->read(t->ctx, path, SMALL, &data, &len, NULL, e);
	return rc > 0 ? facts_first_line(data, out, e) : rc;
}

static int read_system(struct facts *x, const struct tree_reader *t, struct error *e)
{
	autofree char *data = NULL;
	size_t len;
	int rc = t->read(t->ctx, "etc/os-release", SMALL, &data, &len, NULL, e);
	if (rc == 0)
		rc = t->read(t->ctx, "usr/lib/os-release", SMALL, &data, &len, NULL, e);
	if (rc <= 0)
		return rc;
	x->root_found = true;
	for (char *p = data; p && *p; p = strchr(p, '\n') ? strchr(p, '\n') + 1 : NULL) {
		if (strncmp(p, "PRETTY_NAME=", 12))
			continue;
		char *v = p + 12;
		size_t n = strcspn(v, "\n");
		if (n >= 2 && (*v == '"' || *v == '\'') && v[n - 1] == *v)
			v++, n -= 2;
		x->system = text_bounded(v, n, FACTS_NAME_MOST);
		return x->system ? 0 : error_nomem(e);
	}
	return 0;
}

/* "ssh-ed25519 AAAA... comment" -> "ssh-ed25519 SHA256:..." as ssh-keygen -l shows it. */
static int add_ssh_key(struct facts *x, const char *line)
{
	char kind[64], blob[4096];
	uint8_t raw[3072], hash[32];
	if (sscanf(line, "%63s %4095s", kind, blob) != 2)
		return 0;
	size_t n = strlen(blob);
	if (n % 4 || n > 4092)
		return 0;
	int len = EVP_DecodeBlock(raw, (const uint8_t *)blob, (int)n);
	if (len < 0)
		return 0;
	len -= (n && blob[n - 1] == '=') + (n > 1 && blob[n - 2] == '=');
	unsigned got;
	if (EVP_Digest(raw, (size_t)len, hash, &got, EVP_sha256(), NULL) != 1)
		return 0;
	char b64[64];
	EVP_EncodeBlock((uint8_t *)b64, hash, 32);
	b64[43] = 0; /* without padding, as ssh does */
	autofree char *key = text_format("%s SHA256:%s", kind, b64);
	return key ? strings_add(&x->ssh_keys, key) : -1;
}

static int read_ssh_keys(struct facts *x, const struct tree_reader *t, struct error *e)
{
	struct strings names = {0};
	int rc = t->list(t->ctx, "etc/ssh", &names, e);
	for (size_t i = 0; rc >= 0 && i < names.count; i++) {
		size_t n = strlen(names.items[i]);
		if (strncmp(names.items[i], "ssh_host_", 9) || n < 4 ||
		    strcmp(names.items[i] + n - 4, ".pub"))
			continue;
		autofree char *path = text_format("etc/ssh/%s", names.items[i]), *line = NULL;
		int got = path ? read_line(t, path, &line, e) : error_nomem(e);
		if (got < 0 || (got > 0 && add_ssh_key(x, line) < 0))
			rc = -1;
	}
	strings_free(&names);
	return rc < 0 ? -1 : 0;
}

/* NAME=value or NAME="value", as shells and OpenRC read it: 1 and the value, 0 none, -1 error. */
static int read_setting(const struct tree_reader *t, const char *path, const char *name, char **out, struct error *e)
{
	autofree char *data = NULL, *found = NULL;
	size_t len, n = strlen(name);
	int rc = t->read(t->ctx, path, SMALL, &data, &len, NULL, e);
	for (char *p = data; rc > 0 && p && *p; p = strchr(p, '\n') ? strchr(p, '\n') + 1 : NULL) {
		p += strspn(p, " \t");
		if (strncasecmp(p, name, n) || p[n] != '=')
			continue;
		char *v = p + n + 1, quote = *v == '"' || *v == '\'' ? *v++ : 0;
		size_t m = quote ? strcspn(v, quote == '"' ? "\"\n" : "'\n") : strcspn(v, " \t\r\n#;");
		free(take(found));
		if (m && !(found = text_bounded(v, m, FACTS_NAME_MOST)))
			return error_nomem(e);
	}
	*out = take(found);
	return rc < 0 ? -1 : *out != NULL;
}

/* Where systems that are not set up by systemd keep their name: asked in turn where /etc/hostname has none. */
static int read_hostname(struct facts *x, const struct tree_reader *t, struct error *e)
{
	static const struct {
		const char *path, *setting;
	} others[] = {
		{"/etc/HOSTNAME", NULL},
		{"/etc/conf.d/hostname", "hostname"},
		{"/etc/sysconfig/network", "HOSTNAME"},
		{"/etc/rc.conf", "HOSTNAME"},
	};
	int rc = read_line(t, "etc/hostname", &x->hostname, e);
	for (size_t i = 0; rc == 0 && i < ARRAY_SIZE(others); i++) {
		rc = others[i].setting ? read_setting(t, others[i].path + 1, others[i].setting, &x->hostname, e)
				       : read_line(t, others[i].path + 1, &x->hostname, e);
		if (rc > 0)
			x->hostname_from = others[i].path;
	}
	return rc;
}

int facts_harvest(struct facts *x, const struct tree_reader *t, struct error *e)
{
	autofree char *fstab = NULL;
	size_t len;
	int rc = read_hostname(x, t, e);
	if (rc < 0)
		return -1;
	x->root_found |= rc > 0;
	static const char *const id_paths[] = {"etc/machine-id", "var/lib/dbus/machine-id"};
	for (size_t i = 0; i < ARRAY_SIZE(id_paths) && !x->machine_id; i++) {
		rc = read_line(t, id_paths[i], &x->machine_id, e);
		if (rc < 0)
			return -1;
		if (rc > 0)
			x->machine_id_from = id_paths[i];
	}
	rc = t->read(t->ctx, "etc/fstab", SMALL, &fstab, &len, NULL, e);
	if (rc < 0)
		return -1;
	if (rc > 0) {
		x->fstab_found = x->root_found = true;
		/* A lost block: what it named can't be told, and that is not nothing. */
		if (memchr(fstab, 0, len))
			return error_set(e, ERROR_CORRUPT, (int64_t)strlen(fstab), "etc/fstab holds NUL bytes");
		if (fstab_parse(fstab, x) < 0)
			return error_nomem(e);
	}
	/* Gone as soon as the last pool is. */
	rc = facts_has_content(t, "etc/zfs", "zpool.cache", e);
	if (rc < 0)
		return -1;
	x->zfs_pools = rc > 0;
	if (mount_units_read(x, t, e) < 0 || read_system(x, t, e) < 0 || read_ssh_keys(x, t, e) < 0)
		return -1;
	return facts_scan_boot(x, t, e);
}

void facts_free(struct facts *x)
{
	free(x->root);
	free(x->hostname);
	free(x->machine_id);
	free(x->system);
	strings_free(&x->other_hosts);
	strings_free(&x->ssh_keys);
	vec_each(&x->fstab, l)
	{
		free(l->spec);
		free(l->mount);
		free(l->type);
		free(l->options);
	}
	free(x->fstab.items);
	free(x->kernel);
	free(x->initramfs);
	free(x->efi);
	free(x->firmware);
	free(x->newest_log_path);
	free(x->windows_system);
	free(x->drives.items);
	free(x->windows_volumes.items);
	vec_each(&x->folders, w) free(w->path);
	free(x->folders.items);
	memset(x, 0, sizeof *x);
}
