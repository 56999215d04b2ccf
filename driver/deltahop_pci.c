// SPDX-License-Identifier: GPL-2.0-only
/*
 * PCIe: finding the function, its BARs and its DMA abilities.
 */
#include "deltahop_drv.h"

#include <linux/dma-mapping.h>
#include <linux/pci.h>

#include <drm/drm_drv.h>

static int deltahop_pci_setup(struct pci_dev *pdev, struct deltahop_device *ddev)
{
	int ret;

	ret = pcim_enable_device(pdev);
	if (ret)
		return ret;
	if (pci_resource_len(pdev, DELTAHOP_PCI_BAR_REGS) < DELTAHOP_REGS_SIZE)
		return dev_err_probe(&pdev->dev, -ENODEV, "BAR %d is too small for the registers\n",
				     DELTAHOP_PCI_BAR_REGS);
	ret = dma_set_mask_and_coherent(&pdev->dev, DMA_BIT_MASK(64));
	if (ret)
		return dev_err_probe(&pdev->dev, ret, "no 64-bit DMA\n");
	dma_set_max_seg_size(&pdev->dev, UINT_MAX);

	ddev->regs = pcim_iomap_region(pdev, DELTAHOP_PCI_BAR_REGS, DELTAHOP_DRIVER_NAME);
	return PTR_ERR_OR_ZERO(ddev->regs);
}

static int deltahop_pci_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct deltahop_device *ddev;
	int ret;

	ddev = devm_drm_dev_alloc(&pdev->dev, &deltahop_drm_driver, struct deltahop_device, drm);
	if (IS_ERR(ddev))
		return PTR_ERR(ddev);
	pci_set_drvdata(pdev, ddev);

	ret = deltahop_pci_setup(pdev, ddev);
	if (ret)
		return ret;
	ret = deltahop_device_init(ddev);
	if (ret)
		return ret;
	ret = drm_dev_register(&ddev->drm, 0);
	if (ret)
		deltahop_device_unplug(ddev);
	return ret;
}

static void deltahop_pci_remove(struct pci_dev *pdev)
{
	deltahop_device_unplug(pci_get_drvdata(pdev));
}

static const struct pci_device_id deltahop_pci_ids[] = {
	{ PCI_DEVICE(DELTAHOP_PCI_VENDOR, DELTAHOP_PCI_DEVICE) },
	{ /* end */ },
};
MODULE_DEVICE_TABLE(pci, deltahop_pci_ids);

static struct pci_driver deltahop_pci_driver = {
	.name = DELTAHOP_DRIVER_NAME,
	.id_table = deltahop_pci_ids,
	.probe = deltahop_pci_probe,
	.remove = deltahop_pci_remove,
	.shutdown = deltahop_pci_remove,
};
module_pci_driver(deltahop_pci_driver);
