// Takes the items of imapsieve_scripts apart: which script of the administrator runs for what users
// do in which mailbox (RFC 6785).
//
//   Junk:copy,append=/etc/pennypost/learn-spam.sieve
//   *=/etc/pennypost/all.sieve
//
// SEE ALSO  value_check.h (who refuses a wrong one), imapd/command/event_scripts.h (who runs them)
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace pennypost {

/// RFC 6785 section 4.3
enum class ImapCause : std::uint8_t { Append, Copy, Flag };

std::string_view name_of(ImapCause cause);

/// One of imapsieve_scripts: `MAILBOX[:CAUSE[,CAUSE]]=SCRIPT`.
struct ImapsieveRule {
  std::string mailbox;            // UTF-8; `*`: every one
  std::vector<ImapCause> causes;  // none: all
  std::string script;             // its path

  /// `name` is that of a mailbox, UTF-8.
  bool is_for(std::string_view name, ImapCause cause) const;
};

/// Those that are right; a list's commas also part its causes. Those that are not are left out.
std::vector<ImapsieveRule> parse_imapsieve_rules(const std::vector<std::string>& items);
/// What is wrong with the first that is not right; empty: nothing.
std::string imapsieve_rules_problem(const std::vector<std::string>& items);

}  // namespace pennypost
