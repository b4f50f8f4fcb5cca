/*
 * The mark; see local_mark.h. The complement tells a half-written number from a whole one: the
 * kernel does not promise that 16 bytes written at once are seen at once through a mapping.
 */
#include "schemas/local/local_mark.h"

#include "schemas/local/local_file.h"

#include <endian.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define MARK_BYTES 16

enum qtl_status qtl_local_mark_open(struct qtl_local_mark *mark,
                                    const struct qtl_local_layout *layout, enum qtl_local_kind kind,
                                    bool writable, struct qtl_error *error)
{
    *mark = (struct qtl_local_mark){.fd = -1};
    const struct qtl_local_name name = qtl_local_layout_mark(kind);
    memcpy(mark->name, name.text, sizeof(mark->name));
    mark->fd = openat(layout->folder_fd, name.text, (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC);
    if (mark->fd < 0) {
        return qtl_local_file_failed(error, "opening", mark->name);
    }
    uint64_t size;
    enum qtl_status status = qtl_local_file_size(mark->fd, mark->name, &size, error);
    if (status == QTL_OK && size < MARK_BYTES) {
        status = qtl_error_set(error, QTL_CORRUPT, "%s/%s: shorter than %d bytes", layout->path,
                               mark->name, MARK_BYTES);
    }
    if (status == QTL_OK) {
        void *const words = mmap(NULL, MARK_BYTES, PROT_READ, MAP_SHARED, mark->fd, 0);
        if (words == MAP_FAILED) {
            status = qtl_local_file_failed(error, "mapping", mark->name);
        } else {
            mark->words = words;
        }
    }
    if (status != QTL_OK) {
        qtl_local_mark_close(mark);
    }
    return status;
}

void qtl_local_mark_close(struct qtl_local_mark *mark)
{
    if (mark->words != NULL) {
        union {
            const _Atomic uint64_t *read;
            void *unmap;
        } words = {.read = mark->words}; /* munmap wants it without its qualifiers */
        munmap(words.unmap, MARK_BYTES);
    }
    if (mark->fd >= 0) {
        close(mark->fd);
    }
    mark->words = NULL;
    mark->fd = -1;
}

bool qtl_local_mark_load(const struct qtl_local_mark *mark, uint64_t *sequence)
{
    /* Acquire: pairs with the kernel's copy in pwrite; the commit file is read after it. */
    const uint64_t number = le64toh(atomic_load_explicit(&mark->words[0], memory_order_acquire));
    const uint64_t complement =
        le64toh(atomic_load_explicit(&mark->words[1], memory_order_acquire));
    *sequence = number;
    return number == ~complement;
}

enum qtl_status qtl_local_mark_store(struct qtl_local_mark *mark, uint64_t sequence,
                                     struct qtl_error *error)
{
    const uint64_t words[2] = {htole64(sequence), htole64(~sequence)};
    return qtl_local_file_write(mark->fd, mark->name, words, sizeof(words), 0, error);
}
