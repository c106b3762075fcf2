#include "common/mailauth/spf_record.h"

#include <arpa/inet.h>

#include <algorithm>

#include "common/base/text.h"
#include "common/mailauth/spf_macro.h"

namespace pennypost {
namespace {

constexpr std::string_view version = "v=spf1";

Error bad_term(std::string_view term) {
  return Error::permanent("malformed SPF term: " + printable(term, 100));
}

struct MechanismName {
  std::string_view name;
  SpfMechanism mechanism;
};
constexpr MechanismName mechanism_names[]{
    {"all", SpfMechanism::All}, {"include", SpfMechanism::Include}, {"a", SpfMechanism::A},
    {"mx", SpfMechanism::Mx},   {"ptr", SpfMechanism::Ptr},         {"ip4", SpfMechanism::Ip4},
    {"ip6", SpfMechanism::Ip6}, {"exists", SpfMechanism::Exists},
};

std::optional<SpfStatus> qualifier(char c) {
  switch (c) {
    case '+':
      return SpfStatus::Pass;
    case '-':
      return SpfStatus::Fail;
    case '~':
      return SpfStatus::SoftFail;
    case '?':
      return SpfStatus::Neutral;
    default:
      return {};
  }
}

/// Removes `slashes` and a number from the end. Nothing: there are none; an Error: no such prefix.
Result<std::optional<int>> take_prefix(std::string_view& text, std::string_view slashes, int most) {
  auto digits = text.size() - (text.find_last_not_of("0123456789") + 1);
  auto front = text.substr(0, text.size() - digits);
  if (digits == 0 || !front.ends_with(slashes)) return std::optional<int>();
  auto number = text.substr(front.size());
  auto value = parse_number(number);
  bool has_zero = number.size() > 1 && number.front() == '0';
  if (!value || has_zero || *value > static_cast<std::uint64_t>(most)) {
    return Error::permanent("no such prefix");
  }
  text = front.substr(0, front.size() - slashes.size());
  return std::optional(static_cast<int>(*value));
}

/// The rest of `a` and `mx`: `:domain/24//64`, each part optional.
Result<void> read_dual(std::string_view rest, SpfTerm& term) {
  TRY(auto six, take_prefix(rest, "//", 128));
  TRY(auto four, take_prefix(rest, "/", 32));
  term.prefix6 = six.value_or(128);
  term.prefix4 = four.value_or(32);
  if (rest.empty()) return {};
  if (!rest.starts_with(':') || !is_spf_domain(rest.substr(1))) return bad_term(term.text);
  term.domain = rest.substr(1);
  return {};
}

Result<void> read_network(std::string_view rest, SpfTerm& term) {
  bool is_v4 = term.mechanism == SpfMechanism::Ip4;
  if (!rest.starts_with(':')) return bad_term(term.text);
  rest.remove_prefix(1);
  TRY(auto prefix, take_prefix(rest, "/", is_v4 ? 32 : 128));
  in6_addr bytes{};
  bool is_address = inet_pton(is_v4 ? AF_INET : AF_INET6, std::string(rest).c_str(), &bytes) == 1 &&
                    rest.find('\0') == rest.npos;
  auto address = IpAddress::parse(rest);
  if (!is_address || !address) return bad_term(term.text);
  // An IPv4-mapped address is an IPv4 address here (section 5), which an ip6 does not contain.
  if (address->is_v4() == is_v4) term.network.emplace(*address, prefix.value_or(is_v4 ? 32 : 128));
  return {};
}

Result<void> read_mechanism(std::string_view rest, SpfTerm& term) {
  switch (term.mechanism) {
    case SpfMechanism::All:
      if (!rest.empty()) return bad_term(term.text);
      return {};
    case SpfMechanism::A:
    case SpfMechanism::Mx:
      return read_dual(rest, term);
    case SpfMechanism::Ip4:
    case SpfMechanism::Ip6:
      return read_network(rest, term);
    case SpfMechanism::Ptr:
      if (rest.empty()) return {};
      break;
    case SpfMechanism::Include:
    case SpfMechanism::Exists:
      break;
  }
  if (!rest.starts_with(':') || !is_spf_domain(rest.substr(1))) return bad_term(term.text);
  term.domain = rest.substr(1);
  return {};
}

bool is_modifier_name(std::string_view name) {
  return !name.empty() && is_alpha(name.front()) && std::ranges::all_of(name, [](char c) {
    return is_alnum(c) || c == '-' || c == '_' || c == '.';
  });
}

Result<void> read_modifier(std::string_view text, std::size_t equals, SpfRecord& record) {
  auto name = text.substr(0, equals);
  auto value = text.substr(equals + 1);
  auto* known = equal_nocase(name, "redirect") ? &record.redirect
                : equal_nocase(name, "exp")    ? &record.explanation
                                               : nullptr;
  if (known == nullptr) {
    // Section 6: an unknown modifier is ignored, but its syntax is checked.
    if (!is_spf_macro_string(value, SpfMacroUse::Domain)) return bad_term(text);
    return {};
  }
  if (*known || !is_spf_domain(value)) return bad_term(text);
  *known = std::string(value);
  return {};
}

Result<void> read_term(std::string_view text, SpfRecord& record) {
  auto end = std::min(text.find_first_of(":/="), text.size());
  if (end < text.size() && text[end] == '=' && is_modifier_name(text.substr(0, end))) {
    return read_modifier(text, end, record);
  }
  SpfTerm term;
  term.text = text;
  std::string_view rest = text;
  if (auto result = qualifier(rest.front())) {
    term.result = *result;
    rest.remove_prefix(1);
    --end;
  }
  auto name = rest.substr(0, end);
  auto found = std::ranges::find_if(mechanism_names,
                                    [&](const auto& row) { return equal_nocase(name, row.name); });
  if (found == std::end(mechanism_names)) return bad_term(text);
  term.mechanism = found->mechanism;
  if (!read_mechanism(rest.substr(end), term)) return bad_term(text);
  record.terms.push_back(std::move(term));
  return {};
}

}  // namespace

std::string_view name_of(SpfStatus status) {
  switch (status) {
    case SpfStatus::None:
      return "none";
    case SpfStatus::Neutral:
      return "neutral";
    case SpfStatus::Pass:
      return "pass";
    case SpfStatus::Fail:
      return "fail";
    case SpfStatus::SoftFail:
      return "softfail";
    case SpfStatus::TempError:
      return "temperror";
    case SpfStatus::PermError:
      return "permerror";
  }
  return "?";
}

bool SpfRecord::is_one(std::string_view text) {
  if (!starts_with_nocase(text, version)) return false;
  return text.size() == version.size() || text[version.size()] == ' ';
}

Result<SpfRecord> SpfRecord::parse(std::string_view text) {
  if (!is_one(text)) return Error::permanent("not an SPF record");
  if (text.size() > spf_record_bytes_max) {
    return Error::permanent("an SPF record of more than " + std::to_string(spf_record_bytes_max) +
                            " octets");
  }
  SpfRecord record;
  for (auto term : words(text.substr(version.size()), " ")) {
    // Blanks part terms, no other control character does.
    if (std::ranges::any_of(term, [](char c) { return !is_ascii(c) || is_control(c); })) {
      return bad_term(term);
    }
    TRY_DO(read_term(term, record));
  }
  return record;
}

}  // namespace pennypost
