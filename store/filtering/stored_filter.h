// Applies a Sieve script to messages that are in a mailbox already.
//
// An admin's `pennypost sieve run` moves and flags; what would send mail is told, not done. For a
// client of IMAP (is_live) mail is sent as well, and an original that goes is flagged \Deleted
// rather than removed. vacation and reject answer only new mail, and do nothing here.
//
// decide() runs the script, and the programs that it uses, once. carry_out() may then be called
// again after it has failed, as while another program has the mailbox locked: what is done is not
// done twice. A copy is stored before its original goes, so that a crash in between leaves both.
//
// STANDARDS  RFC 6785 section 3; draft-bosch-imap-filter-sieve section 4
// SEE ALSO   sieve_filter.h (at delivery)
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/config/config.h"
#include "store/accounts/account_ref.h"
#include "store/filtering/flag_names.h"
#include "store/filtering/host_environment.h"
#include "store/filtering/submitted_mail.h"
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
    bool is_live = false;
    ScriptUse use = ScriptUse::Stored;
    std::map<std::string, std::string> items = {};  // of the environment: imap.cause
  };

  /// What is to be done with one message.
  struct Plan {
    struct Copy {
      MailboxName mailbox;
      NamedFlags flags;
      std::shared_ptr<const std::string> text;  // null: as it is
    };
    /// Why the script has failed: the message is left as it is. Empty: it has not.
    std::string failure;
    std::vector<Copy> copies;        // in other mailboxes, or here if the message is changed
    std::optional<NamedFlags> keep;  // the original stays, with these flags
    bool sets_flags = false;         // they are others than it has
    std::vector<SubmittedMail> mails;
    std::vector<std::string> programs;  // that have had the message
    bool would_send = false;            // what is not done here
    bool is_refused = false;
    std::size_t copied = 0;  // what of it is done
    std::size_t sent = 0;

    /// Whether scripts behind this one are run.
    bool keeps() const { return keep.has_value(); }
    /// Whether a client would see a difference.
    bool changes() const { return sets_flags || !keep || !copies.empty() || !mails.empty(); }
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
        options_(std::move(options)) {}

  /// Runs the script over a message of an open mailbox. Error: the message can't be read, or
  /// something that the script must know.
  Result<Plan> decide(Mailbox& mailbox, Uid uid);
  /// Error: something can't be stored or sent; then the original is still there.
  Result<Told> carry_out(Mailbox& mailbox, Uid uid, Plan& plan);
  /// Both.
  Result<Told> apply(Mailbox& mailbox, Uid uid);

 private:
  struct Reading;
  Result<void> plan_for(const sieve::Outcome& outcome, Reading& reading, Plan& plan);
  Result<void> add_copy(const sieve::FileInto& copy, Reading& reading, Plan& plan);
  Result<bool> pipe(const sieve::Outcome& outcome, Reading& reading, Plan& plan) const;
  void add_mail(const sieve::Action& action, Reading& reading, Plan& plan) const;
  Result<void> copy(const Plan::Copy& copy, Mailbox& mailbox, Uid uid);
  Result<void> finish_original(Mailbox& mailbox, Uid uid, const Plan& plan);

  const Config& config_;
  const AccountRef& account_;
  MailStore& mail_;
  const std::optional<sieve::ScriptPlace>& place_;
  const sieve::Script& script_;
  Options options_;
};

}  // namespace pennypost::store
