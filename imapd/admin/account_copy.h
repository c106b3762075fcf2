// Copies the mail of an account of another IMAP server into one of ours: folders, subscriptions,
// messages with flags, keywords and dates.
//
// It can be stopped at any time and started again; then it goes on where it was, and takes what has
// come there meanwhile (copied_mail.h). What was copied before is not looked at again: flags that
// change there later, and messages that are removed there, change nothing here. There nothing
// changes at all.
//
// LIMITS  portion_messages and portion_octets are stored together
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "imapd/admin/call.h"
#include "imapd/admin/copied_mail.h"
#include "imapd/admin/folder_plan.h"
#include "imapd/admin/message_spool.h"
#include "imapd/client/client.h"

namespace pennypost::imap {

class AccountCopy {
 public:
  /// `origin` names the account there: server and login.
  AccountCopy(AdminAccount& on, ImapClient& client, MessageSpool& spool, std::string origin)
      : on_(on), client_(client), spool_(spool), origin_(std::move(origin)) {}

  /// Copies one folder, and prints a row about it. Errors of a kind that may pass are temporary.
  Result<void> copy(const PlannedFolder& folder);

  /// How many messages could not be copied; each was named on standard error.
  std::uint64_t left_out() const { return left_out_; }

 private:
  struct Counts {
    std::uint64_t copied = 0;
    std::uint64_t present = 0;
    std::uint64_t left_out = 0;
  };
  /// What one folder needs while it is copied.
  struct State {
    const PlannedFolder& folder;
    store::MailboxName target;
    CopyNote note;
    CopyMark mark;
    KnownMessages known;
    std::set<std::string> keywords;  // of the target
    std::set<std::string> lacking;   // keywords for which it has no room
    Counts counts;
  };
  using Sizes = std::vector<ImapClient::SizedMessage>;

  Result<void> make_target(const store::MailboxName& name, bool is_subscribed);
  Result<State> begin(const PlannedFolder& folder);
  Result<void> copy_portion(State& state, const Sizes& portion);
  Result<void> fetch(State& state, const std::vector<std::uint32_t>& uids,
                     std::vector<store::NewMessage>& fresh);
  Result<void> take(State& state, FetchedMessage message, std::vector<store::NewMessage>& fresh);
  /// Keywords as far as the target has room for them.
  void take_flags(State& state, const std::vector<std::string>& names, store::NewMessage& fresh);
  void leave_out(State& state, std::uint32_t uid, std::string_view why);
  void show(const State& state) const;

  AdminAccount& on_;
  ImapClient& client_;
  MessageSpool& spool_;
  std::string origin_;
  std::uint64_t left_out_ = 0;
};

}  // namespace pennypost::imap
