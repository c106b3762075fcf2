// The macros that milters are told with each event: the settings' lists, and those that a milter
// asks for in their place.
//
// A macro without a value is left out, unless milter_macro_defaults gives it one.
//
// STANDARDS  Postfix's MILTER_README, "Workarounds - macros"
// SEE ALSO   milter.h (who sends them), ../inbound/session_milters.cpp (their values for a client)
#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "common/config/milter_settings.h"

namespace pennypost::smtp {

/// In the order of libmilter's numbers; Unknown has none.
enum class MilterStage { Connect, Helo, Mail, Rcpt, Data, EndOfData, EndOfHeader, Unknown };
inline constexpr std::size_t milter_stages = 8;

/// The value of a macro, `j` or `client_name` (without braces), at the moment.
using MilterMacroValues = std::function<std::optional<std::string>(std::string_view name)>;

class MilterMacros {
 public:
  explicit MilterMacros(const Settings& settings);

  /// A milter's own choice. Nothing happens for a stage that has no number.
  void choose(std::uint32_t stage, std::string names);
  /// The data of a Macros packet behind its first byte: name and value, each ended by NUL; empty
  /// where no macro has a value.
  std::string data(MilterStage stage, const MilterMacroValues& values) const;

 private:
  std::array<std::string, milter_stages> names_;
  std::map<std::string, std::string, std::less<>> defaults_;
};

}  // namespace pennypost::smtp
