// Sendmail's virtusertable: aliases of whole addresses, with parts of them in the target.
//
// What is not a part of an address goes to a table `virtual`. A target with %1, %2 or %3 needs
// patterns, which are tried for the whole address and so before `@domain`; therefore all entries of
// a domain that has such a target for many addresses are patterns, in Sendmail's order.
#include <algorithm>
#include <map>
#include <optional>

#include "common/base/text.h"
#include "smtpd/migration/sendmail.h"

namespace pennypost::smtp {
namespace {

using Class = SendmailSite::Class;
using Kind = MigratedTable::Kind;

/// A key of virtusertable, and which addresses it is for.
struct Virtuser {
  enum class Of { Address, UserDetails, UserAnyDetails, Details, AnyDetails, Domain };
  Of of = Of::Address;  // in the order in which Sendmail tries them
  std::string user;     // before the +; empty: any
  std::string domain;
  const SendmailEntry* entry = nullptr;
  bool is_error() const { return starts_with_nocase(entry->value, "error:"); }
};

Virtuser parsed(const SendmailEntry& entry) {
  Virtuser one;
  one.entry = &entry;
  auto at = entry.key.rfind('@');
  auto local = std::string_view(entry.key).substr(0, at);
  one.domain = domain_as_written(std::string_view(entry.key).substr(at + 1));
  one.user = local;
  if (local.empty()) one.of = Virtuser::Of::Domain;
  bool wants_detail = local.ends_with("++");
  if (!wants_detail && !local.ends_with("+*")) return one;
  one.user = local.substr(0, local.size() - 2);
  if (one.user.empty()) {
    one.of = wants_detail ? Virtuser::Of::Details : Virtuser::Of::AnyDetails;
  } else {
    one.of = wants_detail ? Virtuser::Of::UserDetails : Virtuser::Of::UserAnyDetails;
  }
  return one;
}

std::string escaped(std::string_view text) {
  std::string pattern;
  for (char c : text) {
    if (is_ascii(c) && !is_alnum(c)) pattern += '\\';
    pattern += c;
  }
  return pattern;
}

/// The pattern of its addresses: group 1 is the user, 2 `+detail`, 3 the detail.
std::string pattern_of(const Virtuser& one) {
  std::string user = one.user.empty() ? "[^+@]*" : escaped(one.user);
  std::string detail = "(\\+([^@]*))?";
  using Of = Virtuser::Of;
  if (one.of == Of::UserDetails || one.of == Of::Details) detail = "(\\+([^@]+))";
  if (one.of == Of::UserAnyDetails || one.of == Of::AnyDetails) detail = "(\\+([^@]*))";
  return "/^(" + user + ")" + detail + "@" + escaped(one.domain) + "$/";
}

/// Whether a target has parts of the address; `%1@domain` alone needs no pattern.
bool has_parts(std::string_view target) { return target.find('%') != target.npos; }

/// The target with %1, %2 and %3 replaced; nothing: another letter stands behind a %.
std::optional<std::string> with_parts(std::string_view target, std::string_view user,
                                      std::string_view detail, std::string_view plus_detail,
                                      bool is_pattern) {
  std::string text;
  for (std::size_t i = 0; i < target.size(); ++i) {
    if (target[i] == '$' && is_pattern) text += '$';
    if (target[i] != '%') {
      text += target[i];
      continue;
    }
    char which = ++i < target.size() ? target[i] : '\0';
    if (which < '1' || which > '3') return {};
    text += which == '1' ? user : which == '2' ? detail : plus_detail;
  }
  return text;
}

class Virtusers {
 public:
  Virtusers(const SendmailSite& site, const SendmailSite::Table& table)
      : site_(site), made_(site.migration()), table_(table) {}

  void run() {
    for (const auto& entry : table_.entries) {
      bool is_wrong = entry.key.find('@') == entry.key.npos || entry.value.empty();
      if (is_wrong) {
        lacks(entry, "expected `user@domain value` or `@domain value`");
      } else {
        auto one = parsed(entry);
        domains_[one.domain].push_back(std::move(one));
      }
    }
    for (auto& [domain, all] : domains_) {
      std::ranges::stable_sort(all, {}, &Virtuser::of);
      bool uses_patterns = std::ranges::any_of(all, needs_pattern);
      for (const auto& one : all) add(one, all, uses_patterns);
    }
  }

 private:
  void lacks(const SendmailEntry& entry, std::string reason) {
    made_.lacks({table_.file, entry.line}, entry.key + " " + entry.value, std::move(reason));
  }

  static bool needs_pattern(const Virtuser& one) {
    using Of = Virtuser::Of;
    if (one.is_error()) return false;
    bool is_same_user = one.of == Of::Domain && one.entry->value.starts_with("%1@") &&
                        !has_parts(std::string_view(one.entry->value).substr(1));
    return !is_same_user && one.of != Of::Address &&
           (one.of != Of::Domain || has_parts(one.entry->value));
  }

  void add(const Virtuser& one, const std::vector<Virtuser>& all, bool uses_patterns) {
    if (one.is_error()) return add_error(one, all, uses_patterns);
    // For a whole domain %1@other becomes @other, which keeps the user.
    auto target = uses_patterns ? with_parts(one.entry->value, "$1", "$3", "$2", true)
                                : with_parts(one.entry->value, one.user, "", "", false);
    if (!target) return lacks(*one.entry, "only %1, %2 and %3 are known");
    put(one, *target, uses_patterns);
  }

  void put(const Virtuser& one, const std::string& target, bool as_pattern) {
    if (as_pattern) {
      made_.entry("virtual_patterns", pattern_of(one), target, Kind::Patterns);
    } else {
      made_.entry("virtual", one.entry->key, target);
    }
  }

  /// A route to an error is the answer at RCPT. What has one must not be caught by the domain's
  /// other entries, so it leads to itself.
  void add_error(const Virtuser& one, const std::vector<Virtuser>& all, bool uses_patterns) {
    using Of = Virtuser::Of;
    if (one.of != Of::Address && one.of != Of::Domain) {
      return lacks(*one.entry,
                   "an error for addresses with +detail; write smtpd_recipient_"
                   "restrictions = check_recipient_access pcre:FILE");
    }
    auto error = parse_sendmail_error(std::string_view(one.entry->value).substr(6));
    bool is_hosted = site_.holds(Class::Virtual, one.domain);
    bool is_caught = std::ranges::any_of(
        all, [](const auto& other) { return other.of != Of::Address && !other.is_error(); });
    if (is_caught && one.of == Of::Address) {
      put(one, uses_patterns ? "$1@" + one.domain : one.entry->key, uses_patterns);
    }
    if (is_hosted) {
      bool is_unknown = error.status.empty() || error.status == "5.1.1";
      if (!is_unknown || error.code != 550) {
        lacks(*one.entry,
              "it is refused with `550 5.1.1 User unknown`, as all unknown addresses of "
              "virtual_alias_domains");
      }
      return;
    }
    made_.entry("transport", one.of == Of::Domain ? one.domain : one.entry->key,
                error.for_transport());
  }

  const SendmailSite& site_;
  Migration& made_;
  const SendmailSite::Table& table_;
  std::map<std::string, std::vector<Virtuser>> domains_;
};

}  // namespace

Result<void> read_sendmail_virtusers(const SendmailSite& site) {
  TRY(auto table, site.table("virtusertable", "virtusertable"));
  Virtusers(site, table).run();
  return {};
}

}  // namespace pennypost::smtp
