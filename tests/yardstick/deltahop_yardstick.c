// SPDX-License-Identifier: GPL-2.0-only
/*
 * The smallest driver for the device: one buffer, one job at a time, one
 * interrupt. No scheduler, no contexts, no checks, no recovery: whoever opens it
 * may do anything, and a stuck engine stays stuck. It exists so that a benchmark
 * can say what the real driver costs.
 */
#include <linux/completion.h>
#include <linux/dma-mapping.h>
#include <linux/interrupt.h>
#include <linux/io.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/uaccess.h>

#include "deltahop_hw.h"
#include "deltahop_yardstick.h"

#define YARDSTICK_RING	  0 /* the recurrent engine's */
#define YARDSTICK_ORDER	  3
#define YARDSTICK_ENTRIES (1U << YARDSTICK_ORDER)
#define YARDSTICK_TIMEOUT (10 * HZ)

/* What driver and device share, besides the buffer */
struct yardstick_shared {
	struct deltahop_entry ring[YARDSTICK_ENTRIES];
	struct deltahop_region table[1];
	struct deltahop_record record;
};

struct yardstick {
	struct miscdevice misc;
	struct device *dev;
	void __iomem *regs;
	struct yardstick_shared *shared;
	dma_addr_t shared_dma;
	void *buffer;
	dma_addr_t buffer_dma;
	struct mutex lock;
	struct completion done;
	u32 tail;
};

static void yardstick_write(struct yardstick *ys, u32 reg, u32 value)
{
	writel(value, ys->regs + DELTAHOP_RING(YARDSTICK_RING, reg));
}

static irqreturn_t yardstick_irq(int irq, void *data)
{
	struct yardstick *ys = data;

	writel(DELTAHOP_IRQ_RING(YARDSTICK_RING), ys->regs + DELTAHOP_REG_IRQ_STATUS);
	complete(&ys->done);
	return IRQ_HANDLED;
}

static struct deltahop_entry *yardstick_entry(struct yardstick *ys, u32 type, u32 flags)
{
	struct deltahop_entry *entry = &ys->shared->ring[ys->tail++ % YARDSTICK_ENTRIES];

	*entry = (struct deltahop_entry){
		.type = cpu_to_le32(type),
		.flags = cpu_to_le32(flags),
		.owner = cpu_to_le32(1),
		.table_addr =
			cpu_to_le64(ys->shared_dma + offsetof(struct yardstick_shared, table)),
		.table_count = cpu_to_le32(1),
		.profile_region = cpu_to_le32(DELTAHOP_REGION_NONE),
	};
	return entry;
}

static void yardstick_start(struct yardstick *ys, const struct deltahop_yardstick_run *run)
{
	struct deltahop_entry *entry;

	if (run->state_bytes) {
		entry = yardstick_entry(ys, DELTAHOP_ENTRY_STATE_LOAD, DELTAHOP_ENTRY_STATE_ZERO);
		entry->size = cpu_to_le32(run->state_bytes);
	}
	entry = yardstick_entry(ys, DELTAHOP_ENTRY_JOB, DELTAHOP_ENTRY_IRQ);
	entry->cmd_offset = cpu_to_le64(run->cmd_offset);
	entry->size = cpu_to_le32(run->cmd_size);
	entry->record_addr =
		cpu_to_le64(ys->shared_dma + offsetof(struct yardstick_shared, record));
	yardstick_write(ys, DELTAHOP_RING_TAIL, ys->tail);
}

static long yardstick_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct yardstick *ys = container_of(file->private_data, struct yardstick, misc);
	struct deltahop_yardstick_run run;
	long left;

	if (cmd != DELTAHOP_YARDSTICK_RUN)
		return -ENOTTY;
	if (copy_from_user(&run, (void __user *)arg, sizeof(run)))
		return -EFAULT;

	mutex_lock(&ys->lock);
	reinit_completion(&ys->done);
	yardstick_start(ys, &run);
	left = wait_for_completion_timeout(&ys->done, YARDSTICK_TIMEOUT);
	run.record = ys->shared->record;
	mutex_unlock(&ys->lock);

	if (!left)
		return -ETIMEDOUT;
	return copy_to_user((void __user *)arg, &run, sizeof(run)) ? -EFAULT : 0;
}

static int yardstick_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct yardstick *ys = container_of(file->private_data, struct yardstick, misc);

	return dma_mmap_coherent(ys->dev, vma, ys->buffer, ys->buffer_dma,
				 DELTAHOP_YARDSTICK_BYTES);
}

static const struct file_operations yardstick_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = yardstick_ioctl,
	.mmap = yardstick_mmap,
};

static int yardstick_alloc(struct yardstick *ys)
{
	ys->shared = dmam_alloc_coherent(ys->dev, sizeof(*ys->shared), &ys->shared_dma, GFP_KERNEL);
	ys->buffer =
		dmam_alloc_coherent(ys->dev, DELTAHOP_YARDSTICK_BYTES, &ys->buffer_dma, GFP_KERNEL);
	if (!ys->shared || !ys->buffer)
		return -ENOMEM;
	ys->shared->table[0] = (struct deltahop_region){
		.addr = cpu_to_le64(ys->buffer_dma),
		.length = cpu_to_le64(DELTAHOP_YARDSTICK_BYTES),
		.flags = cpu_to_le32(DELTAHOP_REGION_VALID | DELTAHOP_REGION_READ |
				     DELTAHOP_REGION_WRITE),
	};
	return 0;
}

static int yardstick_request_irq(struct yardstick *ys, struct pci_dev *pdev)
{
	int ret = pci_alloc_irq_vectors(pdev, DELTAHOP_VECTOR_COUNT, DELTAHOP_VECTOR_COUNT,
					PCI_IRQ_MSIX);

	if (ret < 0)
		return ret;
	return devm_request_irq(ys->dev, pci_irq_vector(pdev, DELTAHOP_VECTOR_RING(YARDSTICK_RING)),
				yardstick_irq, 0, "deltahop_yardstick", ys);
}

static void yardstick_reset(struct yardstick *ys)
{
	writel(DELTAHOP_CTRL_RESET, ys->regs + DELTAHOP_REG_CTRL);
	while (readl(ys->regs + DELTAHOP_REG_CTRL) & DELTAHOP_CTRL_RESET)
		cpu_relax();
}

static void yardstick_start_ring(struct yardstick *ys)
{
	yardstick_write(ys, DELTAHOP_RING_BASE_LO, lower_32_bits(ys->shared_dma));
	yardstick_write(ys, DELTAHOP_RING_BASE_HI, upper_32_bits(ys->shared_dma));
	yardstick_write(ys, DELTAHOP_RING_SIZE, YARDSTICK_ORDER);
	yardstick_write(ys, DELTAHOP_RING_CTRL, DELTAHOP_RING_CTRL_ENABLE);
	writel(DELTAHOP_IRQ_RING(YARDSTICK_RING), ys->regs + DELTAHOP_REG_IRQ_ENABLE);
}

static int yardstick_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct yardstick *ys;
	int ret;

	ys = devm_kzalloc(&pdev->dev, sizeof(*ys), GFP_KERNEL);
	if (!ys)
		return -ENOMEM;
	ys->dev = &pdev->dev;
	mutex_init(&ys->lock);
	init_completion(&ys->done);
	pci_set_drvdata(pdev, ys);

	ret = pcim_enable_device(pdev);
	if (ret)
		return ret;
	ys->regs = pcim_iomap_region(pdev, DELTAHOP_PCI_BAR_REGS, "deltahop_yardstick");
	if (IS_ERR(ys->regs))
		return PTR_ERR(ys->regs);
	ret = dma_set_mask_and_coherent(&pdev->dev, DMA_BIT_MASK(64));
	if (!ret)
		ret = yardstick_alloc(ys);
	if (!ret)
		ret = yardstick_request_irq(ys, pdev);
	if (ret)
		return ret;

	pci_set_master(pdev);
	yardstick_reset(ys);
	yardstick_start_ring(ys);
	ys->misc = (struct miscdevice){
		.minor = MISC_DYNAMIC_MINOR,
		.name = "deltahop_yardstick",
		.fops = &yardstick_fops,
	};
	return misc_register(&ys->misc);
}

static void yardstick_remove(struct pci_dev *pdev)
{
	struct yardstick *ys = pci_get_drvdata(pdev);

	misc_deregister(&ys->misc);
	yardstick_reset(ys);
	pci_clear_master(pdev);
}

static const struct pci_device_id yardstick_ids[] = {
	{ PCI_DEVICE(DELTAHOP_PCI_VENDOR, DELTAHOP_PCI_DEVICE) }, {}
};

static struct pci_driver yardstick_driver = {
	.name = "deltahop_yardstick",
	.id_table = yardstick_ids,
	.probe = yardstick_probe,
	.remove = yardstick_remove,
};
module_pci_driver(yardstick_driver);

MODULE_DESCRIPTION("DeltaHop: the smallest driver, for comparison");
MODULE_LICENSE("GPL");
