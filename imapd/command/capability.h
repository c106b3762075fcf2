// What CAPABILITY says beyond the rows of the command tables.
#pragma once

#include <string>
#include <string_view>

namespace pennypost::imap {

/// Before and after login.
inline constexpr std::string_view base_capabilities = "IMAP4rev1 SASL-IR LITERAL+";
/// After login, besides what the commands bring.
inline constexpr std::string_view other_capabilities = "CHILDREN MULTIAPPEND SPECIAL-USE";

/// What imap_capability makes of `own`: names take its place, `+NAME` is added to it (Dovecot's
/// rule: a `+` before the first holds for all).
std::string with_setting(std::string own, std::string_view setting);

}  // namespace pennypost::imap
