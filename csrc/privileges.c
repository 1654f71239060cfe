/* SPDX-License-Identifier: Apache-2.0 */
#include "privileges.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <stdbool.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static bool has_capability(unsigned int capability)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { { 0 } };

	if (syscall(SYS_capget, &header, data))
		return false;
	return data[capability / 32].effective >> (capability % 32) & 1;
}

static int clear_capabilities(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { { 0 } };

	return syscall(SYS_capset, &header, data) ? -XD_E_SYSTEM : 0;
}

/* Who may not shrink the bounding set has nothing in it to lose once no_new_privs is set. */
static int shrink_bounds(void)
{
	unsigned long bits = SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_CAP_AMBIENT_RAISE |
	                     SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED | SECBIT_KEEP_CAPS_LOCKED;

	if (!has_capability(CAP_SETPCAP))
		return 0;
	for (unsigned long capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; capability++) {
		if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0))
			return -XD_E_SYSTEM;
	}
	return prctl(PR_SET_SECUREBITS, bits, 0, 0, 0) ? -XD_E_SYSTEM : 0;
}

/* The system calls themselves: the C library's functions would change every thread, and they differ on purpose. */
static int change_user(int64_t uid, int64_t gid)
{
	if ((uid >= 0 || gid >= 0) && syscall(SYS_setgroups, 0, NULL))
		return -XD_E_SYSTEM;
	if (gid >= 0 && syscall(SYS_setresgid, gid, gid, gid))
		return -XD_E_SYSTEM;
	if (uid >= 0 && syscall(SYS_setresuid, uid, uid, uid))
		return -XD_E_SYSTEM;
	return 0;
}

int xd_privileges_drop(int64_t uid, int64_t gid)
{
	int result;

	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) && errno != EINVAL)
		return -XD_E_SYSTEM;
	result = shrink_bounds();
	if (!result)
		result = change_user(uid, gid);
	if (!result)
		result = clear_capabilities();
	if (!result && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		result = -XD_E_SYSTEM;
	return result;
}

/* Both calls return the id from before, whether they succeeded or not: a second call tells. */
int xd_privileges_files_as(uint32_t uid, uint32_t gid)
{
	setfsgid(gid);
	setfsuid(uid);
	if ((uint32_t)setfsuid((uid_t)-1) != uid || (uint32_t)setfsgid((gid_t)-1) != gid) {
		errno = EPERM;
		return -XD_E_SYSTEM;
	}
	return 0;
}
