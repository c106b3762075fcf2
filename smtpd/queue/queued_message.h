// A message of the queue with all its recipients: turns outcomes into changes of the database.
//
// Expansion replaces a recipient by its children. Each is keyed by its final address: one that the
// message has reached already, pending or done, is not taken twice. A child with its parent's
// address is taken once, with `is_self`; so is one that came with it, as `\ann` does: it means
// ann's mailbox, which is another destination than the address ann. One with an older ancestor's
// address is a loop, unless it means the mailbox.
//
// The sender who asked for reports of success gets one of the expansion itself: `delivered` for a
// mailing list (owner-NAME), `expanded` for another alias of several, whose members are then asked
// for failures and delays only. A single child takes the parent's request over.
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

/// How many recipients a message may have, with all those that it was expanded to.
inline constexpr std::size_t message_recipients_max = 100'000;

class QueuedMessage {
 public:
  /// A message as it came.
  explicit QueuedMessage(Envelope envelope);
  /// A message as the database has it. `outcomes` may hold children.
  QueuedMessage(Envelope envelope, std::optional<MessageRecord> record,
                std::vector<RecipientRecord> outcomes);

  /// Without its recipients: those are in recipients().
  const Envelope& envelope() const { return envelope_; }
  const QueueId& id() const { return envelope_.id; }
  const MessageRecord& record() const { return record_; }
  MessageRecord& change_record() {
    record_is_changed_ = true;
    return record_;
  }
  const std::map<std::uint32_t, RecipientRecord>& recipients() const { return recipients_; }
  const RecipientRecord& recipient(std::uint32_t number) const;
  /// For a change that the next save() writes.
  RecipientRecord& change(std::uint32_t number);

  std::vector<std::uint32_t> pending() const;
  std::size_t pending_count() const;
  /// Whose failures and reports it is: the envelope's sender or the recipient's own.
  const std::string& sender_of(const Recipient& recipient) const;

  /// Replaces a recipient by its children; the numbers of those that are new. A child that is a
  /// loop, or deeper than `depth_max`, becomes a recipient that has failed with 5.4.6.
  /// Error 554 5.4.6 when the message would have too many recipients.
  Result<std::vector<std::uint32_t>> expand(std::uint32_t number, std::vector<Recipient> children,
                                            std::size_t depth_max);
  /// Forgets how unfinished recipients came about: those of the client are pending again, and
  /// children that are not done are gone. For a corrected configuration (postsuper -r).
  void expand_again();
  /// Every pending recipient may have been reached by an attempt whose end nobody knows.
  void mark_uncertain();
  bool has_uncertain() const;

  /// Whether nothing is left to do or to report.
  bool is_finished() const;
  /// Adds what has changed since the last save.
  void save(Changes& changes);
  /// Adds the removal of all its keys and of its body.
  void remove(Changes& changes) const;

 private:
  struct Stored {
    bool is_stored = false;
    bool is_changed = false;
  };
  std::uint32_t next_number();
  /// The number that has this address already; -1: none.
  std::int64_t find(const std::string& key) const;
  bool is_ancestor(std::uint32_t of, const std::string& key) const;
  void report_expansion(std::uint32_t number, std::vector<Recipient>& children);

  Envelope envelope_;
  MessageRecord record_;
  bool record_is_stored_ = false;
  bool record_is_changed_ = false;
  std::map<std::uint32_t, RecipientRecord> recipients_;
  std::map<std::uint32_t, Stored> stored_;
  std::vector<std::uint32_t> erased_;  // stored records of recipients that are gone
  std::unordered_map<std::string, std::uint32_t> by_key_;
};

/// One text for all spellings of one destination: an address, its mailbox, a command, a file.
std::string destination_key(const Recipient& recipient);

/// The keys of a message that was never tried.
void put_new(Changes& changes, const Envelope& envelope, std::string body);

}  // namespace pennypost::smtp
