// The host's lists that scripts may ask for (extlists): files of one directory.
//
// The list NAME, of letters, digits, `-`, `_` and dots within, is the file NAME of sieve_list_dir:
// a value a line, blanks around it aside; a line that begins with # is a remark. Values are
// compared without case, addresses as addresses.
//
// LIMITS     host_list_bytes_max
// STANDARDS  RFC 6134
#pragma once

#include <string>
#include <vector>

#include "common/base/result.h"

namespace pennypost::store {

inline constexpr std::size_t host_list_bytes_max = 4 << 20;

bool has_host_list(const std::string& directory, const std::string& name);
/// Errors of both: there is no such list, or it can't be read.
Result<bool> is_in_host_list(const std::string& directory, const std::string& name,
                             const std::string& value);
Result<std::vector<std::string>> members_of_host_list(const std::string& directory,
                                                      const std::string& name);

}  // namespace pennypost::store
