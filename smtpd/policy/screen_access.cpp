// Evaluates postscreen_access_list.

#include "common/base/text.h"
#include "smtpd/policy/screen_messages.h"

namespace pennypost::smtp {
namespace {

using Answer = ScreenAccess::Answer;

/// What a table's value means; nothing if it is none of the words.
std::optional<Answer> parse_value(std::string_view value) {
  if (equal_nocase(value, "permit") || equal_nocase(value, "ok")) return Answer::Permit;
  if (equal_nocase(value, "reject")) return Answer::Reject;
  if (equal_nocase(value, "dunno")) return Answer::None;
  return std::nullopt;
}

}  // namespace

Answer screen_access(const std::vector<std::string>& list, const ScreenAccess& ask,
                     const FindScreened& find,
                     const std::function<void(const std::string&)>& warn) {
  for (const std::string& item : list) {
    auto rule = ScreenRule::parse(item);
    if (!rule) continue;
    if (rule->kind == ScreenRule::Kind::Permit) return Answer::Permit;
    if (rule->kind == ScreenRule::Kind::Reject) return Answer::Reject;
    if (rule->kind == ScreenRule::Kind::MyNetworks) {
      if (ask.is_in_mynetworks) return Answer::Permit;
      continue;
    }
    auto value = find(rule->table, ask.address);
    if (!value) {
      warn("postscreen_access_list: " + item + ": " + value.error().text());
      return Answer::None;
    }
    if (!*value) continue;
    auto answer = parse_value(trim(**value));
    if (!answer) {
      warn("postscreen_access_list: " + item + ": " + printable(**value, 100) + " for " +
           ask.address + " is none of: permit, reject, dunno");
      return Answer::None;
    }
    if (*answer != Answer::None) return *answer;
  }
  return Answer::None;
}

}  // namespace pennypost::smtp
