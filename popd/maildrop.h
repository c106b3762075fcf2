// Keeps an account's INBOX as it was at login: numbered messages, and which of them QUIT removes.
//
// Numbers, sizes and unique ids never change during a session (RFC 1939 section 4), whatever other
// programs do to the mailbox. Every function that touches the mailbox blocks: call it offloaded.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/mail/unique_id.h"
#include "store/mailbox/mail_events.h"
#include "store/mailbox/mailbox.h"

namespace pennypost::pop {

class Maildrop {
 public:
  struct Entry {
    store::Uid uid;
    std::uint64_t octets = 0;  // with CRLF line ends
    bool is_deleted = false;
    bool is_retrieved = false;
  };

  /// Opens the mailbox and finds the size of each message; what is done with them is logged as
  /// `events` says. Errors are the store's.
  static Result<std::unique_ptr<Maildrop>> open(const std::string& mail_location,
                                                store::StoreSettings settings,
                                                const store::MailEvents& events = {});

  std::vector<Entry>& entries() { return entries_; }
  /// `entry` must not be marked already.
  void mark_deleted(Entry& entry);
  /// RFC 1939 section 5 (RSET): as it was at login.
  void unmark_all();
  /// The id for UIDL: one that another server has left with the message; else one made by `format`
  /// (pop3_uidl_format); where that needs a file name and there is none, by the default format.
  std::string unique_id(const Entry& entry, const UniqueIdFormat& format) const;
  /// Whether messages have file names: in a Maildir they do.
  bool has_files() const;
  /// Opens a message. Error 550: another program has removed it since login.
  Result<store::MessageReader> read(const Entry& entry) { return mailbox_->open(entry.uid); }
  /// The number and the octets of the messages that are not marked.
  std::pair<std::size_t, std::uint64_t> total() const { return {count_, octets_}; }

  /// RFC 1939 section 6, the UPDATE state: removes what is marked; with `mark_seen` marks what was
  /// retrieved as \Seen. Returns how many it removed. Error: some that should have gone are left.
  Result<std::size_t> update(bool mark_seen);

  /// How long to repeat update() and read() while they answer InUse.
  std::chrono::milliseconds lock_timeout() const { return store_->lock_timeout(); }

 private:
  std::unique_ptr<store::MailStore> store_;
  std::unique_ptr<store::Mailbox> mailbox_;
  std::vector<Entry> entries_;
  std::vector<store::StoredIds> stored_ids_;  // by UID
  // Of the messages that are not marked.
  std::size_t count_ = 0;
  std::uint64_t octets_ = 0;
};

}  // namespace pennypost::pop
