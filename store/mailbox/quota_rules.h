// Understands Dovecot's quota rules: how much an account may hold, and what holds for single
// mailboxes.
//
//   rule    = mailbox ":" ( "ignore" / limit *( ":" limit ) )
//   limit   = ( "storage=" / "bytes=" / "messages=" ) amount
//   amount  = number [unit]         the limit itself; 0: none
//           / "+" number [unit]     that much more than the account's limit
//           / "-" number [unit]     that much less
//           / ["+" / "-"] number "%"  of the account's limit
//   unit    = "B" / "k" / "M" / "G" / "T"     of 1024; without one: storage in KiB, bytes in octets
//
// `*` as mailbox is the account itself; other names are those of mailboxes, in which `*` and `?`
// are wildcards. The first rule that fits a mailbox says what the account may hold, all mailboxes
// together, when a message is put there: `*:storage=1G Trash:storage=+10%` lets a full account
// still move its mail to Trash. What is in a mailbox with `ignore` is not counted. A text holds
// several rules, separated by blanks; blanks in a name are written as %20.
//
// LIMITS  rules_max rules; amounts up to amount_max
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"

namespace pennypost::store {

/// How much an account may hold; nothing: no such limit.
struct QuotaLimits {
  std::optional<std::uint64_t> bytes;
  std::optional<std::uint64_t> messages;
  friend bool operator==(const QuotaLimits&, const QuotaLimits&) = default;
};

class QuotaRules {
 public:
  static constexpr std::size_t rules_max = 32;
  static constexpr std::uint64_t amount_max = std::uint64_t{1} << 60;

  /// Empty text: no rules. Error: what is wrong, and what a rule looks like.
  static Result<QuotaRules> parse(std::string_view text);
  /// parse() gives the same rules again.
  std::string text() const;
  bool empty() const { return rules_.empty(); }

  /// Adds rules for the mailboxes for which `nearer`, such as the user's own rules, has none; where
  /// both have one for the same name, that of `nearer` holds.
  void replace_by(const QuotaRules& nearer);

  /// Whether there is a rule for the account itself, which may also say that it has no limit.
  bool names_account() const;
  /// Whether there is a rule for other mailboxes than INBOX.
  bool names_folders() const;
  /// What the account may hold.
  QuotaLimits limits() const;
  /// What it may hold, if its own limits are `account`, when a message is put into this mailbox.
  QuotaLimits limits_in(std::string_view mailbox, const QuotaLimits& account) const;
  /// Whether what is in this mailbox does not count.
  bool ignores(std::string_view mailbox) const;

 private:
  struct Amount {
    char sign = 0;  // '+', '-', or 0: the limit itself
    bool is_percent = false;
    std::uint64_t number = 0;  // octets or messages, or percent
  };
  struct Rule {
    std::string mailbox;
    bool is_ignored = false;
    std::optional<Amount> bytes;
    std::optional<Amount> messages;
  };
  static Result<Rule> parse_rule(std::string_view text);
  static std::optional<Amount> parse_amount(std::string_view text, std::uint64_t unit,
                                            bool has_units);
  static std::optional<std::uint64_t> apply(const std::optional<Amount>& amount,
                                            const std::optional<std::uint64_t>& limit);
  const Rule* rule_for(std::string_view mailbox) const;

  std::vector<Rule> rules_;
};

}  // namespace pennypost::store
