/* SPDX-License-Identifier: MIT */
#include "daemon/options.h"

#include <stdlib.h>
#include <sys/mount.h>

#include "tests/unit/check.h"

static int add(struct mount_options *o, const char *list)
{
	char *unknown = NULL;
	int r = mount_options_add(o, list, &unknown);

	free(unknown);
	return r;
}

static void test_flags(void)
{
	struct mount_options o;

	mount_options_init(&o);
	CHECK(o.flags == (MS_NOSUID | MS_NODEV));
	CHECK_EQ(add(&o, "ro,suid,dev,noexec,noatime,sync,dirsync,allow_other"), 0);
	CHECK(o.flags == (MS_RDONLY | MS_NOEXEC | MS_NOATIME | MS_SYNCHRONOUS | MS_DIRSYNC));
	CHECK(o.read_only && o.noatime && o.allow_other);
	CHECK_EQ(add(&o, "rw,relatime,nodiratime,async"), 0);
	CHECK(!o.read_only && !o.noatime);
	CHECK(o.flags & MS_NODIRATIME);
	mount_options_done(&o);
}

static void test_what_fstab_writes(void)
{
	struct mount_options o;

	mount_options_init(&o);
	CHECK_EQ(add(&o, "defaults,noauto,user,nofail,_netdev,x-systemd.automount,comment=ours,,default_permissions"), 0);
	CHECK(!o.remount);
	CHECK_EQ(add(&o, "remount,user_id=0,group_id=0"), 0);
	CHECK(o.remount);
	CHECK_EQ(add(&o, "fsname=a name,context=u:r:t,rootcontext=x"), 0);
	CHECK(strcmp(o.fsname, "a name") == 0);
	CHECK(strcmp(o.context, "context=u:r:t,rootcontext=x") == 0);
	mount_options_done(&o);
}

static void test_unknown(void)
{
	struct mount_options o;
	char *unknown = NULL;

	mount_options_init(&o);
	CHECK(mount_options_add(&o, "ro,frob=1,rw", &unknown) < 0);
	CHECK(unknown && strcmp(unknown, "frob=1") == 0);
	free(unknown);
	mount_options_done(&o);
}

int main(void)
{
	test_flags();
	test_what_fstab_writes();
	test_unknown();
	return check_result();
}
