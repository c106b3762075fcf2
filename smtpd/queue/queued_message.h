// A queued message with all its recipients; turns outcomes into changes of the database.
//
// Expansion replaces a recipient by its children. Each is identified by its final address; one that
// the message has already, pending or done, is not added again. A child with its parent's address
// is added once, with `is_self`; so is a child that comes with `is_self`, as `\ann` does: it means
// ann's mailbox, which is a different destination from the address ann. A child with the address of
// an older ancestor is a loop, unless it means the mailbox.
//
// A sender who asked for reports of success gets one for the expansion itself: `delivered` for a
// mailing list (owner-NAME), `expanded` for any other alias of several members, who then report
// failures and delays only. A single child inherits the parent's request.
//
// A recipient whose mail was stored and also redirected is not replaced: it is done, and has
// children that report failures and delays only.
//
// Pure: no I/O, no clock.
//
// STANDARDS  RFC 3461 section 5.2.7 (aliases and mailing lists)
// SEE ALSO   record.h (the keys), queue.h (loads and stores it)
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "common/base/result.h"
#include "smtpd/queue/record.h"

namespace pennypost::smtp {

/// How many recipients a message may have, including those from expansion.
inline constexpr std::size_t message_recipients_max = 100'000;

class QueuedMessage {
 public:
  /// A new message.
  explicit QueuedMessage(Envelope envelope);
  /// A message as stored in the database. `outcomes` may include children.
  QueuedMessage(Envelope envelope, std::optional<MessageRecord> record,
                std::vector<RecipientRecord> outcomes);

  /// Its `recipients` are empty: see recipients().
  const Envelope& envelope() const { return envelope_; }
  const QueueId& id() const { return envelope_.id; }
  const MessageRecord& record() const { return record_; }
  MessageRecord& change_record() {
    record_is_changed_ = true;
    return record_;
  }
  const std::map<std::uint32_t, RecipientRecord>& recipients() const { return recipients_; }
  const RecipientRecord& recipient(std::uint32_t number) const;
  /// A recipient for changing; the next save() writes it.
  RecipientRecord& change(std::uint32_t number);

  std::vector<std::uint32_t> pending() const;
  std::size_t pending_count() const;
  /// In whose name this recipient's mail is sent: the envelope's sender, made to name the recipient
  /// if the return path is variable (verp.h), or the recipient's own.
  std::string sender_of(const Recipient& recipient) const;
  /// The same before it is made to name the recipient.
  const std::string& plain_sender_of(const Recipient& recipient) const;

  /// Replaces a recipient by its children; returns the numbers of the new ones. A child that is a
  /// loop, or deeper than `depth_max`, is added as failed with 5.4.6. Error 554 5.4.6 if the
  /// message would have too many recipients.
  Result<std::vector<std::uint32_t>> expand(std::uint32_t number, std::vector<Recipient> children,
                                            std::size_t depth_max);
  /// Adds children as expand() does, with the same errors, but leaves the recipient's state alone.
  Result<std::vector<std::uint32_t>> redirect(std::uint32_t number, std::vector<Recipient> children,
                                              std::size_t depth_max);
  /// Undoes unfinished expansions: removes children that are not done, and makes the recipients
  /// that they came from pending again. Children of a recipient that is done stay. For a corrected
  /// configuration (postsuper -r).
  void expand_again();
  /// Marks every pending recipient: an attempt whose outcome is unknown may have delivered to it.
  void mark_uncertain();
  bool has_uncertain() const;

  /// Whether nothing is left to deliver or to report.
  bool is_finished() const;
  /// Adds everything that has changed since the last save().
  void save(Changes& changes);
  /// Adds the removal of all keys and of the body.
  void remove(Changes& changes) const;

 private:
  struct Stored {
    bool is_stored = false;
    bool is_changed = false;
  };
  std::uint32_t next_number();
  void index_keys();
  bool is_ancestor(std::uint32_t of, const std::string& key) const;
  void report_expansion(std::uint32_t number, std::vector<Recipient>& children);
  Result<void> check_room_for(const std::vector<Recipient>& children) const;
  std::vector<std::uint32_t> add(std::uint32_t number, std::vector<Recipient> children,
                                 std::size_t depth_max);

  Envelope envelope_;
  MessageRecord record_;
  bool record_is_stored_ = false;
  bool record_is_changed_ = false;
  std::map<std::uint32_t, RecipientRecord> recipients_;
  std::map<std::uint32_t, Stored> stored_;
  std::vector<std::uint32_t> erased_;  // removed recipients whose records are stored
  std::unordered_map<std::string, std::uint32_t> by_key_;  // see index_keys()
  bool has_keys_ = false;
};

/// The same text for all spellings of a destination: an address, its mailbox, a command or a file.
std::string destination_key(const Recipient& recipient);

/// Adds what is stored of a new message.
void put_new(Changes& changes, const Envelope& envelope, std::string body);

}  // namespace pennypost::smtp
