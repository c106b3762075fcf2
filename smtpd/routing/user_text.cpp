#include "smtpd/routing/user_text.h"

#include <utility>

#include "common/base/text.h"

namespace pennypost::smtp {
namespace {

using Row = std::pair<std::string_view, std::string UserNames::*>;
constexpr std::array rows{Row{"home", &UserNames::home},
                          Row{"user", &UserNames::user},
                          Row{"extension", &UserNames::extension},
                          Row{"recipient_delimiter", &UserNames::recipient_delimiter},
                          Row{"local", &UserNames::local},
                          Row{"domain", &UserNames::domain},
                          Row{"recipient", &UserNames::recipient}};

/// Removes and returns the name after a `$`, with or without braces.
std::string_view take_name(std::string_view& text) {
  bool has_braces = text.starts_with('{');
  if (has_braces) text.remove_prefix(1);
  std::size_t length = 0;
  while (length < text.size() && (is_alnum(text[length]) || text[length] == '_')) ++length;
  auto name = text.substr(0, length);
  text.remove_prefix(length);
  if (has_braces && text.starts_with('}')) text.remove_prefix(1);
  return name;
}

}  // namespace

std::optional<std::string> expand_user_text(std::string_view text, const UserNames& names,
                                            EmptyExtension empty_extension) {
  std::string out;
  while (!text.empty()) {
    char next = text.front();
    text.remove_prefix(1);
    if (next != '$') {
      out += next;
      continue;
    }
    auto name = take_name(text);
    bool is_nothing = name == "extension" && names.extension.empty() &&
                      empty_extension == EmptyExtension::IsNothing;
    if (is_nothing) return {};
    for (const auto& [known, member] : rows) {
      if (known == name) out += names.*member;
    }
  }
  return out;
}

}  // namespace pennypost::smtp
