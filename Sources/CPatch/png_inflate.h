#pragma once
// Inflating zlib streams whose plain size is known.
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// Bytes behind a stream that must be readable, and behind the room for its content that must be writable. What stands
/// there does not matter.
#define PATCH_INFLATE_SLACK 16

/// A zlib stream (RFC 1950) of `count` bytes, whose content is `size` bytes for `output`.
struct patch_zlib_stream {
    const uint8_t *bytes;
    size_t count;
    uint8_t *output;
    size_t size;
};

/// Inflates two streams by turns, which takes less time than one after the other. `true` for each that is exactly a
/// stream that zlib takes, holds `size` bytes, and ends where `count` says; `output` is undefined for one that is not.
void patch_inflate_two(const struct patch_zlib_stream streams[2], bool are_whole[2]);

/// The same for one stream.
bool patch_inflate(const struct patch_zlib_stream *stream);
