// Parses the lists of smtpd_*_restrictions: what each name takes behind it, and what names classes.
#include "common/config/restrictions.h"

#include <algorithm>
#include <array>

#include "common/base/text.h"
#include "common/config/kinds.h"
#include "common/config/nearest.h"
#include "common/config/policy_service.h"
#include "common/net/address_pattern.h"

namespace pennypost {
namespace {

constexpr int class_steps_max = 1000;  // how often classes may be named on the way through one

Error wrong(std::string text) { return Error::permanent(std::move(text)); }

std::string quoted(std::string_view text) { return "\"" + printable(text, 100) + "\""; }

constexpr std::array restriction_names{
#define RESTRICTION(name, argument, stage, meaning) \
  RestrictionName{#name, RestrictionName::argument},
#include "common/config/restrictions.def"
};
static_assert(std::ranges::is_sorted(restriction_names, {}, &RestrictionName::name));

/// Names that Postfix still takes for what it has renamed.
struct OldName {
  std::string_view name;
  std::string_view now;
};
constexpr std::array old_names{
    OldName{"check_recipient_maps", "reject_unlisted_recipient"},
    OldName{"reject_invalid_hostname", "reject_invalid_helo_hostname"},
    OldName{"reject_non_fqdn_hostname", "reject_non_fqdn_helo_hostname"},
    OldName{"reject_rbl", "reject_rbl_client"},
    OldName{"reject_unknown_address", "reject_unknown_sender_domain"},
    OldName{"reject_unknown_client", "reject_unknown_client_hostname"},
    OldName{"reject_unknown_hostname", "reject_unknown_helo_hostname"},
};

/// Postfix's that are none here.
struct Refused {
  std::string_view name;
  std::string_view reason;
};
constexpr std::array refused_names{
    Refused{"check_relay_domains", "write permit_mynetworks, reject_unauth_destination"},
    Refused{"permit_naked_ip_address", "write permit_mynetworks or permit_sasl_authenticated"},
    Refused{"reject_maps_rbl", "write reject_rbl_client with the name of the list behind it"},
};

bool is_class_name(std::string_view word) {
  return !word.empty() && !is_digit(word[0]) &&
         std::ranges::all_of(word, [](char c) { return is_alnum(c) || c == '_' || c == '-'; });
}

Error not_a_restriction(std::string_view word) {
  return wrong(quoted(word) + " is not a restriction" +
               nearest_hint(lower(word), restriction_names, &RestrictionName::name));
}

std::string_view argument_words(RestrictionName::Argument argument) {
  switch (argument) {
    case RestrictionName::Table:
      return "a table";
    case RestrictionName::Domain:
      return "a domain";
    case RestrictionName::Seconds:
      return "a number of seconds";
    case RestrictionName::Class:
      return "a name of smtpd_restriction_classes";
    case RestrictionName::Server:
      return "a server, such as inet:127.0.0.1:10023";
    case RestrictionName::None:
      break;
  }
  return "nothing";
}

/// The argument in its normal form.
Result<std::string> argument_of(const RestrictionName& known, const std::string& word) {
  std::string name(known.name);
  switch (known.argument) {
    case RestrictionName::Table: {
      TRY(auto table, TableRef::parse(word));
      return table.text();
    }
    case RestrictionName::Domain: {
      auto equals = word.find('=');
      if (equals == word.npos) return word;
      auto pattern = AddressPattern::parse(std::string_view(word).substr(equals + 1));
      if (!pattern) return wrong(name + ": " + pattern.error().text());
      return word;
    }
    case RestrictionName::Seconds: {
      auto seconds = parse_number(word);
      if (seconds && *seconds <= restriction_sleep_seconds_max) return word;
      return wrong(name + " " + quoted(word) + ": write a number of seconds from 0 to " +
                   std::to_string(restriction_sleep_seconds_max));
    }
    case RestrictionName::Class:
      if (is_class_name(word)) return word;
      return wrong(quoted(word) + " is no name of a class; write letters, digits and _");
    case RestrictionName::Server: {
      auto service = PolicyService::parse(word, Settings());
      if (!service) return wrong(name + ": " + service.error().text());
      return word;
    }
    case RestrictionName::None:
      break;
  }
  return std::string();
}

/// The restriction at `items[i]`; `i` moves on over its argument.
Result<Restriction> restriction_at(const std::vector<std::string>& items, std::size_t& i) {
  const std::string& word = items[i];
  if (TableRef::is_table(word)) {
    TRY(auto table, TableRef::parse(word));
    return Restriction{"check_access", table.text()};
  }
  std::string name = lower(word);
  auto old = std::ranges::find(old_names, std::string_view(name), &OldName::name);
  if (old != old_names.end()) name = old->now;
  auto refused = std::ranges::find(refused_names, std::string_view(name), &Refused::name);
  if (refused != refused_names.end()) {
    return wrong(quoted(word) + " is no restriction here: " + std::string(refused->reason));
  }
  const RestrictionName* known = find_restriction(name);
  if (known == nullptr && !is_class_name(word)) return not_a_restriction(word);
  if (known == nullptr) return Restriction{"restriction_class", word};
  if (known->argument == RestrictionName::None) return Restriction{name, ""};
  if (++i == items.size()) {
    return wrong(name + " needs " + std::string(argument_words(known->argument)) + " after it");
  }
  TRY(auto argument, argument_of(*known, items[i]));
  return Restriction{name, std::move(argument)};
}

/// Whether a class comes to an end within `left` levels, and all that it leads to within `steps`.
bool ends_within(const RestrictionClasses& classes, std::string_view name, int left, int& steps) {
  if (left == 0 || --steps <= 0) return false;
  auto found = classes.find(name);
  if (found == classes.end()) return true;
  return std::ranges::all_of(found->second, [&](const Restriction& item) {
    return item.name != "restriction_class" || ends_within(classes, item.argument, left - 1, steps);
  });
}

}  // namespace

const RestrictionName* find_restriction(std::string_view name) {
  auto found = std::ranges::lower_bound(restriction_names, name, {}, &RestrictionName::name);
  return found != restriction_names.end() && found->name == name ? &*found : nullptr;
}

std::string text_of(const std::vector<Restriction>& list) {
  std::string text;
  for (const Restriction& item : list) {
    if (!text.empty()) text += ", ";
    text += item.name;
    if (!item.argument.empty()) text += " " + item.argument;
  }
  return text;
}

std::string class_problem(const std::vector<Restriction>& list,
                          const std::vector<std::string>& declared) {
  for (const Restriction& item : list) {
    if (item.name != "restriction_class") continue;
    if (std::ranges::find(declared, item.argument) != declared.end()) continue;
    return not_a_restriction(item.argument).text() +
           "; a list of your own needs its name in smtpd_restriction_classes";
  }
  return "";
}

std::string class_problem(const RestrictionClasses& classes, std::string_view name) {
  int steps = class_steps_max;
  if (ends_within(classes, name, restriction_depth_max, steps)) return "";
  return "leads back to itself, or through too many classes (" +
         std::to_string(restriction_depth_max) + " deep, " + std::to_string(class_steps_max) +
         " in all); take one out";
}

namespace kinds {

Result<std::vector<Restriction>> Restrictions::parse(std::string_view text, const Range&) {
  TRY(auto items, list_items(text));
  std::vector<Restriction> restrictions;
  for (std::size_t i = 0; i < items.size(); ++i) {
    TRY(auto restriction, restriction_at(items, i));
    restrictions.push_back(std::move(restriction));
  }
  return restrictions;
}

}  // namespace kinds
}  // namespace pennypost
