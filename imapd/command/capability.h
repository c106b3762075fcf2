// What CAPABILITY says beyond the rows of the command tables.
#pragma once

#include <string_view>

namespace pennypost::imap {

/// Before and after login.
inline constexpr std::string_view base_capabilities = "IMAP4rev1 SASL-IR LITERAL+";
/// After login, besides what the commands bring.
inline constexpr std::string_view other_capabilities = "CHILDREN MULTIAPPEND SPECIAL-USE";

}  // namespace pennypost::imap
