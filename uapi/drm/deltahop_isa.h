/* SPDX-License-Identifier: ((GPL-2.0-only WITH Linux-syscall-note) OR MIT) */
/*
 * DeltaHop instruction set: what the device reads and writes in memory that
 * userspace owns. Command words, run parameters, the state image, completion
 * records and profile rows.
 *
 * Everything is little endian and naturally aligned; sizes are multiples of 8
 * bytes; reserved fields are written as zero, and the device refuses commands
 * in which they are not (DELTAHOP_REASON_BAD_FIELD). The bit-exact meaning is in
 * Documentation/hardware.rst.
 */
#ifndef _UAPI_DRM_DELTAHOP_ISA_H_
#define _UAPI_DRM_DELTAHOP_ISA_H_

#include <linux/types.h>

#if defined(__cplusplus)
extern "C" {
#endif

/* Number of the hardware interface; device and program must have the same major. */
#define DELTAHOP_HW_ABI_MAJOR	1
#define DELTAHOP_HW_ABI_MINOR	0

/** enum deltahop_engine - the engines of a device, also the number of their ring */
enum deltahop_engine {
	DELTAHOP_ENGINE_RNN = 0,
	DELTAHOP_ENGINE_CONV = 1,
	DELTAHOP_ENGINE_COUNT = 2,
};

/** enum deltahop_profile - the published hardware a device behaves like */
enum deltahop_profile {
	DELTAHOP_PROFILE_EDGEDRNN = 0,
	DELTAHOP_PROFILE_NULLHOP_FPGA = 1,
	DELTAHOP_PROFILE_NULLHOP_ASIC = 2,
	DELTAHOP_PROFILE_CARD = 3,
};

/*
 * Capabilities: what a device can do beyond the published engines. 64 bits,
 * the recurrent engine from bit 0, the convolution engine from bit 32.
 */
#define DELTAHOP_CAP_RNN_WEIGHT_BASE	(1ULL << 0) /* a weight address per layer */
#define DELTAHOP_CAP_RNN_MORE_LAYERS	(1ULL << 1) /* more than 4 layer slots */
#define DELTAHOP_CAP_RNN_TEMPLATE	(1ULL << 2) /* layers without bias column, accumulators from the state image */
#define DELTAHOP_CAP_RNN_WEIGHT_SCALE	(1ULL << 3) /* weight fraction bits per layer and gate */
#define DELTAHOP_CAP_RNN_WIDE		(1ULL << 4) /* more than 8 processing elements */
#define DELTAHOP_CAP_RNN_LAYER_THETA	(1ULL << 5) /* thresholds per layer */
#define DELTAHOP_CAP_RNN_DENSE		(1ULL << 6) /* delta dense layers */
#define DELTAHOP_CAP_RNN_GRU_BEFORE	(1ULL << 7) /* GRU whose reset gate comes before the recurrent product */
#define DELTAHOP_CAP_RNN_LSTM		(1ULL << 8) /* LSTM */
#define DELTAHOP_CAP_RNN_SIMPLE		(1ULL << 9) /* simple recurrent layers, of one gate */
#define DELTAHOP_CAP_RNN_RELU		(1ULL << 10) /* GRU and LSTM with ReLU in place of tanh */
#define DELTAHOP_CAP_CONV_STRIDE	(1ULL << 32) /* strides 2..4 */
#define DELTAHOP_CAP_CONV_SHAPE		(1ULL << 33) /* kernels that are no squares, pads that differ by side */
#define DELTAHOP_CAP_CONV_SHIFT		(1ULL << 34) /* output and bias shifts per layer */
#define DELTAHOP_CAP_CONV_WEIGHT8	(1ULL << 35) /* kernels of int8 */
#define DELTAHOP_CAP_CONV_AVG_POOL	(1ULL << 36) /* 2x2 average pooling */
#define DELTAHOP_CAP_CONV_FC		(1ULL << 37) /* fully connected layers */
#define DELTAHOP_CAP_CONV_PSUM		(1ULL << 38) /* accumulators spilled to memory and reloaded */
#define DELTAHOP_CAP_CONV_ADD		(1ULL << 39) /* accumulators that start from a feature map */
#define DELTAHOP_CAP_CONV_PACKED	(1ULL << 40) /* 16-bit words without gaps, not 32 payload bits in 64 */
#define DELTAHOP_CAP_CONV_FORMAT	(1ULL << 41) /* output encoded or not, whatever the activation */

/* Most layer slots that any device may have; the device's own number is in its registers. */
#define DELTAHOP_RNN_MAX_SLOTS		16

/** enum deltahop_opcode - 0 is no command, so that cleared memory does not run */
enum deltahop_opcode {
	DELTAHOP_OP_NOP = 1,
	DELTAHOP_OP_END = 2,		/* ends the job; must be the last command */
	DELTAHOP_OP_RNN_LAYER = 16,
	DELTAHOP_OP_RNN_RUN = 17,
	DELTAHOP_OP_CONV_LAYER = 32,
	DELTAHOP_OP_CONV_INPUT = 33,
	DELTAHOP_OP_CONV_PASS = 34,
	DELTAHOP_OP_CONV_FC = 35,	/* DELTAHOP_CAP_CONV_FC */
};

/**
 * struct deltahop_cmd - first 8 bytes of every command
 * @opcode: &enum deltahop_opcode
 * @size: bytes of the whole command, multiple of 8, exactly the size of the opcode's structure
 * @flags: per opcode; unknown bits are refused
 */
struct deltahop_cmd {
	__le16 opcode;
	__le16 size;
	__le32 flags;
};

/** enum deltahop_cell - what a layer computes */
enum deltahop_cell {
	DELTAHOP_CELL_GRU = 0,		/* reset gate applied after the recurrent product */
	DELTAHOP_CELL_DENSE = 1,	/* DELTAHOP_CAP_RNN_DENSE */
	DELTAHOP_CELL_GRU_BEFORE = 2,	/* reset gate applied to h before its product; DELTAHOP_CAP_RNN_GRU_BEFORE */
	DELTAHOP_CELL_LSTM = 3,		/* DELTAHOP_CAP_RNN_LSTM */
	DELTAHOP_CELL_SIMPLE = 4,	/* one gate, its output fed back; DELTAHOP_CAP_RNN_SIMPLE */
};

/**
 * enum deltahop_activation - output function of a dense or simple layer; of the candidate of a GRU or LSTM: 0 is its
 * own, tanh, and DELTAHOP_ACT_RELU needs DELTAHOP_CAP_RNN_RELU
 */
enum deltahop_activation {
	DELTAHOP_ACT_NONE = 0,
	DELTAHOP_ACT_RELU = 1,
	DELTAHOP_ACT_SIGMOID = 2,
	DELTAHOP_ACT_TANH = 3,
};

/* The weight memory has no bias column; accumulators start from the state image. */
#define DELTAHOP_LAYER_NO_BIAS	(1 << 0)
/* LSTM: h is the output gate times max(c, 0), not times tanh(c). DELTAHOP_CAP_RNN_RELU */
#define DELTAHOP_LAYER_OUTPUT_RELU	(1 << 1)

/**
 * struct deltahop_cmd_rnn_layer - set up one layer slot for the rest of the job
 * @hdr: opcode DELTAHOP_OP_RNN_LAYER, size 40, flags DELTAHOP_LAYER_*
 * @slot: layer slot, below the device's number of slots
 * @cell: &enum deltahop_cell
 * @activation: &enum deltahop_activation
 * @pad: zero
 * @inputs: I, elements of the input vector: 4..1024, I mod 8 is 0 or 4
 * @hidden: H, units: a multiple of 8, 16..1024
 * @weight_frac: fraction bits n of the int8 weights of each gate (value = w / 2^n), 0..15. GRU, either kind: r, u, c,
 *	0; LSTM: i, f, g, o; dense and simple: n, 0, 0, 0. Without DELTAHOP_CAP_RNN_WEIGHT_SCALE every used one is 7
 * @weight_region: region with READ
 * @weight_offset: byte offset of the layer's first column; columns follow each other without padding: bias
 *	(unless DELTAHOP_LAYER_NO_BIAS), x[0..I-1], h[0..H-1]. A GRU column has 3H bytes (r, u, c rows), an LSTM
 *	column 4H (i, f, g, o), a simple or dense one H, and a dense layer has no h columns. GRU_BEFORE: bias and x
 *	columns of 3H bytes (r, u, c), then h columns of 2H (r, u), then columns of H (c) for the elements of r * h.
 *	Without DELTAHOP_CAP_RNN_WEIGHT_BASE the offset of slot l must be
 *	base + k0(l) * 3 * H(l), where base is slot 0's offset and k0(l) the number of columns of the slots before
 * @state_offset: byte offset of the layer's block in the state image, multiple of 8
 * @rsvd: zero
 */
struct deltahop_cmd_rnn_layer {
	struct deltahop_cmd hdr;
	__u8 slot;
	__u8 cell;
	__u8 activation;
	__u8 pad;
	__le16 inputs;
	__le16 hidden;
	__u8 weight_frac[4];
	__le32 weight_region;
	__le64 weight_offset;
	__le32 state_offset;
	__le32 rsvd;
};

/* Write only the last step's output vector, at output_offset. */
#define DELTAHOP_RUN_LAST_ONLY	(1 << 0)

/**
 * struct deltahop_cmd_rnn_run - run a stack of layers over the steps that the parameters ask for
 * @hdr: opcode DELTAHOP_OP_RNN_RUN, size 48, flags DELTAHOP_RUN_*
 * @first: slot of the first layer
 * @count: layers, at least 1; slots first .. first+count-1 must have been set up in this job, and the inputs of each
 *	later one equal the hidden units of the one before. Without capability bits first is 0 and count at most 4
 * @pad: zero
 * @params_region: region with READ that holds a &struct deltahop_rnn_params
 * @params_offset: its byte offset, multiple of 8
 * @input_region: region with READ
 * @output_region: region with WRITE
 * @input_offset: byte offset of the first step's input: int16 Q8.8 [I], multiple of 2
 * @output_offset: byte offset of the first step's output: int16 Q8.8 [H of the last layer], multiple of 2
 */
struct deltahop_cmd_rnn_run {
	struct deltahop_cmd hdr;
	__u8 first;
	__u8 count;
	__le16 pad;
	__le32 params_region;
	__le64 params_offset;
	__le32 input_region;
	__le32 output_region;
	__le64 input_offset;
	__le64 output_offset;
};

/* Append a profile row per step and layer, not one per command and layer. */
#define DELTAHOP_PARAMS_PROFILE_STEPS	(1 << 0)

/* Most steps of one DELTAHOP_OP_RNN_RUN. */
#define DELTAHOP_RNN_MAX_STEPS	(1U << 20)

/**
 * struct deltahop_theta - the delta thresholds of a layer
 * @x: for the bias and the input vector
 * @h: for the hidden vector; GRU_BEFORE: for r * h too
 *
 * The low 10 bits, read as a signed number, in 1/256. An element fires when its delta d is not 0 and d >= T or d <= -T.
 * 0..511 are thresholds; with -512..-1 every non-zero delta fires.
 */
struct deltahop_theta {
	__le16 x;
	__le16 h;
};

/**
 * struct deltahop_rnn_params - what may change from job to job, read at the start of a DELTAHOP_OP_RNN_RUN
 * @size: sizeof(struct deltahop_rnn_params)
 * @flags: DELTAHOP_PARAMS_*
 * @steps: 1..DELTAHOP_RNN_MAX_STEPS
 * @rsvd: zero
 * @input_stride: bytes from one step's input vector to the next, multiple of 2
 * @output_stride: bytes from one step's output vector to the next, multiple of 2
 * @theta: thresholds by layer slot. Without DELTAHOP_CAP_RNN_LAYER_THETA those of all slots that run must be equal
 */
struct deltahop_rnn_params {
	__le32 size;
	__le32 flags;
	__le32 steps;
	__le32 rsvd;
	__le32 input_stride;
	__le32 output_stride;
	struct deltahop_theta theta[DELTAHOP_RNN_MAX_SLOTS];
};

/* The bias column has been sent (or dropped) since the state was made. */
#define DELTAHOP_STATE_BIAS_SENT	(1 << 0)

/**
 * struct deltahop_rnn_state - head of a layer's block in a state image
 * @flags: DELTAHOP_STATE_*
 * @rsvd: zero
 *
 * Then follow, without padding: __le16 x_mem[I rounded up to 8]; unless dense __le16 h_mem[H], __le16 h[H]; GRU_BEFORE
 * __le16 rh_mem[H]; LSTM __le16 c[H]; and the accumulators as __le32, of which the low 24 bits count: GRU M_r[H],
 * M_u[H], M_cx[H], M_ch[H]; GRU_BEFORE M_r[H], M_u[H], M_c[H]; LSTM M_i[H], M_f[H], M_g[H], M_o[H]; dense and simple
 * M[H].
 * An image of zeros is the state after power-up. Accumulators have 8 + weight_frac fraction bits.
 */
struct deltahop_rnn_state {
	__le32 flags;
	__le32 rsvd;
};

/* Bytes of a layer's block in a state image, by its I and H. */
#define DELTAHOP_RNN_STATE_GRU(i, h)	(8 + 2 * (((i) + 7) / 8 * 8) + 4 * (h) + 16 * (h))
#define DELTAHOP_RNN_STATE_DENSE(i, h)	(8 + 2 * (((i) + 7) / 8 * 8) + 4 * (h))
#define DELTAHOP_RNN_STATE_GRU_BEFORE(i, h)	(8 + 2 * (((i) + 7) / 8 * 8) + 6 * (h) + 12 * (h))
#define DELTAHOP_RNN_STATE_LSTM(i, h)	(8 + 2 * (((i) + 7) / 8 * 8) + 6 * (h) + 16 * (h))
#define DELTAHOP_RNN_STATE_SIMPLE(i, h)	(8 + 2 * (((i) + 7) / 8 * 8) + 4 * (h) + 4 * (h))

/* Rectify: accumulators below 0 become 0, before pooling. */
#define DELTAHOP_CONV_RELU	(1 << 0)
/* 2x2 pooling with stride 2 of the accumulators; at most one of the two. */
#define DELTAHOP_CONV_POOL_MAX	(1 << 1)
#define DELTAHOP_CONV_POOL_AVG	(1 << 2)
/* Kernels are int8, not int16. */
#define DELTAHOP_CONV_WEIGHT8	(1 << 3)
/* The output is encoded: sparsity map and non-zero values. Without DELTAHOP_CAP_CONV_FORMAT: if and only if RELU. */
#define DELTAHOP_CONV_ENCODE	(1 << 4)

/* Most maps (DELTAHOP_OP_CONV_INPUT) that a layer's input may consist of. */
#define DELTAHOP_CONV_MAX_INPUTS	64

/**
 * struct deltahop_cmd_conv_layer - geometry of a convolution layer; forgets the layer before and its inputs
 * @hdr: opcode DELTAHOP_OP_CONV_LAYER, size 32, flags DELTAHOP_CONV_*
 * @kernel_rows: 1..7
 * @kernel_cols: 1..7, without DELTAHOP_CAP_CONV_SHAPE the same
 * @stride_rows: 1..4, without DELTAHOP_CAP_CONV_STRIDE 1
 * @stride_cols: likewise
 * @pad_top: input row of output row o and kernel row k is o * stride_rows + k - pad_top; outside of the input are zeros
 * @pad_left: likewise. Without DELTAHOP_CAP_CONV_SHAPE both are the same, from 0 to kernel_rows - 1
 * @macs: m, MACs that work on one output map: 1, 2, 4 or 8
 * @out_shift: accumulator to output, 0..31; without DELTAHOP_CAP_CONV_SHIFT 8
 * @rows: of the input, at least 1
 * @cols: of the input, 1..the device's limit
 * @out_rows: of the output before pooling; without DELTAHOP_CAP_CONV_SHAPE (rows + 2 pad - kernel_rows) / stride + 1
 * @out_cols: likewise, at most the device's limit
 * @channels: of the input, the sum over its maps
 * @bias_shift: of the biases, 0..16; without DELTAHOP_CAP_CONV_SHIFT 8
 * @rsvd: zero
 */
struct deltahop_cmd_conv_layer {
	struct deltahop_cmd hdr;
	__u8 kernel_rows;
	__u8 kernel_cols;
	__u8 stride_rows;
	__u8 stride_cols;
	__s8 pad_top;
	__s8 pad_left;
	__u8 macs;
	__u8 out_shift;
	__le16 rows;
	__le16 cols;
	__le16 out_rows;
	__le16 out_cols;
	__le16 channels;
	__u8 bias_shift;
	__u8 rsvd[5];
};

/* The map is encoded; else all its values are there, and none is skipped. */
#define DELTAHOP_INPUT_ENCODED	(1 << 0)

/**
 * struct deltahop_cmd_conv_input - one more map of the layer's input; its channels follow those of the map before
 * @hdr: opcode DELTAHOP_OP_CONV_INPUT, size 24, flags DELTAHOP_INPUT_*
 * @channels: of the map, at least 1
 * @pad: zero
 * @region: region with READ
 * @offset: byte offset of the map, multiple of 8
 */
struct deltahop_cmd_conv_input {
	struct deltahop_cmd hdr;
	__le16 channels;
	__le16 pad;
	__le32 region;
	__le64 offset;
};

/* Accumulators start from partial sums, not from the biases. */
#define DELTAHOP_PASS_PSUM_IN	(1 << 0)
/* Accumulators are written as partial sums; there is no output. */
#define DELTAHOP_PASS_PSUM_OUT	(1 << 1)
/* A feature map is added to what the accumulators start from. */
#define DELTAHOP_PASS_ADD	(1 << 2)
/* That map is encoded. */
#define DELTAHOP_PASS_ADD_ENCODED	(1 << 3)

/**
 * struct deltahop_cmd_conv_pass - compute some output maps of the layer; or, fully connected, all outputs
 * @hdr: opcode DELTAHOP_OP_CONV_PASS or DELTAHOP_OP_CONV_FC, size 64, flags DELTAHOP_PASS_* (FC: 0)
 * @maps: output maps: 1..128 / m. FC: outputs, 1..the device's limit
 * @add_shift: of the added map's values, 0..24; 0 without ADD
 * @pad: zero
 * @weight_region: region with READ: biases, then kernels (FC: columns)
 * @weight_offset: multiple of 8
 * @output_region: region with WRITE; 0 with PSUM_OUT
 * @psum_region: region of the partial sums: READ, WRITE, as the flags need; 0 without
 * @output_offset: multiple of 8; 0 with PSUM_OUT
 * @psum_offset: multiple of 8: int32 [out_rows][out_cols][maps]; 0 without
 * @add_offset: multiple of 8: a map of out_rows x out_cols x maps; 0 without
 * @add_region: region with READ; 0 without
 * @rsvd: zero
 */
struct deltahop_cmd_conv_pass {
	struct deltahop_cmd hdr;
	__le16 maps;
	__u8 add_shift;
	__u8 pad;
	__le32 weight_region;
	__le64 weight_offset;
	__le32 output_region;
	__le32 psum_region;
	__le64 output_offset;
	__le64 psum_offset;
	__le64 add_offset;
	__le32 add_region;
	__le32 rsvd;
};

/** enum deltahop_status - how a job ended */
enum deltahop_status {
	DELTAHOP_STATUS_NONE = 0,		/* not ended */
	DELTAHOP_STATUS_OK = 1,
	DELTAHOP_STATUS_FAULT = 2,		/* the device refused a command or an access: see reason; -EIO */
	DELTAHOP_STATUS_BUDGET = 3,		/* more cycles than the job's budget; -EDQUOT */
	DELTAHOP_STATUS_TIMEOUT = 4,		/* the engine stood still and was reset; -ETIME; written by the driver, as all below */
	DELTAHOP_STATUS_CANCELLED = 5,		/* its context was closed; -ECANCELED */
	DELTAHOP_STATUS_DEPENDENCY_FAILED = 6,	/* not run: what it depends on failed; -ENODATA */
	DELTAHOP_STATUS_DEVICE_LOST = 7,	/* device gone or dead; -ENODEV */
};

/** enum deltahop_reason - why a job did not end well; refers to the record's command offset, region and region offset */
enum deltahop_reason {
	DELTAHOP_REASON_NONE = 0,
	DELTAHOP_REASON_BAD_OPCODE = 1,		/* unknown, or not of this engine */
	DELTAHOP_REASON_BAD_LENGTH = 2,		/* size is not the opcode's, or runs past the end of the commands */
	DELTAHOP_REASON_BAD_FIELD = 3,		/* reserved bits set, or a value that is never legal */
	DELTAHOP_REASON_BAD_SIZE = 4,		/* layer sizes that the engine cannot run */
	DELTAHOP_REASON_UNSUPPORTED = 5,	/* needs a capability that this device lacks */
	DELTAHOP_REASON_BAD_PARAMS = 6,		/* run parameters out of range; region and offset name them */
	DELTAHOP_REASON_BAD_REGION = 7,		/* no such region */
	DELTAHOP_REASON_OUT_OF_BOUNDS = 8,	/* offset past the end of the region */
	DELTAHOP_REASON_NO_READ = 9,		/* region without READ */
	DELTAHOP_REASON_NO_WRITE = 10,		/* region without WRITE */
	DELTAHOP_REASON_DMA = 11,		/* the bus refused a read or write */
	DELTAHOP_REASON_NOT_LOADED = 12,	/* layer not set up in this job, or no (or too little) state of this owner on the chip */
	DELTAHOP_REASON_NO_END = 13,		/* commands end without DELTAHOP_OP_END */
	DELTAHOP_REASON_CYCLES = 14,		/* budget used up */
	DELTAHOP_REASON_HANG = 15,		/* no progress; written by the driver */
	DELTAHOP_REASON_STATE_LOST = 16,	/* the state was lost by a failed job; reset or restore it; written by the driver */
	DELTAHOP_REASON_UNPLUG = 17,		/* written by the driver */
	DELTAHOP_REASON_CLOSED = 18,		/* written by the driver */
	DELTAHOP_REASON_DEPENDENCY = 19,	/* written by the driver */
	DELTAHOP_REASON_BAD_TABLE = 20,		/* region table malformed: a fault of the driver */
	DELTAHOP_REASON_BAD_DATA = 21,		/* feature map, biases or kernels that are not in their format */
};

/** enum deltahop_writer - who wrote a record */
enum deltahop_writer {
	DELTAHOP_WRITER_DEVICE = 0,
	DELTAHOP_WRITER_DRIVER = 1,
};

#define DELTAHOP_RECORD_VERSION	1

/**
 * struct deltahop_record - completion record of a job
 * @size: bytes of the record
 * @version: DELTAHOP_RECORD_VERSION
 * @status: &enum deltahop_status
 * @reason: &enum deltahop_reason
 * @wait_cycles: of @cycles, those lost because the other engine used the memory channel; 2^32 - 1 stands for more too
 * @engine: &enum deltahop_engine
 * @writer: &enum deltahop_writer
 * @cmd_offset: byte offset, from the start of the commands, of the command that failed, or of the last one run
 * @fault_region: region of the failed access, ~0 where there is none
 * @fault_offset: byte offset in it
 * @cycles: engine cycles of the whole job, and of the state transfers that preceded it
 * @step_cycles: of these, cycles of steps (RNN: weight fetch and compute; CONV: of stripes)
 * @bytes_weights: weight bytes moved
 * @bytes_in: input vectors; feature maps and partial sums read
 * @bytes_out: output vectors; feature maps and partial sums written
 * @bytes_state: state loaded and saved since the job before
 * @bytes_commands: ring entry, region table, commands, parameters, profile rows
 * @work_done: multiply-accumulates done
 * @work_skipped: multiply-accumulates that a dense run would have done besides
 * @energy_pj: picojoule, from parameters that are assumed
 * @start_ns: device time at which the job began
 * @end_ns: device time at which it ended
 * @profile_lost: profile rows that did not fit
 * @seqno: the job's sequence number, written last and apart
 */
struct deltahop_record {
	__le16 size;
	__le16 version;
	__le16 status;
	__le16 reason;
	__le32 wait_cycles;
	__le16 engine;
	__le16 writer;
	__le32 cmd_offset;
	__le32 fault_region;
	__le64 fault_offset;
	__le64 cycles;
	__le64 step_cycles;
	__le64 bytes_weights;
	__le64 bytes_in;
	__le64 bytes_out;
	__le32 bytes_state;
	__le32 bytes_commands;
	__le64 work_done;
	__le64 work_skipped;
	__le64 energy_pj;
	__le64 start_ns;
	__le64 end_ns;
	__le32 profile_lost;
	__le32 seqno;
};

/**
 * struct deltahop_profile_head - first 64 bytes of a profile region, written when the job ends
 * @rows: rows written behind this head
 * @lost: rows that did not fit
 * @rsvd: zero
 */
struct deltahop_profile_head {
	__le32 rows;
	__le32 lost;
	__le32 rsvd[14];
};

/**
 * struct deltahop_profile_row - what one command cost, in one layer
 * @cmd_offset: byte offset of the command
 * @opcode: its opcode
 * @layer: layer slot; CONV: number of the layer in the job
 * @step: first step covered
 * @steps: number of steps covered; CONV: stripes
 * @cycles: cycles of the layer in these steps; the layers of a command add up to its step cycles. CONV: of the command
 * @bytes_weights: weight bytes fetched
 * @bytes_in: input bytes read (first layer of the command)
 * @bytes_out: output bytes written (last layer of the command)
 * @work_done: multiply-accumulates done
 * @work_skipped: multiply-accumulates skipped
 * @fired_x: elements of bias and x that fired; CONV: pixels taken
 * @fired_h: elements of h that fired. GRU_BEFORE: the columns of r * h fetched are
 *	(@bytes_weights - 3H @fired_x - 2H @fired_h) / H
 */
struct deltahop_profile_row {
	__le32 cmd_offset;
	__le16 opcode;
	__le16 layer;
	__le32 step;
	__le32 steps;
	__le64 cycles;
	__le64 bytes_weights;
	__le32 bytes_in;
	__le32 bytes_out;
	__le64 work_done;
	__le64 work_skipped;
	__le32 fired_x;
	__le32 fired_h;
};

#if defined(__cplusplus)
}
#endif

#endif /* _UAPI_DRM_DELTAHOP_ISA_H_ */
