// SPDX-License-Identifier: MIT
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "device.h"
#include "ktap.h"
#include "pci.h"

#define USUAL_ADDRESS "0000:01:00.0" /* of the device in the test guest */

void pci_write(const char *file, const char *text)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/%s", file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		ktap_fail(__FILE__, __LINE__, "%s: %s", path, strerror(errno));
	close(fd);
}

/* Where the link of the node's character device leads. */
static void address_of(const char *node, char *address)
{
	char path[64], target[256];
	struct stat st;
	ssize_t length;

	CHECK(!stat(node, &st));
	snprintf(path, sizeof(path), "/sys/dev/char/%u:%u/device", major(st.st_rdev),
		 minor(st.st_rdev));
	length = readlink(path, target, sizeof(target) - 1);
	CHECK(length > 0);
	target[length] = 0;
	CHECK(strrchr(target, '/') && strlen(strrchr(target, '/')) <= PCI_ADDRESS_BYTES);
	strcpy(address, strrchr(target, '/') + 1);
}

void pci_find(char *address)
{
	if (!dev_path() && access("/sys/module/" DELTAHOP_DRIVER_NAME, F_OK))
		module_insert(DELTAHOP_DRIVER_NAME);
	if (!dev_path())
		pci_write("drivers_probe", USUAL_ADDRESS);
	if (!dev_path())
		ktap_fail(__FILE__, __LINE__, "the driver does not take the device");
	address_of(dev_path(), address);
}

void pci_unbind(const char *address)
{
	pci_write("drivers/" DELTAHOP_DRIVER_NAME "/unbind", address);
	CHECK(!dev_path());
}

void pci_bind(const char *address)
{
	pci_write("drivers/" DELTAHOP_DRIVER_NAME "/bind", address);
	CHECK(dev_path());
}

const char *module_path(const char *name)
{
	static char path[64];

	snprintf(path, sizeof(path), "/lib/modules/%s.ko", name);
	return access(path, R_OK) ? NULL : path;
}

void module_insert(const char *name)
{
	const char *path = module_path(name);
	int file;

	CHECK(path);
	file = open(path, O_RDONLY | O_CLOEXEC);
	CHECK(file >= 0);
	if (syscall(SYS_finit_module, file, "", 0))
		ktap_fail(__FILE__, __LINE__, "loading %s: %s", path, strerror(errno));
	close(file);
}

int module_remove(const char *name)
{
	return syscall(SYS_delete_module, name, O_NONBLOCK) ? -errno : 0;
}

void module_remove_soon(const char *name)
{
	int64_t until = in_seconds(DEVICE_SECONDS);
	int ret = module_remove(name);

	while (ret && now_ns() < until) {
		sleep_ms(10);
		ret = module_remove(name);
	}
	CHECK_OK(ret);
}
