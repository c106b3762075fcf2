// Writes the members of a tar archive one after another to a descriptor.
//
// STANDARDS  POSIX.1-2017 pax: ustar headers, and an extended header for a path that does not fit
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/result.h"

namespace pennypost::imap {

class TarWriter {
 public:
  /// `path` is for errors.
  TarWriter(int descriptor, std::string path) : descriptor_(descriptor), path_(std::move(path)) {}

  /// `name` relative, of at most 4096 octets; `modified` in seconds since 1970.
  Result<void> file(const std::string& name, std::string_view content, std::int64_t modified);
  Result<void> directory(const std::string& name, std::int64_t modified);
  /// The two empty blocks at the end.
  Result<void> finish();

 private:
  Result<void> member(std::string name, char type, std::string_view content, std::int64_t modified,
                      unsigned mode);
  Result<void> put(std::string_view bytes);
  int descriptor_;
  std::string path_;
};

}  // namespace pennypost::imap
