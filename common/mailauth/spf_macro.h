// Checks and expands the macro strings of SPF records: `%{ir}.%{l1r+}._spf.%{d}`.
//
// STANDARDS  RFC 7208 section 7
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/net/address.h"

namespace pennypost {

/// What the letters stand for.
struct SpfMacroValues {
  std::string local;                  // l
  std::string sender_domain;          // o
  std::string domain;                 // d
  IpAddress client;                   // i, c, v
  std::string helo;                   // h
  std::string validated = "unknown";  // p
  std::string receiver = "unknown";   // r, in explanations
  std::int64_t now_seconds = 0;       // t, in explanations
};

enum class SpfMacroUse { Domain, Explanation };

/// Whether a macro string is well-formed; blanks, c, r and t are allowed in explanations alone.
bool is_spf_macro_string(std::string_view text, SpfMacroUse use);
/// Whether it is one that ends like a domain: in `.label` or a macro.
bool is_spf_domain(std::string_view text);
/// Whether its expansion needs the client's name (p), which costs DNS queries.
bool needs_validated_name(std::string_view text);

/// The text must be well-formed.
std::string expand_spf_macros(std::string_view text, const SpfMacroValues& values);
/// The same as a name for DNS: labels are removed from the left until it fits (section 7.3).
std::string expand_spf_domain(std::string_view text, const SpfMacroValues& values);

}  // namespace pennypost
