#include "common/config/imapsieve_rules.h"

#include <algorithm>
#include <array>
#include <optional>

#include "common/base/text.h"

namespace pennypost {
namespace {

struct CauseName {
  std::string_view name;
  ImapCause cause;
};
constexpr std::array cause_names{CauseName{"APPEND", ImapCause::Append},
                                 CauseName{"COPY", ImapCause::Copy},
                                 CauseName{"FLAG", ImapCause::Flag}};

/// Nothing: one of the words is no cause.
std::optional<std::vector<ImapCause>> causes_in(std::string_view text) {
  std::vector<ImapCause> causes;
  for (auto word : split(text, ',')) {
    auto found = std::ranges::find_if(
        cause_names, [&](const CauseName& one) { return equal_nocase(one.name, trim(word)); });
    if (found == cause_names.end()) return std::nullopt;
    causes.push_back(found->cause);
  }
  return causes;
}

/// Nothing: it is not of the form.
std::optional<ImapsieveRule> parse_rule(std::string_view text) {
  auto equals = text.find('=');
  if (equals == text.npos) return std::nullopt;
  ImapsieveRule rule;
  rule.script = trim(text.substr(equals + 1));
  auto left = trim(text.substr(0, equals));
  // A name may hold a colon itself.
  auto colon = left.rfind(':');
  auto causes = colon == left.npos ? std::nullopt : causes_in(left.substr(colon + 1));
  if (causes) {
    rule.causes = *std::move(causes);
    left = left.substr(0, colon);
  }
  rule.mailbox = left;
  if (rule.mailbox.empty() || !rule.script.starts_with('/')) return std::nullopt;
  return rule;
}

/// The rules as they are written: the list was parted at the commas between causes as well.
std::vector<std::string> rule_texts(const std::vector<std::string>& items) {
  std::vector<std::string> texts;
  bool is_open = false;
  for (const auto& item : items) {
    if (is_open) {
      texts.back() += "," + item;
    } else {
      texts.push_back(item);
    }
    is_open = texts.back().find('=') == std::string::npos;
  }
  return texts;
}

}  // namespace

std::string_view name_of(ImapCause cause) {
  return std::ranges::find(cause_names, cause, &CauseName::cause)->name;
}

bool ImapsieveRule::is_for(std::string_view name, ImapCause cause) const {
  bool is_inbox = equal_nocase(name, "INBOX") && equal_nocase(mailbox, "INBOX");
  bool is_there = mailbox == "*" || mailbox == name || is_inbox;
  return is_there && (causes.empty() || std::ranges::find(causes, cause) != causes.end());
}

std::vector<ImapsieveRule> parse_imapsieve_rules(const std::vector<std::string>& items) {
  std::vector<ImapsieveRule> rules;
  for (const auto& text : rule_texts(items)) {
    if (auto rule = parse_rule(text)) rules.push_back(*std::move(rule));
  }
  return rules;
}

std::string imapsieve_rules_problem(const std::vector<std::string>& items) {
  for (const auto& text : rule_texts(items)) {
    if (parse_rule(text)) continue;
    return "\"" + printable(text, 100) +
           "\" names no script for a mailbox; write MAILBOX:CAUSE=/PATH, as "
           "Junk:copy,append=/etc/pennypost/learn-spam.sieve";
  }
  return "";
}

}  // namespace pennypost
