/* SPDX-License-Identifier: Apache-2.0 */
/* Files and texts a scan reads, and $INCLUDE. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "huge.h"
#include "scan_impl.h"

static struct source *source_append(struct xd_scan *scan, const char *path)
{
	size_t len = strlen(path) + 1;
	struct source *source = malloc(sizeof(*source) + len);

	if (!source)
		return NULL;
	*source = (struct source){ .next = scan->sources };
	memcpy(source->path, path, len);
	scan->sources = source;
	return source;
}

/*
 * Reads all of a regular file; it may shrink or grow meanwhile. NULL with errno. Large files are read into huge pages where
 * the system has them: a fault for each small page would cost as much as reading.
 */
static uint8_t *read_all(int fd, size_t size, size_t *len)
{
	size_t room = (size + XD_LEXER_SLACK + XD_HUGE_BYTES - 1) / XD_HUGE_BYTES * XD_HUGE_BYTES;
	uint8_t *text = size < XD_HUGE_BYTES ? malloc(size + XD_LEXER_SLACK) : aligned_alloc(XD_HUGE_BYTES, room);

	if (text && size >= XD_HUGE_BYTES)
		madvise(text, room, MADV_HUGEPAGE);
	*len = 0;
	while (text && *len < size) {
		ssize_t count = read(fd, text + *len, size - *len);
		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0) {
			free(text);
			return NULL;
		}
		if (count == 0)
			break;
		*len += (size_t)count;
	}
	if (text)
		memset(text + *len, 0, XD_LEXER_SLACK);
	return text;
}

/* Opens a regular file (without waiting for the writer of a FIFO). A descriptor, or -1 with a note. */
static int open_source(struct xd_scan *scan, const char *path, uint32_t line, struct stat *status)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0 || fstat(fd, status) < 0) {
		xd__scan_fail_at(scan, line, "cannot read %s: %s", path, strerror(errno));
	} else if (S_ISREG(status->st_mode)) {
		return fd;
	} else {
		xd__scan_fail_at(scan, line, "cannot read %s: %s", path,
		                 S_ISDIR(status->st_mode) ? "is a directory" : "not a regular file");
	}
	if (fd >= 0)
		close(fd);
	return -1;
}

/* A byte order mark says UTF-8, which is read as octets. */
static size_t mark_len(const uint8_t *text, size_t len)
{
	return len >= 3 && !memcmp(text, "\xef\xbb\xbf", 3) ? 3 : 0;
}

static int read_source(struct xd_scan *scan, struct source *source, uint32_t line)
{
	struct stat status;
	size_t len;
	int fd = open_source(scan, source->path, line, &status);

	if (fd < 0)
		return -XD_E_SYNTAX;
	source->device = status.st_dev;
	source->inode = status.st_ino;
	uint8_t *text = read_all(fd, (size_t)status.st_size, &len);
	int reason = errno;
	close(fd);
	if (!text)
		return reason == ENOMEM ? -XD_E_NOMEM
		                        : xd__scan_fail_at(scan, line, "cannot read %s: %s", source->path, strerror(reason));
	size_t skip = mark_len(text, len);
	int result = xd__scan_text(scan, source, text + skip, len - skip);
	free(text);
	return result;
}

/* Where the outermost text starts; it also names the file in notes from before the first line. */
static struct place place_outside(const struct xd_scan *scan, const struct source *source)
{
	struct place place = { .source = source };

	memcpy(place.origin, scan->apex, xd_name_len(scan->apex));
	return place;
}

int xd_scan_file(xd_scan *scan, const char *path)
{
	struct source *source = source_append(scan, path);

	if (!source)
		return -XD_E_NOMEM;
	struct place outside = place_outside(scan, source);
	scan->place = &outside;
	int result = read_source(scan, source, 0);
	scan->place = NULL;
	return result == -XD_E_NOMEM ? result : XD_OK;
}

int xd_scan_memory(xd_scan *scan, const char *name, const uint8_t *text, size_t len)
{
	struct source *source = source_append(scan, name);
	uint8_t *copy = malloc(len + XD_LEXER_SLACK);
	int result = -XD_E_NOMEM;

	if (source && copy) {
		if (len)
			memcpy(copy, text, len);
		memset(copy + len, 0, XD_LEXER_SLACK);
		size_t skip = mark_len(copy, len);
		struct place outside = place_outside(scan, source);
		scan->place = &outside;
		result = xd__scan_text(scan, source, copy + skip, len - skip);
		scan->place = NULL;
	}
	free(copy);
	return result == -XD_E_NOMEM ? result : XD_OK;
}

const char *xd_scan_get_file(const xd_scan *scan, size_t n)
{
	const struct source *source = scan->sources;

	while (source && n-- > 0)
		source = source->next;
	return source ? source->path : NULL;
}

/* Relative paths start where the including file is. */
static struct source *source_beside(struct xd_scan *scan, const char *path)
{
	const char *base = scan->place->source->path;
	const char *slash = *path == '/' ? NULL : strrchr(base, '/');
	char *joined;

	if (!slash)
		return source_append(scan, path);
	size_t base_len = (size_t)(slash - base) + 1;
	joined = malloc(base_len + strlen(path) + 1);
	if (!joined)
		return NULL;
	memcpy(joined, base, base_len);
	strcpy(joined + base_len, path);
	struct source *source = source_append(scan, joined);
	free(joined);
	return source;
}

static bool is_open(const struct xd_scan *scan, const char *path)
{
	struct stat status;

	if (stat(path, &status) < 0)
		return false;
	for (const struct place *place = scan->place; place; place = place->parent)
		if (place->source->inode == status.st_ino && place->source->device == status.st_dev)
			return true;
	return false;
}

int xd__scan_include(struct xd_scan *scan, const char *path, const uint8_t *origin, uint32_t line)
{
	struct place *including = scan->place;
	/* The origin holds for the new text only; nothing the new text sets comes back. */
	struct place base = *including;

	if (including->depth >= XD_INCLUDE_DEPTH_MAX)
		return xd__scan_fail_at(scan, line, "$INCLUDE more than %u files deep", XD_INCLUDE_DEPTH_MAX);
	struct source *source = source_beside(scan, path);
	if (!source)
		return -XD_E_NOMEM;
	if (is_open(scan, source->path))
		return xd__scan_fail_at(scan, line, "$INCLUDE of %s, which is being read already", source->path);
	memcpy(base.origin, origin, xd_name_len(origin));
	base.depth++;
	base.owner_text = NULL;
	scan->place = &base;
	int result = read_source(scan, source, line);
	scan->place = including;
	scan->owner_set = false;
	return result;
}
