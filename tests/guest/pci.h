/* SPDX-License-Identifier: MIT */
/*
 * The device as a PCI function and the modules that drive it. A function without a result fails the test.
 */
#ifndef PCI_H
#define PCI_H

#define PCI_ADDRESS_BYTES 32

/** pci_write() - write to a file below /sys/bus/pci */
void pci_write(const char *file, const char *text);

/** pci_find() - address of the device; first gives it its driver back if a test that was stopped halfway took it away */
void pci_find(char *address);

/** pci_unbind() - take the device from the driver */
void pci_unbind(const char *address);

/** pci_bind() - give it back */
void pci_bind(const char *address);

/** module_path() - where the guest keeps a module, or NULL if it is not there */
const char *module_path(const char *name);

/** module_insert() - load a module of the guest */
void module_insert(const char *name);

/** module_remove() - unload a module: 0 or a negative errno */
int module_remove(const char *name);

/** module_remove_soon() - unload it; fences of jobs that have ended hold it a moment longer */
void module_remove_soon(const char *name);

#endif /* PCI_H */
