// Parses the arguments of SETQUOTA.
//
// STANDARDS  RFC 9208 section 7 (formal syntax)
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/result.h"
#include "imapd/grammar/limits.h"

namespace pennypost::imap {

/// The resources of one SETQUOTA; RFC 9208 knows four.
inline constexpr std::size_t quota_resources_max = 16;

struct SetQuotaRequest {
  std::string root;
  /// Names in upper case, each once, with their limits.
  std::vector<std::pair<std::string, std::uint64_t>> limits;
};

/// `"User quota" (STORAGE 512 MESSAGE 100)`; the list may be empty.
Result<SetQuotaRequest> parse_set_quota(std::string_view arguments, const Limits& limits);

}  // namespace pennypost::imap
