#include "smtpd/policy/access.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "common/base/text.h"
#include "common/net/address.h"

namespace pennypost::smtp {
namespace {

constexpr int ip4_bits = 32;
constexpr int ip6_bits = 128;
constexpr int ip6_step_bits = 4;

/// The address with everything beyond `prefix` bits set to zero.
IpAddress masked(const IpAddress& address, int prefix) {
  std::array<std::uint8_t, 16> bytes{};
  auto from = address.bytes();
  for (std::size_t i = 0; i < from.size(); ++i) {
    int bits = std::clamp(prefix - static_cast<int>(i) * 8, 0, 8);
    bytes[i] = static_cast<std::uint8_t>(static_cast<unsigned char>(from[i]) & (0xff00 >> bits));
  }
  if (address.is_v6()) return IpAddress::v6(bytes);
  return IpAddress::v4({bytes[0], bytes[1], bytes[2], bytes[3]});
}

/// `2001:db8:0:1` without its last group; empty if only one is left.
std::string_view without_last(std::string_view text, char separator) {
  auto end = text.rfind(separator);
  return end == text.npos ? std::string_view() : text.substr(0, end);
}

/// Removes the first word of the text and returns it in upper case.
std::string take_word(std::string_view& text) {
  auto end = std::min(text.find_first_of(" \t"), text.size());
  std::string word = upper(text.substr(0, end));
  text = trim(text.substr(end));
  return word;
}

bool is_all_digits(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return is_digit(c); });
}

/// RFC 3463 section 2: class, subject, detail.
bool is_enhanced_status(std::string_view text) {
  auto parts = split(text, '.');
  return parts.size() == 3 && (parts[0] == "4" || parts[0] == "5" || parts[0] == "2") &&
         std::ranges::all_of(parts, is_all_digits);
}

/// Splits `5.7.1 Go away` into status and text.
void take_text(std::string_view text, AccessAction& action) {
  auto end = std::min(text.find_first_of(" \t"), text.size());
  if (is_enhanced_status(text.substr(0, end))) {
    action.status = text.substr(0, end);
    text = trim(text.substr(end));
  }
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"') {
    text = text.substr(1, text.size() - 2);
  }
  action.text = text;
}

struct ActionName {
  std::string_view name;
  AccessAction::Kind kind;
};
constexpr std::array action_names{
    ActionName{"BCC", AccessAction::Kind::Bcc},
    ActionName{"DEFER", AccessAction::Kind::Defer},
    ActionName{"DEFER_IF_PERMIT", AccessAction::Kind::DeferIfPermit},
    ActionName{"DEFER_IF_REJECT", AccessAction::Kind::DeferIfReject},
    ActionName{"DISCARD", AccessAction::Kind::Discard},
    ActionName{"DUNNO", AccessAction::Kind::Dunno},
    ActionName{"FILTER", AccessAction::Kind::Filter},
    ActionName{"HOLD", AccessAction::Kind::Hold},
    ActionName{"INFO", AccessAction::Kind::Info},
    ActionName{"OK", AccessAction::Kind::Ok},
    ActionName{"PREPEND", AccessAction::Kind::Prepend},
    ActionName{"REDIRECT", AccessAction::Kind::Redirect},
    ActionName{"REJECT", AccessAction::Kind::Reject},
    ActionName{"RELAY", AccessAction::Kind::Relay},
    ActionName{"WARN", AccessAction::Kind::Warn},
};

}  // namespace

std::vector<store::LookupKey> network_keys(std::string_view text) {
  std::vector<store::LookupKey> keys;
  auto add = [&](std::string key, store::MapList::Key kind) {
    auto& added = keys.emplace_back();
    added.text = std::move(key);
    added.kind = kind;
  };
  auto parsed = IpAddress::parse(text);
  if (!parsed) return keys;
  const IpAddress& address = *parsed;
  std::string whole = address.text();
  add(whole, store::MapList::Key::Whole);
  char separator = address.is_v4() ? '.' : ':';
  std::string_view shown = whole;
  for (auto prefix = without_last(shown, separator); !prefix.empty() && address.is_v6();
       prefix = without_last(prefix, separator)) {
    add(std::string(prefix), store::MapList::Key::Partial);
  }
  int bits = address.is_v4() ? ip4_bits : ip6_bits;
  int step = address.is_v4() ? 1 : ip6_step_bits;
  for (int prefix = bits; prefix >= 0; prefix -= step) {
    add(masked(address, prefix).text() + "/" + std::to_string(prefix),
        store::MapList::Key::Partial);
    if (address.is_v4() && prefix % 8 == 0 && prefix > 0 && prefix < bits) {
      shown = without_last(shown, separator);
      add(std::string(shown), store::MapList::Key::Partial);
    }
  }
  return keys;
}

AccessAction parse_access_action(std::string_view value) {
  AccessAction action;
  std::string_view rest = trim(value);
  // Sendmail's notation: ERROR:550 text, ERROR:5.7.1:550 text, ERROR:"550 text".
  if (starts_with_nocase(rest, "ERROR:")) {
    rest = trim(rest.substr(6));
    if (rest.size() >= 2 && rest.front() == '"' && rest.back() == '"') {
      rest = rest.substr(1, rest.size() - 2);
    }
    auto colon = rest.find(':');
    if (colon != rest.npos && is_enhanced_status(rest.substr(0, colon))) {
      action.status = rest.substr(0, colon);
      rest = trim(rest.substr(colon + 1));
    }
  }
  std::string_view all = rest;
  std::string word = take_word(rest);
  if (word.empty() || (is_all_digits(word) && rest.empty())) {
    action.kind = AccessAction::Kind::Ok;
    return action;
  }
  if (is_all_digits(word) && word.size() == 3 && (word[0] == '4' || word[0] == '5')) {
    action.kind = AccessAction::Kind::Reject;
    action.code = static_cast<int>(*parse_number(word));
    take_text(rest, action);
    return action;
  }
  auto name = std::ranges::find(action_names, std::string_view(word), &ActionName::name);
  if (name == action_names.end()) {
    action.text = all;
    return action;
  }
  action.kind = name->kind;
  bool has_status = action.kind == AccessAction::Kind::Reject ||
                    action.kind == AccessAction::Kind::Defer ||
                    action.kind == AccessAction::Kind::DeferIfPermit ||
                    action.kind == AccessAction::Kind::DeferIfReject;
  if (has_status) {
    take_text(rest, action);
  } else {
    action.text = rest;
  }
  return action;
}

bool is_filter_text(std::string_view text) {
  auto colon = text.find(':');
  return colon != text.npos && colon > 0 && text.find_first_of(" \t") == text.npos;
}

std::string fitting_status(std::string status, bool is_sender, bool is_recipient) {
  auto parts = split(status, '.');
  if (parts.size() != 3 || parts[1] != "1") return status;
  std::string prefix = std::string(parts[0]) + ".";
  if (!is_sender && !is_recipient) return prefix + "0.0";
  // Section 3.2: 1 to 6 tell of recipients, 7 and 8 of senders; as Postfix maps them.
  struct Detail {
    std::string_view given;
    std::string_view of_sender;
    std::string_view of_recipient;
  };
  constexpr std::array details{Detail{"1", "7", "1"}, Detail{"2", "8", "2"}, Detail{"3", "7", "3"},
                               Detail{"4", "7", "4"}, Detail{"5", "0", "5"}, Detail{"6", "7", "6"},
                               Detail{"7", "7", "3"}, Detail{"8", "8", "2"}};
  auto found = std::ranges::find(details, parts[2], &Detail::given);
  if (found == details.end()) return prefix + "1.0";
  return prefix + "1." + std::string(is_sender ? found->of_sender : found->of_recipient);
}

}  // namespace pennypost::smtp
