#include "store/accounts/user_fields.h"

#include <algorithm>
#include <array>

#include "common/base/text.h"
#include "common/net/address.h"
#include "store/mailbox/location.h"
#include "store/mailbox/quota_rules.h"

namespace pennypost::store {
namespace {

constexpr std::string_view comment_name = "comment";
constexpr std::string_view quota_name = "quota_rule";
constexpr std::size_t acl_groups_max = 50;

Result<void> check_home(std::string_view value) {
  if (!value.starts_with('/')) return Error::permanent("home= needs an absolute path");
  return {};
}

Result<void> check_mail(std::string_view value) { return MailLocation::check(std::string(value)); }

Result<void> check_quota(std::string_view value) {
  TRY_DO(QuotaRules::parse(value));
  return {};
}

Result<void> check_capability(std::string_view value) {
  for (char c : value) {
    if (is_alnum(c) || std::string_view("-=,.+/").find(c) != std::string_view::npos) continue;
    return Error::permanent("imap_capability=" + printable(value, 100) +
                            ": expected -NAME of capabilities, separated by commas");
  }
  return {};
}

// A group's name stands in dovecot-acl behind group= as it is.
Result<void> check_groups(std::string_view value) {
  auto groups = split(value, ',');
  if (groups.size() > acl_groups_max) {
    return Error::permanent("acl_groups= has more than " + std::to_string(acl_groups_max) +
                            " groups");
  }
  for (auto group : groups) {
    bool is_name = !group.empty() && std::ranges::none_of(group, [](char c) {
      return is_control(c) || c == '"' || c == '\\';
    });
    if (is_name) continue;
    return Error::permanent("acl_groups=" + printable(value, 100) +
                            ": expected names of groups, separated by commas");
  }
  return {};
}

Result<void> check_networks(std::string_view value) {
  for (auto item : words(value, ",")) {
    auto network = Network::parse(item);
    if (!network) return Error::permanent("allow_nets: " + network.error().text());
  }
  return {};
}

Result<void> check_disabled(std::string_view value) {
  if (value == "yes" || value == "no") return {};
  return Error::permanent("disabled=" + printable(value, 40) + ": expected yes or no");
}

Result<void> check_admin(std::string_view value) {
  if (value == "yes" || value == "no") return {};
  return Error::permanent("admin=" + printable(value, 40) + ": expected yes or no");
}

Result<void> check_comment(std::string_view value) {
  if (std::ranges::none_of(value, [](char c) { return is_control(c); })) return {};
  return Error::permanent("comment= has a control character");
}

struct Field {
  std::string_view name;
  std::string OwnUserFields::*value;
  Result<void> (*check)(std::string_view value);
  bool is_of_domain;  // whether a domain's entry may have it
};

constexpr std::array fields{
    Field{"home", &OwnUserFields::home, &check_home, false},
    Field{"mail", &OwnUserFields::mail, &check_mail, false},
    Field{quota_name, &OwnUserFields::quota_rule, &check_quota, true},
    Field{"imap_capability", &OwnUserFields::imap_capability, &check_capability, true},
    Field{"acl_groups", &OwnUserFields::acl_groups, &check_groups, true},
    Field{"allow_nets", &OwnUserFields::allow_nets, &check_networks, true},
    Field{"admin", &OwnUserFields::admin, &check_admin, false},
    Field{"disabled", &OwnUserFields::disabled, &check_disabled, true},
    // The last, since it extends to the end.
    Field{comment_name, &OwnUserFields::comment, &check_comment, false},
};

Error unknown_field(std::string_view name) {
  std::vector<std::string> known;
  for (const auto& field : fields) known.push_back(std::string(field.name) + "=");
  return Error::permanent("unknown field " + printable(name, 60) + "; known are " +
                          join(known, ", "));
}

}  // namespace

Result<OwnUserFields> OwnUserFields::parse(std::string_view value) {
  OwnUserFields parsed;
  auto rest = trim(value);
  while (!rest.empty()) {
    auto end = rest.find_first_of(" \t");
    auto word = rest.substr(0, end);
    auto name = word.substr(0, word.find('='));
    // Without the first `=`; a word without one has no value.
    auto text = word.substr(std::min(name.size() + 1, word.size()));
    if (name == comment_name) {
      text = rest.substr(std::min(name.size() + 1, rest.size()));
      end = std::string_view::npos;
    }
    if (text.empty() && name != comment_name) {
      if (std::ranges::find(fields, name, &Field::name) == fields.end()) return unknown_field(name);
      return Error::permanent(std::string(name) + "= has no value");
    }
    std::string joined(text);
    if (name == quota_name && !parsed.quota_rule.empty()) joined = parsed.quota_rule + " " + joined;
    TRY_DO(parsed.set(name, joined));
    rest = end == std::string_view::npos ? std::string_view() : trim(rest.substr(end));
  }
  return parsed;
}

Result<void> OwnUserFields::set(std::string_view name, std::string_view value) {
  auto field = std::ranges::find(fields, name, &Field::name);
  if (field == fields.end()) return unknown_field(name);
  value = trim(value);
  if (value.size() > value_bytes_max) {
    return Error::permanent(std::string(name) + "= is longer than " +
                            std::to_string(value_bytes_max) + " characters");
  }
  const bool may_have_blanks = name == comment_name || name == quota_name;
  if (!may_have_blanks && std::ranges::any_of(value, is_space)) {
    return Error::permanent(std::string(name) + "= may not contain blanks");
  }
  if (!value.empty()) {
    TRY_DO(field->check(value));
  }
  this->*(field->value) = value;
  return {};
}

std::string OwnUserFields::text() const {
  std::vector<std::string> out;
  for (const auto& [name, value] : all()) {
    if (name == quota_name) {
      for (auto rule : words(value)) out.push_back(std::string(name) + "=" + std::string(rule));
    } else {
      out.push_back(std::string(name) + "=" + value);
    }
  }
  return join(out, " ");
}

std::vector<std::pair<std::string_view, std::string>> OwnUserFields::all() const {
  std::vector<std::pair<std::string_view, std::string>> found;
  for (const auto& field : fields) {
    const std::string& value = this->*(field.value);
    if (!value.empty()) found.emplace_back(field.name, value);
  }
  return found;
}

void OwnUserFields::complete_by(const OwnUserFields& domain) {
  for (const auto& field : fields) {
    std::string& value = this->*(field.value);
    if (!field.is_of_domain || field.name == quota_name || !value.empty()) continue;
    value = domain.*(field.value);
  }
  // Rules are completed one by one. Both texts have been checked.
  auto rules = QuotaRules::parse(domain.quota_rule);
  auto own = QuotaRules::parse(quota_rule);
  if (!rules || !own) return;
  rules->replace_by(*own);
  quota_rule = rules->text();
}

bool is_allowed_from(std::string_view allow_nets, std::string_view address) {
  if (allow_nets.empty()) return true;
  auto client = IpAddress::parse(address);
  if (!client) return false;
  return std::ranges::any_of(words(allow_nets, ","), [&](std::string_view item) {
    auto network = Network::parse(item);
    return network && network->contains(*client);
  });
}

}  // namespace pennypost::store
