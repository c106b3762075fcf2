#include "common/mail/archive.h"

#include <zip.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include "common/base/assert.h"

namespace pennypost {
namespace {

constexpr int gzip_window = 15 + 16;  // zlib: the largest window, with gzip's header
constexpr std::size_t piece_bytes = 64 * 1024;

Error too_large(std::size_t bytes_max) {
  return Error::permanent("it unpacks to more than " + std::to_string(bytes_max) + " bytes");
}

/// zlib takes what it does not change as if it did.
Bytef* bytes_of(std::string_view text) {
  return const_cast<Bytef*>(reinterpret_cast<const Bytef*>(text.data()));
}

/// Adds what stands in one file of a zip.
Result<std::string> unpacked(zip_t* archive, std::uint64_t index, std::size_t bytes_max) {
  std::unique_ptr<zip_file_t, decltype(&zip_fclose)> file(zip_fopen_index(archive, index, 0),
                                                          &zip_fclose);
  if (file == nullptr) return Error::permanent(zip_strerror(archive));
  std::string text;
  std::array<char, piece_bytes> piece;
  for (;;) {
    auto read = zip_fread(file.get(), piece.data(), piece.size());
    if (read < 0) return Error::permanent(zip_file_strerror(file.get()));
    if (read == 0) return text;
    if (static_cast<std::size_t>(read) > bytes_max - text.size()) return too_large(bytes_max);
    text.append(piece.data(), static_cast<std::size_t>(read));
  }
}

}  // namespace

std::string gzip(std::string_view bytes) {
  z_stream stream{};
  ASSERT(deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, gzip_window, 8,
                      Z_DEFAULT_STRATEGY) == Z_OK);
  std::string packed(deflateBound(&stream, bytes.size()), '\0');
  stream.next_in = bytes_of(bytes);
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = bytes_of(packed);
  stream.avail_out = static_cast<uInt>(packed.size());
  ASSERT(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

Result<std::string> gunzip(std::string_view packed, std::size_t bytes_max) {
  z_stream stream{};
  ASSERT(inflateInit2(&stream, gzip_window) == Z_OK);
  std::unique_ptr<z_stream, decltype(&inflateEnd)> ending(&stream, &inflateEnd);
  stream.next_in = bytes_of(packed);
  stream.avail_in = static_cast<uInt>(packed.size());
  std::string text;
  std::array<char, piece_bytes> piece;
  for (int state = Z_OK; state != Z_STREAM_END;) {
    stream.next_out = reinterpret_cast<Bytef*>(piece.data());
    stream.avail_out = static_cast<uInt>(piece.size());
    state = inflate(&stream, Z_NO_FLUSH);
    if (state != Z_OK && state != Z_STREAM_END) {
      return Error::permanent(state == Z_BUF_ERROR ? "it ends too early" : "it is damaged");
    }
    std::size_t made = piece.size() - stream.avail_out;
    if (made > bytes_max - text.size()) return too_large(bytes_max);
    text.append(piece.data(), made);
    // RFC 1952 section 2.2: another member may follow.
    bool has_more =
        state == Z_STREAM_END && is_gzip(packed.substr(packed.size() - stream.avail_in));
    if (has_more && inflateReset(&stream) == Z_OK) state = Z_OK;
  }
  return text;
}

Result<std::vector<std::string>> unzip(std::string_view packed, std::size_t bytes_max) {
  zip_error_t problem;
  zip_error_init(&problem);
  auto reason = [&problem] {
    std::string text = zip_error_strerror(&problem);
    zip_error_fini(&problem);
    return Error::permanent(std::move(text));
  };
  auto* source = zip_source_buffer_create(packed.data(), packed.size(), 0, &problem);
  if (source == nullptr) return reason();
  std::unique_ptr<zip_t, decltype(&zip_discard)> archive(
      zip_open_from_source(source, ZIP_RDONLY | ZIP_CHECKCONS, &problem), &zip_discard);
  if (archive == nullptr) {
    zip_source_free(source);
    return reason();
  }
  auto entries = static_cast<std::uint64_t>(zip_get_num_entries(archive.get(), 0));
  if (entries > archive_files_max) {
    return Error::permanent("it has more than " + std::to_string(archive_files_max) + " files");
  }
  std::vector<std::string> files;
  for (std::uint64_t i = 0; i < entries; ++i) {
    const char* name = zip_get_name(archive.get(), i, ZIP_FL_ENC_RAW);
    if (name == nullptr) return Error::permanent(zip_strerror(archive.get()));
    if (std::string_view(name).ends_with('/')) continue;
    TRY(auto text, unpacked(archive.get(), i, bytes_max));
    bytes_max -= text.size();
    files.push_back(std::move(text));
  }
  if (files.empty()) return Error::permanent("it has no files");
  return files;
}

bool is_gzip(std::string_view bytes) { return bytes.starts_with("\x1f\x8b"); }

bool is_zip(std::string_view bytes) { return bytes.starts_with("PK\x03\x04"); }

}  // namespace pennypost
