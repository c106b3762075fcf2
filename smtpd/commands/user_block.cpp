#include "smtpd/commands/user_block.h"

#include <algorithm>
#include <ostream>

#include "common/base/clock.h"
#include "common/base/text.h"
#include "common/process/privileges.h"
#include "smtpd/commands/local_time.h"
#include "smtpd/commands/queue_access.h"
#include "smtpd/pickup/user_mail.h"

namespace pennypost::smtp {
namespace {

/// Returns how many messages were put on hold.
Result<std::uint32_t> hold_mail_of(const std::shared_ptr<const Config>& config,
                                   const std::string& account) {
  TRY(auto queue, QueueAccess::open(config));
  HoldUserMail ask;
  ask.user = account;
  TRY(auto count, queue.client().call(ask));
  return count.messages;
}

}  // namespace

Result<std::string> account_to_block(const store::OwnUsers& users, const Config& config,
                                     const std::string& name) {
  TRY(auto full, users.full_name(name));
  TRY(auto all, users.list());
  if (std::ranges::find(all, full, &store::OwnUser::name) != all.end()) return full;
  std::string system_name = lower(name);
  if (name.find('@') == name.npos) {
    TRY(auto identity, Identity::find(system_name));
    if (identity) return system_name;
  }
  std::string hint = config.system_users ? "" : "; a system user is named without a domain";
  return Error(550, "there is no user " + printable(name, 100) + hint);
}

Result<void> block_user(const std::shared_ptr<const Config>& config, const std::string& account,
                        const BlockOptions& options, std::ostream& out) {
  TRY(auto list, store::BlockList::open(*config));
  store::Block block;
  block.refuses_logins = options.refuses_logins;
  block.since = Clock::system().now_seconds();
  block.reason = options.reason;
  TRY_DO(list.block(account, block));
  out << account << " blocked: no mail is accepted from this user"
      << (block.refuses_logins ? ", and no login" : "") << "\n";
  if (!options.holds_mail) return {};
  auto held = hold_mail_of(config, account);
  if (!held) {
    return Error::permanent(account + " is blocked, but the mail in the queue is not on hold: " +
                            held.error().text_with_status());
  }
  out << *held << (*held == 1 ? " message" : " messages") << " placed on hold\n";
  return {};
}

Result<void> unblock_user(const Config& config, const std::string& account, std::ostream& out) {
  TRY(auto list, store::BlockList::open(config));
  TRY_DO(list.unblock(account));
  out << account << " unblocked; mail on hold stays there until postsuper -H releases it\n";
  return {};
}

std::string shown_block(const store::Block& block) {
  std::string text =
      block.refuses_logins ? "blocked: submission and logins" : "blocked: submission";
  if (block.since != 0) text += " since " + local_time(block.since);
  if (!block.reason.empty()) text += " (" + block.reason + ")";
  return text;
}

}  // namespace pennypost::smtp
