// SPDX-License-Identifier: GPL-3.0-or-later
#include "confine.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

/* 1: it is known and is not root. */
static int look_up(const char *name, struct confine_account *out, struct error *e)
{
	char room[16384];
	struct passwd entry, *found = NULL;
	int rc = getpwnam_r(name, &entry, room, sizeof room, &found);
	/* Several errors, too, mean that there is no such name, as the manual tells. */
	if (!found) {
		errno = rc;
		return rc == EIO || rc == EMFILE || rc == ENFILE || rc == ENOMEM ? error_sys(e, "account %s", name) : 0;
	}
	if (!found->pw_uid || !found->pw_gid)
		return 0;
	snprintf(out->name, sizeof out->name, "%s", name);
	out->uid = found->pw_uid;
	out->gid = found->pw_gid;
	return 1;
}

int confine_account(struct confine_account *out, struct error *e)
{
	static const char *const names[] = {CONFINE_USER, "nobody"};
	memset(out, 0, sizeof *out);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		int rc = look_up(names[i], out, e);
		if (rc)
			return rc < 0 ? -1 : 0;
	}
	return error_set(e, ERROR_INTERNAL, ERROR_NO_OFFSET,
			 "neither %s nor nobody is a known account that is not root", CONFINE_USER);
}

static int drop_capabilities(bool restores, struct error *e)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3], left[_LINUX_CAPABILITY_U32S_3];
	memset(none, 0, sizeof none);
	if (restores && geteuid() == 0 && syscall(SYS_capget, &head, left) == 0)
		none[0].permitted = none[0].effective = left[0].permitted & 1u << CAP_DAC_OVERRIDE;
	/* Kernels before 4.3 have no ambient ones. */
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 && errno != EINVAL)
		return error_sys(e, "giving up ambient capabilities");
	if (syscall(SYS_capset, &head, none) < 0)
		return error_sys(e, "giving up capabilities");
	memset(left, 0xff, sizeof left);
	if (syscall(SYS_capget, &head, left) < 0)
		return error_sys(e, "capabilities");
	if (memcmp(left, none, sizeof none))
		return error_set(e, ERROR_INTERNAL, ERROR_NO_OFFSET, "capabilities are left after they were given up");
	return 0;
}

static int become(const struct confine_account *account, struct error *e)
{
	uid_t u[3];
	gid_t g[3];
	/* Changing the group needs a capability that goes with the user: the user is last. */
	if (setgroups(0, NULL) < 0 || setresgid(account->gid, account->gid, account->gid) < 0 ||
	    setresuid(account->uid, account->uid, account->uid) < 0)
		return error_sys(e, "becoming %s", account->name);
	if (getresuid(&u[0], &u[1], &u[2]) < 0 || getresgid(&g[0], &g[1], &g[2]) < 0)
		return error_sys(e, "becoming %s", account->name);
	for (int i = 0; i < 3; i++)
		if (u[i] != account->uid || g[i] != account->gid)
			return error_set(e, ERROR_INTERNAL, ERROR_NO_OFFSET, "did not become %s", account->name);
	if (getgroups(0, NULL) != 0)
		return error_set(e, ERROR_INTERNAL, ERROR_NO_OFFSET, "groups are left after becoming %s",
				 account->name);
	return 0;
}

int confine_user(const struct confine_request *r, struct confinement *out, struct error *e)
{
	const struct confine_account *account = r->account;
	bool root = geteuid() == 0;
	if (root && account) {
		if (!account->uid || !account->gid)
			return error_set(e, ERROR_INTERNAL, ERROR_NO_OFFSET, "the account %s is root", account->name);
		/* Refused to who may not change it; with no_new_privs nothing comes of it then. */
		for (int cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
			(void)prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
		if (become(account, e) < 0)
			return -1;
		out->account = *account;
	}
	if (drop_capabilities(r->restores, e) < 0)
		return -1;
	/* What can be undone was not done. */
	if (root && account && (setuid(0) == 0 || seteuid(0) == 0 || setgid(0) == 0 || geteuid() == 0))
		return error_set(e, ERROR_INTERNAL, ERROR_NO_OFFSET, "could become root again");
	return 0;
}
