// SPDX-License-Identifier: MIT
/* WAV and FLAC recordings as arrays, by libsndfile. */
#include <errno.h>
#include <fcntl.h>
#include <sndfile.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "input/audio.h"

#define BLOCK 4096

/**
 * struct audio_reader - a file that is read
 * @room: samples that fit into @samples
 */
struct audio_reader {
	const char *path;
	struct dh_error *err;
	int fd;
	SNDFILE *file;
	SF_INFO info;
	float *samples;
	size_t count;
	size_t room;
};

static int out_of_memory(const struct audio_reader *reader)
{
	dh_error_set(reader->err, "%s: out of memory", reader->path);
	return -ENOMEM;
}

static int open_file(struct audio_reader *reader)
{
	int error;

	reader->fd = open(reader->path, O_RDONLY | O_CLOEXEC);
	/* No pipe: its length must be known, and the header is read twice. */
	if (reader->fd >= 0 && !lseek(reader->fd, 0, SEEK_SET))
		return 0;
	error = errno;
	dh_error_set(reader->err, "%s: cannot read it: %s", reader->path, strerror(error));
	return -error;
}

static uint32_t le32(const unsigned char *at)
{
	return at[0] | at[1] << 8 | at[2] << 16 | (uint32_t)at[3] << 24;
}

/*
 * libsndfile takes a WAV file that was cut off for a shorter one: its header tells. Programs that write
 * to a pipe do not know the length and leave it 0 or at its most.
 */
static int check_length(struct audio_reader *reader)
{
	unsigned char head[8];
	struct stat st;
	uint64_t length;

	if (pread(reader->fd, head, sizeof(head), 0) != sizeof(head) || memcmp(head, "RIFF", 4) ||
	    fstat(reader->fd, &st))
		return 0;
	length = (uint64_t)le32(head + 4) + sizeof(head);
	if (length == sizeof(head) || length >= UINT32_MAX || length <= (uint64_t)st.st_size)
		return 0;
	dh_error_set(reader->err, "%s: %lld bytes, but by its header %llu: it is cut off",
		     reader->path, (long long)st.st_size, (unsigned long long)length);
	return -EINVAL;
}

static int check_kind(struct audio_reader *reader)
{
	int kind = reader->info.format & SF_FORMAT_TYPEMASK;

	if (kind == SF_FORMAT_WAV || kind == SF_FORMAT_WAVEX || kind == SF_FORMAT_FLAC)
		return 0;
	dh_error_set(reader->err, "%s: neither a WAV nor a FLAC file", reader->path);
	return -EINVAL;
}

static int check_channels(struct audio_reader *reader, int channel)
{
	int channels = reader->info.channels;

	if (channels < 1 || channels > DH_AUDIO_MAX_CHANNELS || reader->info.samplerate < 1) {
		dh_error_set(reader->err,
			     "%s: %d channels at %d samples a second; 1 to %d channels can be read",
			     reader->path, channels, reader->info.samplerate,
			     DH_AUDIO_MAX_CHANNELS);
		return -EINVAL;
	}
	if (channel < DH_AUDIO_MIX || channel >= channels) {
		dh_error_set(reader->err, "%s: there is no channel %d; it has %d, from 0",
			     reader->path, channel, channels);
		return -ERANGE;
	}
	return 0;
}

static int begin(struct audio_reader *reader, int channel)
{
	int ret = check_length(reader);

	if (ret)
		return ret;
	reader->file = sf_open_fd(reader->fd, SFM_READ, &reader->info, SF_FALSE);
	if (!reader->file) {
		dh_error_set(reader->err, "%s: not a WAV or FLAC file that can be read: %s",
			     reader->path, sf_strerror(NULL));
		return -EINVAL;
	}
	ret = check_kind(reader);
	return ret ? ret : check_channels(reader, channel);
}

/* Room for a block more; how long the file is said to be decides nothing. */
static int make_room(struct audio_reader *reader)
{
	size_t room = reader->room ? 2 * reader->room : 16 * BLOCK;
	float *samples;

	if (reader->room - reader->count >= BLOCK)
		return 0;
	if ((uint64_t)(reader->count + BLOCK) * reader->info.channels > DH_AUDIO_MAX_VALUES) {
		dh_error_set(reader->err,
			     "%s: more than %d values can not be read: cut it in pieces",
			     reader->path, DH_AUDIO_MAX_VALUES);
		return -EFBIG;
	}
	samples = realloc(reader->samples, room * sizeof(*samples));
	if (!samples)
		return out_of_memory(reader);
	reader->samples = samples;
	reader->room = room;
	return 0;
}

static float pick(const float *values, int channels, int channel)
{
	double sum = 0;
	int i;

	if (channel != DH_AUDIO_MIX)
		return values[channel];
	for (i = 0; i < channels; i++)
		sum += values[i];
	return (float)(sum / channels);
}

static int read_samples(struct audio_reader *reader, int channel)
{
	static const int most = DH_AUDIO_MAX_CHANNELS;
	int channels = reader->info.channels;
	float *block = malloc(sizeof(*block) * BLOCK * most);
	sf_count_t got = 0, i;
	int ret;

	if (!block)
		return out_of_memory(reader);
	do {
		ret = make_room(reader);
		if (ret)
			break;
		got = sf_readf_float(reader->file, block, BLOCK);
		for (i = 0; i < got; i++)
			reader->samples[reader->count++] =
				pick(block + i * channels, channels, channel);
	} while (got > 0);
	free(block);
	return ret;
}

/*
 * A FLAC file that is damaged or cut off ends early, or with an error. It may leave out how long it
 * is.
 */
static int check_end(struct audio_reader *reader)
{
	const char *what = sf_error(reader->file) ? sf_strerror(reader->file) : "it is cut off";

	if (!sf_error(reader->file) && ((sf_count_t)reader->count == reader->info.frames ||
					reader->info.frames == SF_COUNT_MAX))
		return 0;
	dh_error_set(reader->err, "%s: %zu samples of %lld could be read: %s", reader->path,
		     reader->count, (long long)reader->info.frames, what);
	return -EINVAL;
}

int dh_audio_read(const char *path, int channel, struct dh_audio *audio, struct dh_error *err)
{
	struct audio_reader reader = { .path = path, .err = err };
	int ret;

	memset(audio, 0, sizeof(*audio));
	ret = open_file(&reader);
	if (!ret)
		ret = begin(&reader, channel);
	if (!ret)
		ret = read_samples(&reader, channel);
	if (!ret)
		ret = check_end(&reader);
	if (reader.file)
		sf_close(reader.file);
	if (reader.fd >= 0)
		close(reader.fd);
	if (ret) {
		free(reader.samples);
		return ret;
	}
	audio->rate = reader.info.samplerate;
	audio->channels = reader.info.channels;
	audio->samples = (struct dh_array){
		.dtype = DH_DTYPE_F4, .ndim = 1, .shape = { reader.count }, .data = reader.samples
	};
	return 0;
}
