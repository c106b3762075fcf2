// Applies a Sieve script to messages that are in a mailbox already.
//
// Done are keep, fileinto, discard, their flags and the script's changes of the message. What would
// send mail (redirect, reject, vacation, notify) is not done, but told; nor is anything remembered.
// A message for which the script fails stays as it is.
//
// A copy is stored before its original is removed, so that a crash in between leaves both.
//
// SEE ALSO   sieve_filter.h (at delivery)
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "common/config/config.h"
#include "store/accounts/account_ref.h"
#include "store/filtering/host_environment.h"
#include "store/mailbox/mailbox.h"
#include "store/sieve/actions.h"

namespace pennypost::store {

/// A larger message is left as it is.
inline constexpr std::uint64_t filtered_message_octets_max = 64 << 20;

class StoredFilter {
 public:
  struct Options {
    bool is_dry = false;             // nothing is done
    bool removes_discarded = false;  // else what a script discards stays
  };
  /// What was done with a message, in words: `kept`, `moved to Work`.
  using Told = std::string;

  /// All must outlive it.
  StoredFilter(const Config& config, const AccountRef& account, MailStore& mail,
               const std::optional<sieve::ScriptPlace>& place, const sieve::Script& script,
               Options options)
      : config_(config),
        account_(account),
        mail_(mail),
        place_(place),
        script_(script),
        options_(options) {}

  /// Applies it to a message of an open mailbox. Error: the message can't be read, or a copy not be
  /// stored; then the original is still there.
  Result<Told> apply(Mailbox& mailbox, Uid uid);

 private:
  struct Plan;
  Result<sieve::Outcome> outcome_for(const std::string& text, std::int64_t date);
  Result<Told> carry_out(Mailbox& mailbox, Uid uid, const std::string& text, const Plan& plan);
  Result<void> append(const Plan& plan, std::size_t index, Mailbox& mailbox, Uid uid,
                      const std::string& text);

  const Config& config_;
  const AccountRef& account_;
  MailStore& mail_;
  const std::optional<sieve::ScriptPlace>& place_;
  const sieve::Script& script_;
  Options options_;
};

}  // namespace pennypost::store
