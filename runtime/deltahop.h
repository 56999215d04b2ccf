/* SPDX-License-Identifier: MIT */
/*
 * libdeltahop: run compiled networks on a DeltaHop device, a real one or the
 * model of it in this process.
 *
 * The way through: dh_device_open(), dh_program_load(), dh_instance_create() puts the program's
 * commands and weights into the device's memory, dh_stream_create() makes a recurrent state,
 * dh_job_create() the memory of one job. Then, as often as you like and without allocating
 * anything: fill dh_job_input(), dh_job_setup(), dh_submit(), dh_job_wait(), read dh_job_output().
 *
 * Errors: functions return 0 or a negative errno, and write a sentence into the &struct dh_error
 * that the caller gave (which may be NULL). Nothing aborts and nothing prints.
 *
 * Threads: a device may be used by any number of threads at once; so may an instance with its
 * streams and jobs, as long as each job is touched by one thread at a time. Destroying an object
 * while another thread uses it is an error of the caller. A program is constant once loaded.
 *
 * Every structure that the caller passes begins with its size, so that it can grow.
 */
#ifndef DELTAHOP_H
#define DELTAHOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__cplusplus)
extern "C" {
#endif

struct dh_device;
struct dh_program;
struct dh_instance;
struct dh_stream;
struct dh_job;
struct dh_buffer;
struct dh_network;
struct dh_session;

/**
 * struct dh_error - what went wrong, where, and what to do instead; one sentence without a newline
 */
struct dh_error {
	char text[512];
};

/** dh_version() - version of this library, "major.minor.micro" */
const char *dh_version(void);

/* --- devices ------------------------------------------------------------ */

/**
 * dh_device_open() - open a device
 * @spec: a device node ("/dev/accel/accel0"); "embedded" for the model in this process, with
 *	options as in "embedded:profile=edgedrnn,dram-n=2" (see dh_device_options()); or NULL or
 *	"auto": the first node of the deltahop driver that can be opened, else the embedded model
 *	(dh_device_info.why then says why)
 * @device: set on success; close it with dh_device_close()
 * @err: may be NULL
 *
 * File descriptors are opened with O_CLOEXEC. A child of fork() must not use the device.
 *
 * Return: 0, -ENODEV, -ENOENT, -EACCES, -EINVAL (bad option), -EPROTO (not a deltahop device or
 * another major version), -ENOMEM.
 */
int dh_device_open(const char *spec, struct dh_device **device, struct dh_error *err);

/** dh_device_close() - close a device that nothing uses any more; NULL is fine */
void dh_device_close(struct dh_device *device);

/** dh_device_options() - the options of an embedded device, one "name=VALUE  meaning" a line */
const char *dh_device_options(void);

/**
 * struct dh_device_info - what a device is
 * @size: in: sizeof(struct dh_device_info)
 * @embedded: the model in this process
 * @why: how it was chosen, a sentence
 * @name: "embedded" or the device node
 * @profile: name of the hardware profile
 * @driver: driver and its version; of an embedded device the library's
 * @caps: DELTAHOP_CAP_* (drm/deltahop_isa.h); names by dh_cap_name()
 * @hw_abi: hardware interface, major << 16 | minor
 * @engines: bit per engine: 0 recurrent, 1 convolution
 * @clock_hz: engine clock
 * @card_size: bytes of card memory, 0 if it has none
 * @card_free: of these free now
 * @pes: processing elements of the recurrent engine
 * @slots: layer slots
 * @max_inputs: largest input vector
 * @max_hidden: largest layer
 * @state_bytes: state memory
 * @beat_bytes: bytes a beat on DRAM channel and link
 * @dram_n: DRAM channel: cycles from beat to beat, 0 for ideal memory
 * @dram_l: latency in cycles
 * @dram_q: outstanding bursts
 * @link_n: the same for memory behind the link; 0: no link
 * @link_l: latency
 * @link_q: outstanding bursts
 * @max_jobs: most unfinished jobs of an instance
 * @priorities: bit per priority (0 low .. 3 real time) that the caller may use
 * @device_ns: device time now
 * @monotonic_ns: CLOCK_MONOTONIC at the same moment
 * @conv_macs: multiply-accumulate units of the convolution engine; 0, as all below, without one
 * @conv_kernel_words: weights that one of them holds
 * @conv_store_bytes: input store
 * @conv_max_channels: most channels of an input
 * @conv_max_cols: most columns of input and output
 * @conv_max_outputs: most outputs of a fully connected layer
 * @dram: model of the DRAM channel: "simple", or the part of dram=ddr; "" if the device does not say
 */
struct dh_device_info {
	size_t size;
	bool embedded;
	char why[256];
	char name[128];
	char profile[32];
	char driver[64];
	uint64_t caps;
	uint32_t hw_abi;
	uint32_t engines;
	uint32_t clock_hz;
	uint64_t card_size;
	uint64_t card_free;
	uint32_t pes;
	uint32_t slots;
	uint32_t max_inputs;
	uint32_t max_hidden;
	uint32_t state_bytes;
	uint32_t beat_bytes;
	uint32_t dram_n;
	uint32_t dram_l;
	uint32_t dram_q;
	uint32_t link_n;
	uint32_t link_l;
	uint32_t link_q;
	uint32_t max_jobs;
	uint32_t priorities;
	uint64_t device_ns;
	uint64_t monotonic_ns;
	uint32_t conv_macs;
	uint32_t conv_kernel_words;
	uint32_t conv_store_bytes;
	uint32_t conv_max_channels;
	uint32_t conv_max_cols;
	uint32_t conv_max_outputs;
	char dram[32];
};

/** dh_device_get_info() - ask a device; fills as much as @info->size allows */
int dh_device_get_info(struct dh_device *device, struct dh_device_info *info, struct dh_error *err);

/**
 * struct dh_dram_report - what has been on an embedded device's DRAM channel; with dram=simple all 0
 *	but the first three, and these only while bursts are traced
 * @size: in: sizeof(struct dh_dram_report)
 * @bursts: of the engines, cut at pages of 4096 bytes
 * @bytes_read: of them
 * @bytes_written: of them
 * @reads: bursts of the DRAM
 * @writes: likewise
 * @hits: of these, those whose row was open
 * @misses: whose bank had no row open
 * @conflicts: whose bank had another row open
 * @refreshes: until the last burst
 * @peak: bytes a second that the part can move
 */
struct dh_dram_report {
	size_t size;
	uint64_t bursts;
	uint64_t bytes_read;
	uint64_t bytes_written;
	uint64_t reads;
	uint64_t writes;
	uint64_t hits;
	uint64_t misses;
	uint64_t conflicts;
	uint64_t refreshes;
	uint64_t peak;
};

/**
 * dh_device_dram() - what has been on the DRAM channel since the device was opened
 * @report: filled as far as its size allows
 *
 * Return: 0; -EOPNOTSUPP: it is no embedded device; -EINVAL.
 */
int dh_device_dram(struct dh_device *device, struct dh_dram_report *report, struct dh_error *err);

/**
 * dh_device_trace_dram() - write a line for every burst on the DRAM channel: cycle, address, bytes,
 * "read" or "write"
 * @path: file, made anew; NULL: end the trace, and learn whether all could be written
 *
 * Return: 0; -EOPNOTSUPP: it is no embedded device; the errno of the file.
 */
int dh_device_trace_dram(struct dh_device *device, const char *path, struct dh_error *err);

/** dh_cap_name() - name of capability bit @bit (0..63), or NULL */
const char *dh_cap_name(unsigned int bit);

/**
 * dh_device_node() - the device nodes of the deltahop driver
 * @index: 0 for the first
 * @path: filled with the node's path
 * @len: bytes at @path
 *
 * Return: 0, -ENOENT: no more, -ENOMEM.
 */
int dh_device_node(unsigned int index, char *path, size_t len);

/* --- buffers of the caller (only for zero-copy; jobs have memory of their own) ------- */

/** dh_buffer_create() - memory that device and CPU share, zeroed, in system memory */
int dh_buffer_create(struct dh_device *device, size_t size, struct dh_buffer **buffer,
		     struct dh_error *err);

/**
 * dh_buffer_import() - use the memory of a dma-buf (an embedded device takes a memfd of whole pages,
 * sealed with F_SEAL_SHRINK); @fd stays the caller's
 */
int dh_buffer_import(struct dh_device *device, int fd, struct dh_buffer **buffer,
		     struct dh_error *err);

/**
 * dh_buffer_export() - a new file descriptor for the buffer (a dma-buf; of an embedded device a
 * memfd), close-on-exec; or -errno
 */
int dh_buffer_export(struct dh_buffer *buffer, struct dh_error *err);

/** dh_buffer_map() - its bytes, or NULL if it cannot be mapped; valid until it is destroyed */
void *dh_buffer_map(struct dh_buffer *buffer, size_t *size);

/** dh_buffer_destroy() - drop a buffer; jobs in flight keep the memory; NULL is fine */
void dh_buffer_destroy(struct dh_buffer *buffer);

/* --- programs --------------------------------------------------------------- */

/**
 * dh_program_load() - read and check a .dhp file with a recurrent network; versions and checksum are
 * verified, hostile files are refused
 *
 * Return: 0; -EOPNOTSUPP: it is for dh_network_load(), or of another version; -EINVAL: damaged;
 * -ENOMEM; or the errno of reading.
 */
int dh_program_load(const char *path, struct dh_program **program, struct dh_error *err);

/** struct dh_input_file - values of an input of a network in a .npy file */
struct dh_input_file {
	const char *name;
	const char *path;
};

/**
 * struct dh_compile_settings - how to compile
 * @size: in: sizeof(struct dh_compile_settings)
 * @device: for the limits of this device; NULL: of @profile
 * @profile: hardware profile, "card" or "edgedrnn", for dh_network_compile() "card", "nullhop-fpga" or
 *	"nullhop-asic"; NULL: "card"
 * @calibration: .npy file of typical inputs, float or int16 Q8.8 [frames][elements], which choose
 *	the scales; dh_network_compile(): [samples][the input's shape], uint8 too; NULL: none
 * @lengths: .npy file of the lengths of the sequences that lie end to end there; NULL: one sequence
 * @theta_x: default threshold of input vectors of GRU layers, 0..511 in 1/256
 * @theta_h: of hidden vectors
 * @weights: dh_network_compile(): bits of weights, 8 or 16; 0: 8 where it does no harm
 * @inputs: dh_network_compile(): calibration data of a network of several inputs, for each of them
 * @input_count: how many; 0: @calibration counts
 */
struct dh_compile_settings {
	size_t size;
	struct dh_device *device;
	const char *profile;
	const char *calibration;
	const char *lengths;
	int theta_x;
	int theta_h;
	int weights;
	const struct dh_input_file *inputs;
	size_t input_count;
};

/**
 * dh_program_compile() - compile an ONNX file of a recurrent network
 * @settings: NULL for the defaults
 *
 * Return: 0; -EOPNOTSUPP: refused, the sentence names node, attribute and value, and what would
 * work; -ERANGE: there is no such profile or threshold; -EINVAL, -ENOENT, ...
 */
int dh_program_compile(const char *onnx, const struct dh_compile_settings *settings,
		       struct dh_program **program, struct dh_error *err);

/** dh_program_save() - write a .dhp file (to a temporary name, renamed when complete) */
int dh_program_save(const struct dh_program *program, const char *path, struct dh_error *err);

/** dh_program_free() - free a program that no instance uses; NULL is fine */
void dh_program_free(struct dh_program *program);

/**
 * struct dh_tensor_info - input or output of a network
 * @size: in: sizeof(struct dh_tensor_info)
 * @name: name of the ONNX tensor; belongs to the program
 * @elements: elements of a vector
 * @pitch: int16 values from one vector to the next in a job's memory
 * @scale: real value = int16 value * @scale
 * @per_step: one vector per step, else one per job
 * @limit: of an input: largest absolute real value that the program was compiled for, beyond which
 *	results may be wrong; infinite if not known, or of an output
 */
struct dh_tensor_info {
	size_t size;
	const char *name;
	uint32_t elements;
	uint32_t pitch;
	double scale;
	bool per_step;
	double limit;
};

/** dh_program_input() - about the input */
void dh_program_input(const struct dh_program *program, struct dh_tensor_info *info);

/** dh_program_output() - about the output, before what is left to the host */
void dh_program_output(const struct dh_program *program, struct dh_tensor_info *info);

/**
 * dh_program_finish() - do what the network leaves to the host on one output vector (Softmax,
 * ArgMax, ...)
 * @raw: the vector from dh_job_output()
 * @values: @elements real values out; for an ArgMax only the first: the index
 *
 * Return: number of values written.
 */
uint32_t dh_program_finish(const struct dh_program *program, const int16_t *raw, float *values);

/* --- instances: a program on a device ---------------------------------------- */

#define DH_THETA_KEEP (-1)

/**
 * struct dh_instance_options - how to run
 * @size: in: sizeof(struct dh_instance_options)
 * @priority: 0 low, 1 medium, 2 high, 3 real time (2 and 3 need CAP_SYS_NICE)
 * @profile: record what each layer cost (dh_job_layer())
 * @cycle_budget: engine cycles after which the device stops a job; 0: no limit but the driver's
 *	time-out
 * @profile_steps: with @profile: record it for each step of a recurrent network apart (dh_job_row()); a
 *	job has 64 bytes more for every step and layer, and writing them counts as commands
 */
struct dh_instance_options {
	size_t size;
	uint32_t priority;
	bool profile;
	uint64_t cycle_budget;
	bool profile_steps;
};

/**
 * dh_instance_create() - put a program on a device
 * @device: must live longer than the instance
 * @program: likewise
 * @options: NULL for medium priority, no profile, no budget
 *
 * Return: 0; -EOPNOTSUPP: the device cannot run it, the sentence names what is missing; -ENOMEM;
 * -ENOSPC: card memory is full;
 * -EACCES: priority not allowed.
 */
int dh_instance_create(struct dh_device *device, const struct dh_program *program,
		       const struct dh_instance_options *options, struct dh_instance **instance,
		       struct dh_error *err);

/**
 * dh_instance_destroy() - free an instance with its streams and jobs, after those that run have
 * ended; NULL is fine
 */
void dh_instance_destroy(struct dh_instance *instance);

/**
 * dh_instance_set_theta() - change delta thresholds; counts from the next dh_job_setup()
 * @layer: 0 .. layers - 1, or -1 for all recurrent layers (as for dh_program_compile())
 * @theta_x: threshold of the input vector, 0..511 in 1/256, or DH_THETA_KEEP
 * @theta_h: threshold of the hidden vector, likewise
 *
 * Return: 0; -ERANGE: no such layer or threshold; -EOPNOTSUPP: the device has one threshold for all
 * layers.
 */
int dh_instance_set_theta(struct dh_instance *instance, int layer, int theta_x, int theta_h,
			  struct dh_error *err);

/**
 * dh_instance_cancel() - end all unfinished jobs of an instance
 *
 * Jobs that have not started end with -ECANCELED; a running one is waited for. All streams start
 * over from the initial state. May be called while other threads wait for jobs.
 */
int dh_instance_cancel(struct dh_instance *instance, struct dh_error *err);

/**
 * dh_stream_create() - make a recurrent state, in its initial form; freed by dh_stream_destroy() or
 * with the instance
 */
int dh_stream_create(struct dh_instance *instance, struct dh_stream **stream, struct dh_error *err);

/**
 * dh_stream_reset() - the next job submitted starts from the initial state; also ends the trouble
 * after a failed job
 */
int dh_stream_reset(struct dh_stream *stream, struct dh_error *err);

/** dh_stream_destroy() - drop a state; jobs in flight keep it; NULL is fine */
void dh_stream_destroy(struct dh_stream *stream);

/* --- jobs ------------------------------------------------------------------- */

/**
 * dh_job_create() - make a job with memory for its input and output
 * @max_steps: longest sequence it will run
 *
 * A job is used again and again. Freed by dh_job_destroy() or with the instance.
 */
int dh_job_create(struct dh_instance *instance, uint32_t max_steps, struct dh_job **job,
		  struct dh_error *err);

/** dh_job_destroy() - free a job, after waiting for it if it is in flight; NULL is fine */
void dh_job_destroy(struct dh_job *job);

/**
 * dh_job_input() - its input vectors, int16 [max_steps][pitch]: write here, zero-copy; elements
 * past the vector's end must be 0
 */
int16_t *dh_job_input(struct dh_job *job);

/**
 * dh_job_output() - its output vectors, int16 [steps or 1][pitch]; valid after dh_job_wait() until
 * the next dh_submit()
 */
const int16_t *dh_job_output(const struct dh_job *job);

/**
 * dh_job_quantise() - write real values into dh_job_input(), rounded to the nearest
 * @values: [@steps][elements]
 * @clipped: number of values out of range, which became the nearest one in range; may be NULL
 *
 * Return: 0; -EDOM: not a number, or infinite; the sentence says where; -ERANGE: more steps than
 * the job has memory for.
 */
int dh_job_quantise(struct dh_job *job, const float *values, uint32_t steps, uint64_t *clipped,
		    struct dh_error *err);

/**
 * dh_job_bind_input() - let the device read the input from the caller's buffer
 * @buffer: NULL: the job's own memory again; must outlive the job
 * @offset: byte offset, multiple of 8
 */
int dh_job_bind_input(struct dh_job *job, struct dh_buffer *buffer, uint64_t offset,
		      struct dh_error *err);

/**
 * dh_job_bind_output() - let the device write the output to the caller's buffer; dh_job_output()
 * then points there
 */
int dh_job_bind_output(struct dh_job *job, struct dh_buffer *buffer, uint64_t offset,
		       struct dh_error *err);

/* Start from the stream's initial state. */
#define DH_JOB_RESET (1U << 0)

/**
 * dh_job_setup() - say what the next submit of this job runs: @steps steps of @stream; @flags:
 * DH_JOB_*
 */
int dh_job_setup(struct dh_job *job, struct dh_stream *stream, uint32_t steps, uint32_t flags,
		 struct dh_error *err);

/**
 * dh_submit() - hand in jobs of one instance, all or none, in this order, by one system call
 *
 * Does not wait. Return: 0; -EBUSY: more than dh_device_info.max_jobs would be unfinished;
 * -EALREADY: a job is in flight;
 * -EINVAL: a job has not been set up.
 */
int dh_submit(struct dh_job *const *jobs, uint32_t count, struct dh_error *err);

/**
 * dh_job_wait() - wait for a job
 * @timeout_ns: at most this long from now; 0: only ask; negative: for ever
 *
 * Return: 0: it succeeded; -ETIMEDOUT: not ended yet; -EIO: the device refused a command, the
 * sentence says which, where and why; -EDQUOT: cycle budget; -ETIME: the engine hung and was reset;
 * -ECANCELED; -ENODATA: an earlier job of the stream failed; -ENODEV: the device is gone.
 */
int dh_job_wait(struct dh_job *job, int64_t timeout_ns, struct dh_error *err);

/**
 * dh_job_fd() - a file descriptor that poll() reports readable when the job has ended
 *
 * Close-on-exec, the caller's to close. An embedded device has no thread of its own: there the job
 * is run inside this call. Return: the descriptor or a negative errno.
 */
int dh_job_fd(struct dh_job *job, struct dh_error *err);

/** dh_run() - dh_job_setup(), dh_submit() and dh_job_wait() in one */
int dh_run(struct dh_job *job, struct dh_stream *stream, uint32_t steps, uint32_t flags,
	   struct dh_error *err);

/**
 * struct dh_report - what a job cost: the device's completion record
 * @size: in: sizeof(struct dh_report)
 * @status: enum deltahop_status, 0 while it has not ended
 * @reason: enum deltahop_reason
 * @by_driver: the driver wrote this, not the device
 * @seqno: number of the job in its context
 * @cmd_offset: command that failed, or the last one
 * @fault_region: region of the failed access, ~0 if there is none
 * @fault_offset: offset in it
 * @cycles: engine cycles of the job and the state transfers before it
 * @step_cycles: of these, weight fetch and compute
 * @bytes_weights: weight bytes moved
 * @bytes_in: input bytes
 * @bytes_out: output bytes
 * @bytes_state: state bytes
 * @bytes_commands: ring entry, region table, commands, parameters, profile rows
 * @work_done: multiply-accumulates done
 * @work_skipped: multiply-accumulates that a dense run would have done besides
 * @energy_pj: picojoule, from assumed parameters
 * @start_ns: device time
 * @end_ns: device time
 * @profile_lost: profile rows that did not fit
 * @engine: enum deltahop_engine
 * @wait_cycles: of @cycles, those lost because the other engine used the memory channel
 */
struct dh_report {
	size_t size;
	uint32_t status;
	uint32_t reason;
	bool by_driver;
	uint32_t seqno;
	uint32_t cmd_offset;
	uint32_t fault_region;
	uint64_t fault_offset;
	uint64_t cycles;
	uint64_t step_cycles;
	uint64_t bytes_weights;
	uint64_t bytes_in;
	uint64_t bytes_out;
	uint64_t bytes_state;
	uint64_t bytes_commands;
	uint64_t work_done;
	uint64_t work_skipped;
	uint64_t energy_pj;
	uint64_t start_ns;
	uint64_t end_ns;
	uint32_t profile_lost;
	uint32_t engine;
	uint32_t wait_cycles;
};

/** dh_job_report() - what the job cost, when it has ended (also badly) */
void dh_job_report(const struct dh_job *job, struct dh_report *report);

/**
 * struct dh_layer_report - what a layer cost in a job
 * @size: in: sizeof(struct dh_layer_report)
 * @node: name of the ONNX node; belongs to the program
 * @op: its operator; belongs to the program
 * @inputs: elements of its input vector, before padding; CONV: channels of its input
 * @hidden: units, before padding; CONV: output maps, all passes together
 * @theta_x: threshold of the input vector in 1/256
 * @theta_h: threshold of the hidden vector
 * @steps: steps run; CONV: stripes
 * @cycles: engine cycles; CONV: of its commands as a whole, with transfers
 * @dense_cycles: what the timing model gives for the same steps if every element fired (padding
 *	included); CONV: if no value were 0
 * @bytes_weights: weight bytes fetched
 * @bytes_in: input bytes read from memory
 * @bytes_out: output bytes written to memory
 * @work_done: multiply-accumulates done
 * @work_skipped: multiply-accumulates skipped
 * @fired_x: elements of bias and x that fired; CONV: values of the input taken, by every stripe
 * @fired_h: elements of h that fired
 * @slots_x: elements of x that could have fired, and the bias where a stream starts; CONV: values
 *	that would have been taken if none were 0
 * @slots_h: elements of h that could have fired
 * @engine: enum deltahop_engine; what follows is of the convolution engine
 * @passes: commands
 * @macs: multiply-accumulate units of the engine: it could have done @macs * @cycles
 * @rows: of the input; @cols likewise
 * @out_rows: of the output; @out_cols likewise
 * @kernel_rows: of the kernel; @kernel_cols likewise
 * @fired_rh: of a GRU whose reset gate comes first: elements of r * h that fired
 * @slots_rh: elements of r * h that could have fired
 */
struct dh_layer_report {
	size_t size;
	const char *node;
	const char *op;
	uint32_t inputs;
	uint32_t hidden;
	uint32_t theta_x;
	uint32_t theta_h;
	uint64_t steps;
	uint64_t cycles;
	uint64_t dense_cycles;
	uint64_t bytes_weights;
	uint64_t bytes_in;
	uint64_t bytes_out;
	uint64_t work_done;
	uint64_t work_skipped;
	uint64_t fired_x;
	uint64_t fired_h;
	uint64_t slots_x;
	uint64_t slots_h;
	uint32_t engine;
	uint32_t passes;
	uint32_t macs;
	uint32_t rows;
	uint32_t cols;
	uint32_t out_rows;
	uint32_t out_cols;
	uint32_t kernel_rows;
	uint32_t kernel_cols;
	uint64_t fired_rh;
	uint64_t slots_rh;
};

/** dh_program_layers() - number of layers */
uint32_t dh_program_layers(const struct dh_program *program);

/**
 * dh_job_layer() - what layer @layer cost; -ENODATA: the instance was made without profile, or the
 * job has not ended well
 */
int dh_job_layer(const struct dh_job *job, uint32_t layer, struct dh_layer_report *report);

/**
 * struct dh_row_report - what a layer cost in some steps, or in a pass of the convolution engine; those of
 * a layer add up to its &struct dh_layer_report
 * @size: in: sizeof(struct dh_row_report)
 * @layer: number of the layer, as for dh_job_layer() or dh_session_layer()
 * @step: first step covered; CONV: 0
 * @steps: steps covered; CONV: stripes
 * @cycles: engine cycles
 * @bytes_weights: weight bytes fetched
 * @bytes_in: input bytes read from memory
 * @bytes_out: output bytes written to memory
 * @work_done: multiply-accumulates done
 * @work_skipped: multiply-accumulates skipped
 * @fired_x: elements of bias and x that fired; CONV: values of the input taken
 * @fired_h: elements of h that fired
 */
struct dh_row_report {
	size_t size;
	uint32_t layer;
	uint32_t step;
	uint32_t steps;
	uint32_t fired_x;
	uint32_t fired_h;
	uint64_t cycles;
	uint64_t bytes_weights;
	uint64_t bytes_in;
	uint64_t bytes_out;
	uint64_t work_done;
	uint64_t work_skipped;
};

/** dh_job_rows() - rows that the job's profile has; 0: none, as dh_job_layer() has no report */
uint32_t dh_job_rows(const struct dh_job *job);

/**
 * dh_job_row() - row @index of the profile, in the order of time: of a run of a recurrent network all its
 * layers, or with dh_instance_options.profile_steps those of one step after the other; of a convolution
 * a row for each pass. -ERANGE: there is no such row
 */
int dh_job_row(const struct dh_job *job, uint32_t index, struct dh_row_report *row);

/* --- networks of several parts ------------------------------------------------- */

/**
 * dh_network_is_file() - is a file for dh_network_load()? One for dh_program_load() has a single
 * recurrent network
 */
bool dh_network_is_file(const char *path);

/**
 * dh_network_load() - read and check a .dhp file that holds a network: programs for the device, what
 * the host does, and in which order
 *
 * Return: 0; -EOPNOTSUPP: it is for dh_program_load(), or of another version; -EINVAL: damaged;
 * -ENOMEM; or the errno of reading.
 */
int dh_network_load(const char *path, struct dh_network **network, struct dh_error *err);

/**
 * dh_network_compile() - compile an ONNX file: the convolution engine does what it can, the host the
 * rest
 * @settings: NULL for the defaults; lengths and thresholds must not be given
 *
 * Return: as dh_program_compile().
 */
int dh_network_compile(const char *onnx, const struct dh_compile_settings *settings,
		       struct dh_network **network, struct dh_error *err);

/** dh_network_save() - write a .dhp file (to a temporary name, renamed when complete) */
int dh_network_save(const struct dh_network *network, const char *path, struct dh_error *err);

/** dh_network_free() - free a network that no session uses; NULL is fine */
void dh_network_free(struct dh_network *network);

#define DH_VALUES_MAX_RANK 8

/**
 * struct dh_values_info - a tensor that goes into a network or comes out of it
 * @size: in: sizeof(struct dh_values_info)
 * @name: of the ONNX tensor; belongs to the network
 * @integers: its elements are int64_t, else float
 * @rank: dimensions, 0 for a single value
 * @dims: elements along each; those of a run, that is with a batch of 1
 * @count: elements
 */
struct dh_values_info {
	size_t size;
	const char *name;
	bool integers;
	uint32_t rank;
	uint32_t dims[DH_VALUES_MAX_RANK];
	size_t count;
};

/** dh_network_inputs() - number of inputs */
uint32_t dh_network_inputs(const struct dh_network *network);

/** dh_network_outputs() - number of outputs */
uint32_t dh_network_outputs(const struct dh_network *network);

/** dh_network_input() - about input @index; -ERANGE: there is none */
int dh_network_input(const struct dh_network *network, uint32_t index, struct dh_values_info *info);

/** dh_network_output() - about output @index; -ERANGE: there is none */
int dh_network_output(const struct dh_network *network, uint32_t index,
		      struct dh_values_info *info);

/** dh_network_layers() - layers on the device, of all parts */
uint32_t dh_network_layers(const struct dh_network *network);

/** dh_network_steps() - steps of a run: parts that the device runs, and nodes that the host does */
uint32_t dh_network_steps(const struct dh_network *network);

/**
 * dh_session_create() - put a network on a device
 * @device: must live longer than the session
 * @network: likewise
 * @options: NULL for medium priority, no profile, no budget; the budget is that of a part
 *
 * All memory is taken here. Return: as dh_instance_create().
 */
int dh_session_create(struct dh_device *device, const struct dh_network *network,
		      const struct dh_instance_options *options, struct dh_session **session,
		      struct dh_error *err);

/** dh_session_destroy() - free a session that does not run; NULL is fine */
void dh_session_destroy(struct dh_session *session);

/**
 * dh_session_input() - the elements of input @index, to be written before a run: float or int64_t, see
 * dh_network_input(); NULL: there is none
 */
void *dh_session_input(struct dh_session *session, uint32_t index);

/** dh_session_output() - those of output @index, after a run and until the next one */
const void *dh_session_output(const struct dh_session *session, uint32_t index);

/**
 * dh_session_keep_states() - whether the recurrent parts go on from where the run before ended, instead
 * of from their initial state; at first they do not
 *
 * Return: 0; -ERANGE: the network has no recurrent layers on the device.
 */
int dh_session_keep_states(struct dh_session *session, bool keep, struct dh_error *err);

/**
 * dh_session_set_theta() - change the delta thresholds of all recurrent layers on the device
 * @theta_x: as dh_instance_set_theta(); @theta_h likewise
 *
 * Return: 0; -ERANGE: the network has none there, or as dh_instance_set_theta().
 */
int dh_session_set_theta(struct dh_session *session, int theta_x, int theta_h,
			 struct dh_error *err);

/**
 * dh_session_run() - run the network once
 *
 * A session is used by one thread at a time, a device by any number of sessions. Nothing is allocated.
 * Parts that need nothing from the host in between are submitted together.
 *
 * Return: 0; -EDOM: a value on the way to the device is not a finite number; -EBADMSG: what the device
 * wrote is no feature map; else as dh_job_wait().
 */
int dh_session_run(struct dh_session *session, struct dh_error *err);

/**
 * struct dh_step_report - what a step of the last run was
 * @size: in: sizeof(struct dh_step_report)
 * @on_host: done by the host, else by the device
 * @name: of the ONNX node; of a part: of the network; belongs to the network
 * @op: its operator; of a part "": its layers say it
 * @engine: of a part: enum deltahop_engine
 * @first_layer: of a part: its first one, for dh_session_layer()
 * @layers: of a part
 * @clipped: of a part: values of its inputs that int16 cannot hold, which became the nearest one
 * @host_seconds: of the host's clock: for a node its kernel; for a part, putting values into the form
 *	of the device and back
 */
struct dh_step_report {
	size_t size;
	bool on_host;
	const char *name;
	const char *op;
	uint32_t engine;
	uint32_t first_layer;
	uint32_t layers;
	uint64_t clipped;
	double host_seconds;
};

/** dh_session_step() - about step @step; -ERANGE: there is none */
int dh_session_step(const struct dh_session *session, uint32_t step, struct dh_step_report *report);

/**
 * dh_session_report() - what the device says of step @step, as dh_job_report(); -ERANGE: it is not a
 * part
 */
int dh_session_report(const struct dh_session *session, uint32_t step, struct dh_report *report);

/** dh_session_layer() - what layer @layer, of all parts, cost in the last run, as dh_job_layer() */
int dh_session_layer(const struct dh_session *session, uint32_t layer,
		     struct dh_layer_report *report);

/** dh_session_rows() - rows of the profile of step @step, as dh_job_rows(); 0 if it is not a part */
uint32_t dh_session_rows(const struct dh_session *session, uint32_t step);

/** dh_session_row() - one of them, as dh_job_row() */
int dh_session_row(const struct dh_session *session, uint32_t step, uint32_t index,
		   struct dh_row_report *row);

/* --- events: what an event camera gives --------------------------------------- */

/**
 * struct dh_event - a pixel became brighter or darker
 * @time_us: microseconds; never before that of the event before it
 * @x: column, as the file counts it
 * @y: row, as the file counts it: some formats count from the top, some from the bottom
 * @on: brighter
 */
struct dh_event {
	int64_t time_us;
	uint16_t x;
	uint16_t y;
	bool on;
};

/** enum dh_event_format - kinds of event files and streams; names by dh_event_format_name() */
enum dh_event_format {
	DH_EVENT_FORMAT_AUTO,	/* by the first bytes */
	DH_EVENT_FORMAT_AEDAT2, /* AEDAT 2.0 */
	DH_EVENT_FORMAT_AEDAT3, /* AEDAT 3.1, format RAW */
	DH_EVENT_FORMAT_STREAM, /* Event Stream 2, DVS events */
	DH_EVENT_FORMAT_EVT2,	/* Prophesee's EVT 2.0 */
};

/** enum dh_event_layout - what the bits of an AEDAT 2.0 address mean */
enum dh_event_layout {
	DH_EVENT_LAYOUT_AUTO,	     /* by the sensor's name in the header */
	DH_EVENT_LAYOUT_DVS128,	     /* x in bits 1 to 7, y in 8 to 14, bit 0 set: on */
	DH_EVENT_LAYOUT_DVS128_JAER, /* the same, bit 0 set: off */
	DH_EVENT_LAYOUT_DAVIS,	     /* x in bits 12 to 21, y in 22 to 30, bit 11 set: on */
};

/** dh_event_format_name() - "auto", "aedat2", ... of an enum dh_event_format; NULL: there is none */
const char *dh_event_format_name(unsigned int format);

/** dh_event_layout_name() - "auto", "dvs128", ... of an enum dh_event_layout; NULL: there is none */
const char *dh_event_layout_name(unsigned int layout);

/**
 * struct dh_event_reader_options - how to read events
 * @size: in: sizeof(struct dh_event_reader_options)
 * @name: what to call the file in errors; NULL: "events"
 * @format: if it is named, the data may come without a header (not Event Stream)
 * @layout: of AEDAT 2.0 addresses
 * @width: columns of the sensor, whatever the header says; 0: by the header
 * @height: rows, likewise
 */
struct dh_event_reader_options {
	size_t size;
	const char *name;
	enum dh_event_format format;
	enum dh_event_layout layout;
	uint16_t width;
	uint16_t height;
};

struct dh_event_reader;

/**
 * dh_event_reader_create() - begin to read events, from a file, a pipe, a socket, memory
 * @options: NULL: by what the data say
 *
 * A reader has some 10 kilobytes, whatever it reads. It is for one thread at a time.
 *
 * Return: 0, -EINVAL, -ENOMEM.
 */
int dh_event_reader_create(const struct dh_event_reader_options *options,
			   struct dh_event_reader **reader, struct dh_error *err);

/** dh_event_reader_destroy() - NULL is fine */
void dh_event_reader_destroy(struct dh_event_reader *reader);

/**
 * dh_event_reader_decode() - the next bytes of the data, in pieces as they come
 * @bytes: not needed after the call
 * @len: number of them
 * @used: filled: how many were taken; fewer than @len if @room is used up: give the rest again
 * @events: filled with what the bytes make up
 * @room: events that fit there
 * @count: filled: how many there are, also if there is an error after them; if it is @room there may
 *	be more: call again, with the rest of the bytes or none
 *
 * Return: 0; -EINVAL: damaged, the sentence says at which byte, what was found and what was
 * expected; -EOPNOTSUPP: a kind of data that cannot be read. After an error every call gives the
 * same one.
 */
int dh_event_reader_decode(struct dh_event_reader *reader, const void *bytes, size_t len,
			   size_t *used, struct dh_event *events, size_t room, size_t *count,
			   struct dh_error *err);

/** dh_event_reader_finish() - the data are at their end: -EINVAL: they are cut off, or empty */
int dh_event_reader_finish(struct dh_event_reader *reader, struct dh_error *err);

#define DH_EVENT_SKIPPED 16

/**
 * struct dh_event_info - what a reader knows so far
 * @size: in: sizeof(struct dh_event_info)
 * @format: "AEDAT 2.0", ...; NULL: not yet known
 * @layout: of AEDAT 2.0 addresses
 * @sensor: its name in the header, as far as it fits; "": there is none
 * @width: columns of the sensor; 0: not known
 * @height: rows; 0: not known
 * @bytes: taken from the data
 * @events: so far
 * @on: of these, how many became brighter
 * @max_x: largest column of an event
 * @max_y: largest row of an event
 * @first_us: time of the first event
 * @last_us: time of the last one
 * @held: events that were up to 100 ms earlier than one before them, and got the time of that one
 * @resets: greater steps back of the clock; time went on from the event before
 * @skipped: records that are no events of pixels: how many of each kind; a NULL name ends the list
 *	if it is shorter
 */
struct dh_event_info {
	size_t size;
	const char *format;
	enum dh_event_layout layout;
	char sensor[64];
	uint16_t width;
	uint16_t height;
	uint64_t bytes;
	uint64_t events;
	uint64_t on;
	uint16_t max_x;
	uint16_t max_y;
	int64_t first_us;
	int64_t last_us;
	uint64_t held;
	uint64_t resets;
	struct {
		const char *name;
		uint64_t count;
	} skipped[DH_EVENT_SKIPPED];
};

/** dh_event_reader_get_info() - fills as much as @info->size allows */
void dh_event_reader_get_info(const struct dh_event_reader *reader, struct dh_event_info *info);

/**
 * enum dh_normalise - from event counts n to values; sigma: standard deviation of the counts that are
 * not zero; names by dh_normalise_name()
 */
enum dh_normalise {
	DH_NORMALISE_CAER,	   /* n / 3 sigma, 0 to 1, cut to 1/256 */
	DH_NORMALISE_JAER,	   /* the same in float; sigma about the exact mean */
	DH_NORMALISE_JAER_CENTRED, /* with polarity, an empty pixel becomes 0 */
	DH_NORMALISE_LINEAR,	   /* n / clip */
};

/** dh_normalise_name() - "caer", "jaer", ... of an enum dh_normalise; NULL: there is none */
const char *dh_normalise_name(unsigned int how);

/**
 * struct dh_framer_options - how to make frames of events
 * @size: in: sizeof(struct dh_framer_options)
 * @sensor_width: columns of the sensor
 * @sensor_height: rows
 * @width: of a frame, at most 1024; 0: 64
 * @height: of a frame, likewise
 * @events: events of a frame; 0: 2000, or by @period_us
 * @period_us: frames of equal time instead; a window without an event gives no frame
 * @polarity: off events count -1; otherwise all count 1
 * @normalise: what becomes of the counts
 * @clip: counts beyond this are cut, at most 1023; 0: what @normalise is used with, 200 for caer, 100
 *	for jaer, 16 for linear
 * @flip_x: count columns from the other side
 * @flip_y: count rows from the other side
 * @split: count on and off events apart: a frame has two channels, of on events and of off events; not
 *	with @polarity
 *
 * An event at (x, y) counts in pixel (floor(x width / sensor_width), floor(y height /
 * sensor_height)).
 */
struct dh_framer_options {
	size_t size;
	uint16_t sensor_width;
	uint16_t sensor_height;
	uint16_t width;
	uint16_t height;
	uint32_t events;
	uint64_t period_us;
	bool polarity;
	enum dh_normalise normalise;
	uint16_t clip;
	bool flip_x;
	bool flip_y;
	bool split;
};

struct dh_framer;

/** dh_framer_create() - for one thread at a time; -EINVAL, -ERANGE, -ENOMEM */
int dh_framer_create(const struct dh_framer_options *options, struct dh_framer **framer,
		     struct dh_error *err);

/** dh_framer_destroy() - NULL is fine */
void dh_framer_destroy(struct dh_framer *framer);

/**
 * struct dh_frame - a frame
 * @size: in: sizeof(struct dh_frame)
 * @q8: int16 [channels][height][width], 256 stands for 1.0; the framer's, until its next call
 * @values: the same as float
 * @width: columns
 * @height: rows
 * @start_us: time of its first event; of frames of equal time, where the window begins
 * @end_us: time of its last event
 * @events: in it
 * @empty: pixels with a count of 0, over all channels
 * @clipped: pixels whose count was cut
 * @number: frames before it
 * @channels: 1, or 2 of events that are counted apart
 */
struct dh_frame {
	size_t size;
	const int16_t *q8;
	const float *values;
	uint32_t width;
	uint32_t height;
	int64_t start_us;
	int64_t end_us;
	uint64_t events;
	uint32_t empty;
	uint32_t clipped;
	uint64_t number;
	uint32_t channels;
};

/**
 * dh_framer_push() - add events, up to the one that completes a frame
 * @used: filled: how many were taken: give the rest again
 * @frame: filled if one is complete
 *
 * Return: 1: there is a frame; 0: all were taken; -EINVAL: an event is not on the sensor.
 */
int dh_framer_push(struct dh_framer *framer, const struct dh_event *events, size_t count,
		   size_t *used, struct dh_frame *frame, struct dh_error *err);

/** dh_framer_flush() - the frame in progress, as it is; false: there is none */
bool dh_framer_flush(struct dh_framer *framer, struct dh_frame *frame);

#if defined(__cplusplus)
}
#endif

#endif /* DELTAHOP_H */
