// Reads the files of trust anchors of a TLS policy, which the process that sends can't open.
//
// They are those of the policy's tafile attributes, or of smtp_tls_trust_anchor_file. Blocks.
//
// LIMITS     trust_anchor_bytes_max for all of them together
// SEE ALSO   ../delivery/tls_policy.h (the notation)
#pragma once

#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/config/config.h"

namespace pennypost::smtp {

inline constexpr std::size_t trust_anchor_bytes_max = 256 * 1024;

/// The files' contents one after another; empty if there are none. `tls_policy`: the value in
/// smtp_tls_policy_maps, or empty. Error 4.7.5 names the file.
Result<std::string> read_trust_anchors(std::string_view tls_policy, const Settings& settings);

}  // namespace pennypost::smtp
