// What is left out when mail comes in: the words of receive_override_options.
//
// SEE ALSO   ../inbound/service_context.h, ../pickup/pickup.cpp, ../policy/restrictions.cpp
#pragma once

#include <string_view>

#include "common/base/words.h"
#include "common/config/config.h"

namespace pennypost::smtp {

inline constexpr std::string_view no_address_mappings = "no_address_mappings";
inline constexpr std::string_view no_header_body_checks = "no_header_body_checks";
inline constexpr std::string_view no_milters = "no_milters";
inline constexpr std::string_view no_unknown_recipient_checks = "no_unknown_recipient_checks";

/// Whether receive_override_options has this word.
inline bool is_left_out(const Settings& settings, std::string_view what) {
  return holds(settings.receive_override_options, what);
}

}  // namespace pennypost::smtp
