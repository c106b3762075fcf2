// An account's INBOX as it was at login in; numbered messages, what is marked for deletion, and the
// changes of QUIT out.
//
// The numbers, sizes and unique ids never change during a session (RFC 1939 section 4), whatever
// others do to the mailbox. Everything here blocks: call it offloaded.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/mail/unique_id.h"
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

  /// Opens and sizes everything. Errors as the store's.
  static Result<std::unique_ptr<Maildrop>> open(const std::string& mail_location,
                                                store::StoreSettings settings);

  std::vector<Entry>& entries() { return entries_; }
  /// One that is not yet marked for deletion.
  void mark_deleted(Entry& entry);
  /// RFC 1939 section 5 (RSET): as it was at login.
  void unmark_all();
  /// The id that another server has left with the message, else that of `format`, which is
  /// pop3_uidl_format, else that of its default.
  std::string unique_id(const Entry& entry, const UniqueIdFormat& format) const;
  /// Whether messages have file names: in a Maildir they do.
  bool has_files() const;
  /// The bytes; Error 550 when another session has removed it meanwhile.
  Result<store::MessageReader> read(const Entry& entry) { return mailbox_->open(entry.uid); }
  /// Not marked for deletion: how many, how many octets.
  std::pair<std::size_t, std::uint64_t> total() const { return {count_, octets_}; }

  /// RFC 1939 section 6, the UPDATE state: removes what is marked, marks as \Seen what was
  /// retrieved. The number removed.
  Result<std::size_t> update(bool mark_seen);

  /// How long update() and read() should be repeated while they answer InUse.
  std::chrono::milliseconds lock_patience() const { return store_->lock_patience(); }

 private:
  std::unique_ptr<store::MailStore> store_;
  std::unique_ptr<store::Mailbox> mailbox_;
  std::vector<Entry> entries_;
  std::vector<store::StoredIds> stored_ids_;  // by UID
  // Of those that are not marked for deletion.
  std::size_t count_ = 0;
  std::uint64_t octets_ = 0;
};

}  // namespace pennypost::pop
