#include "store/mailbox/mailbox.h"

#include <algorithm>

#include "common/base/text.h"
#include "store/mailbox/lock_tries.h"

namespace pennypost::store {

bool is_expunged(const Error& error) { return error.response_code() == ResponseCode::Expunged; }

bool is_in_use(const Error& error) { return error.response_code() == ResponseCode::InUse; }

const Message* Mailbox::find(Uid uid) const {
  auto all = messages();
  auto at = std::lower_bound(all.begin(), all.end(), uid, [](const Message& message, Uid wanted) {
    return message.uid < wanted;
  });
  return at != all.end() && at->uid == uid ? &*at : nullptr;
}

std::vector<std::string> Mailbox::keyword_names(KeywordSet set) const {
  std::vector<std::string> names;
  const auto& all = keywords();
  for (std::size_t i = 0; i < all.size(); ++i) {
    if ((set >> i & 1) != 0 && !all[i].empty()) names.push_back(all[i]);
  }
  return names;
}

bool Mailbox::may_add_keyword() const {
  const auto& all = keywords();
  return all.size() < keywords_per_mailbox_max ||
         std::ranges::any_of(all, [](const std::string& name) { return name.empty(); });
}

Result<Copied> Mailbox::finish_move(Copied copied,
                                    const std::function<std::unique_ptr<Mailbox>()>& open_target) {
  auto staying = copied.source;
  Result<std::vector<Uid>> gone = staying;
  while (gone && !staying.empty()) {
    gone = insist_while_locked(insist_briefly, [&] { return expunge(staying); });
    if (!gone) break;
    // Messages that did not exist are gone as well: others have removed them.
    if (gone->empty()) staying.clear();
    std::erase_if(staying, [&](Uid uid) { return std::ranges::binary_search(*gone, uid); });
  }
  if (gone) return copied;

  // RFC 6851 section 3: each message is either moved or not changed.
  Copied moved;
  moved.uid_validity = copied.uid_validity;
  std::vector<Uid> copies;
  for (std::size_t i = 0; i < copied.source.size(); ++i) {
    if (std::ranges::find(staying, copied.source[i]) != staying.end()) {
      copies.push_back(copied.target[i]);
    } else {
      moved.source.push_back(copied.source[i]);
      moved.target.push_back(copied.target[i]);
    }
  }
  // A copy that stays would come a second time if the caller repeats the move.
  auto target = open_target();
  auto taken_back = insist_while_locked(insist_max, [&]() -> Result<std::vector<Uid>> {
    TRY_DO(target->sync());
    return target->expunge(copies);
  });
  if (!taken_back) {
    return Error::temporary("Messages are in both mailboxes now: " + gone.error().text());
  }
  if (moved.source.empty()) return std::move(gone).error();
  moved.failure = std::move(gone).error();
  return moved;
}

Result<Status> count_status(Mailbox& mailbox, bool with_size) {
  Status status;
  status.uid_next = mailbox.uid_next();
  status.uid_validity = mailbox.uid_validity();
  status.highest_modseq = mailbox.highest_modseq();
  status.id = mailbox.id();
  status.messages = static_cast<std::uint32_t>(mailbox.messages().size());
  if (with_size) status.size = 0;
  for (const auto& message : mailbox.messages()) {
    if (mailbox.is_recent(message.uid)) ++status.recent;
    if (!message.flags.has(Flags::Seen)) ++status.unseen;
    if (message.flags.has(Flags::Deleted)) ++status.deleted;
    if (!with_size) continue;
    TRY(auto octets, mailbox.octets(message.uid));
    *status.size += octets;
    if (!message.flags.has(Flags::Deleted)) continue;
    // RFC 9208 section 4.1.4.
    TRY(auto stored, mailbox.stored_bytes(message.uid));
    status.deleted_size += stored;
  }
  return status;
}

Result<MailboxName> MailStore::parse_name(std::string_view utf8) const {
  TRY(auto name, MailboxName::parse(utf8, separator(), settings().folder_depth_max,
                                    settings().folder_name_bytes_max));
  TRY_DO(check_name(name));
  return name;
}

Result<void> MailStore::check_target(const MailboxName& name) {
  TRY_DO(status(name));
  return {};
}

Result<std::string> MailStore::directory_of(const MailboxName& name) {
  return Error(550, ResponseCode::Cannot,
               "Only mailboxes in a Maildir can be shared: " + name.text());
}

Result<MailboxName> MailStore::parse_own_name(std::string_view utf8) const {
  auto name = parse_name(utf8);
  const auto& prefix = settings().namespace_prefix;
  if (name || prefix.empty()) return name;
  return parse_name(prefix + std::string(utf8));
}

}  // namespace pennypost::store
