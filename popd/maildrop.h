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
#include "common/config/config.h"
#include "common/mail/unique_id.h"
#include "store/mailbox/mail_events.h"
#include "store/mailbox/mailbox.h"

namespace pennypost::pop {

/// How a maildrop treats its messages; the settings pop3_*.
struct MaildropRules {
  UniqueIdFormat id_format = UniqueIdFormat::default_format();
  bool reuses_x_uidl = false;
  bool renames_duplicate_ids = false;
  std::string deleted_flag;    // keyword of messages that are hidden; empty: none
  bool flags_deleted = false;  // QUIT gives messages deleted_flag instead of removing them
  bool marks_seen = true;      // QUIT marks as \Seen what was retrieved

  /// The check of the configuration has refused a wrong format of ids.
  static MaildropRules of(const Settings& settings);
};

class Maildrop {
 public:
  struct Entry {
    store::Uid uid;
    std::uint64_t octets = 0;  // with CRLF line ends
    bool was_seen = false;     // \Seen at login
    bool is_deleted = false;
    bool is_retrieved = false;
  };

  /// Opens the mailbox and finds the size of each message; what is done with them is logged as
  /// `events` says. Errors are the store's.
  static Result<std::unique_ptr<Maildrop>> open(const std::string& mail_location,
                                                store::StoreSettings settings,
                                                MaildropRules rules = {},
                                                const store::MailEvents& events = {});

  std::vector<Entry>& entries() { return entries_; }
  /// `entry` must not be marked already.
  void mark_deleted(Entry& entry);
  /// RFC 1939 section 5 (RSET): as it was at login.
  void unmark_all();
  /// The id for UIDL: one that another server has left with the message; else that of its X-UIDL
  /// field, if the rules say so; else one made by their format; where that needs a file name and
  /// there is none, by the default format.
  std::string unique_id(const Entry& entry) const;
  /// Keeps the ids of all messages with them (pop3_save_uidl).
  Result<void> keep_unique_ids();
  /// Whether messages have file names: in a Maildir they do.
  bool has_files() const;
  /// Opens a message. Error 550: another program has removed it since login.
  Result<store::MessageReader> read(const Entry& entry) { return mailbox_->open(entry.uid); }
  /// The same without blocking, where that can be (Mailbox::open_now).
  std::optional<store::MessageReader> read_now(const Entry& entry) {
    return mailbox_->open_now(entry.uid);
  }
  /// The directory beside the mail for what belongs to the account.
  const std::string& directory() const { return directory_; }
  /// The number and the octets of the messages that are not marked.
  std::pair<std::size_t, std::uint64_t> total() const { return {count_, octets_}; }

  /// RFC 1939 section 6, the UPDATE state: removes what is marked, or hides it from further
  /// sessions, and marks what was retrieved as \Seen, as the rules say. Returns how many are gone.
  /// Error: some that should be are left.
  Result<std::size_t> update();

  /// How long to repeat update() and read() while they answer InUse.
  std::chrono::milliseconds lock_timeout() const { return store_->lock_timeout(); }

 private:
  Result<void> take_messages();
  Result<void> find_x_uidls();
  void rename_duplicate_ids();
  Result<std::size_t> hide(const std::vector<store::Uid>& deleted);

  MaildropRules rules_;
  std::string directory_;
  std::unique_ptr<store::MailStore> store_;
  std::unique_ptr<store::Mailbox> mailbox_;
  std::vector<Entry> entries_;
  std::vector<store::StoredIds> stored_ids_;  // by UID
  std::vector<std::string> own_ids_;  // beside entries_ or empty; an empty id: the usual one
  // Of the messages that are not marked.
  std::size_t count_ = 0;
  std::uint64_t octets_ = 0;
};

}  // namespace pennypost::pop
