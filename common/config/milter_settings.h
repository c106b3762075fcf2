// The settings of one milter, as smtpd_milters, non_smtpd_milters and smtpd_milter_maps name it.
//
// STANDARDS  Postfix's MILTER_README
// SEE ALSO   ../../smtpd/milter/milter.h (who speaks with it)
#pragma once

#include <chrono>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/config/config.h"
#include "common/config/server_ref.h"

namespace pennypost {

/// Each value is the one in braces, or else that of the setting milter_NAME.
struct MilterSettings {
  std::string text;  ///< `inet:127.0.0.1:11332`, as log lines name it
  ServerRef at;
  std::chrono::seconds command_timeout{0};
  std::chrono::seconds connect_timeout{0};
  std::chrono::seconds content_timeout{0};
  std::string default_action;  ///< accept, reject, tempfail, quarantine, shutdown
  unsigned version = 6;        ///< of the protocol
  bool has_header_replies = true;

  /// Error: what is wrong, and what would be right.
  static Result<MilterSettings> parse(std::string_view text, const Settings& settings);
  /// The milters of a list.
  static Result<std::vector<MilterSettings>> parse_list(const std::vector<std::string>& items,
                                                        const Settings& settings);
};

/// milter_macro_defaults, `{name}=value` or `name=value` each. Error: what is wrong.
Result<std::map<std::string, std::string, std::less<>>> parse_macro_defaults(
    const std::vector<std::string>& items);

/// How many milters a message may pass.
inline constexpr std::size_t milters_max = 50;

/// The value of smtpd_milter_maps that means none.
inline constexpr std::string_view no_milters_at_all = "DISABLE";

}  // namespace pennypost
