// Packs and unpacks files in memory: gzip both ways, zip to read.
//
// What comes out may be a thousand times as large as what goes in, so each call has a limit for it.
//
// LIMITS     archive_files_max, and the caller's
// STANDARDS  RFC 1952 (gzip)
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"

namespace pennypost {

inline constexpr std::size_t archive_files_max = 20;  // of a zip

std::string gzip(std::string_view bytes);
/// All members of the file together. Error 550: it is damaged, or more than `bytes_max` come out.
Result<std::string> gunzip(std::string_view packed, std::size_t bytes_max);
/// The files in a zip, without directories. Error 550: it is damaged, encrypted, empty, has more
/// than archive_files_max entries, or more than `bytes_max` come out of all together.
Result<std::vector<std::string>> unzip(std::string_view packed, std::size_t bytes_max);

/// Whether the first bytes are those of a gzip or zip file.
bool is_gzip(std::string_view bytes);
bool is_zip(std::string_view bytes);

}  // namespace pennypost
