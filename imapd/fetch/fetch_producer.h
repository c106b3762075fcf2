// A FETCH request and an open mailbox in, the octets of its answers out, a chunk at a time.
//
// Blocks on the disk: it is run through Loop::offload, and never holds more of a message in memory
// than `whole_octets_max` unless the structure of a larger one is asked for. It works in steps,
// which end when there is enough to send, or when enough was read for it. A message is looked at
// before its answer begins, so what is gone or can't be read is left out, and missed() or failure()
// tells it. A message that another program has locked is waited for: is_held_up().
//
// STANDARDS  RFC 9051 sections 6.4.5 and 7.5.2
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "imapd/grammar/fetch.h"
#include "imapd/grammar/sequence_set.h"
#include "imapd/response/body_structure.h"
#include "store/mailbox/mailbox.h"

namespace pennypost::imap {

class FetchProducer {
 public:
  /// `numbers` are message numbers in `view`; all three must outlive the producer, and nobody may
  /// change them or use the mailbox meanwhile. `with_uid` for UID FETCH.
  FetchProducer(store::Mailbox& mailbox, const std::vector<store::Uid>& view,
                const std::vector<NumberRange>& numbers, const FetchRequest& request,
                bool with_uid);

  /// Appends about `octets` to `out`, less if that takes more work than a step should; false when
  /// nothing follows. Error: a message broke off within
  /// its literal, and the connection can't go on.
  Result<bool> produce(std::string& out, std::size_t octets);
  /// produce() stopped before a message, or its flags, since another program has the mailbox
  /// locked; call it again after a while.
  bool is_held_up() const { return is_held_up_; }
  /// From now on what is locked is left out, as what can't be read.
  void stop_waiting() { waits_ = false; }
  /// Messages were left out because they are gone.
  bool missed() const { return missed_; }
  /// Why the first of those that were left out though they are there could not be read.
  const std::optional<Error>& failure() const { return failure_; }

 private:
  static constexpr std::uint64_t whole_octets_max = 1 << 20;
  // What a step reads and goes through.
  static constexpr std::uint64_t work_octets_max = 1 << 20;

  // The message whose answer is being made.
  struct Current {
    explicit Current(store::Message description) : message(description) {}
    store::Message message;
    std::optional<store::MessageReader> reader;
    // All of it, when that was read.
    std::optional<std::string> text;
    std::optional<std::string> header;
    std::optional<std::uint64_t> octets;
    std::optional<std::int64_t> date;
    std::string envelope;
    std::optional<Structure> structure;
    bool tell_flags = false;
  };
  // The literal being sent: of the current message's octets, or of `text` when that is made from
  // them.
  struct Literal {
    OctetRange range;
    std::optional<std::string> text;
  };

  void begin_message(std::string& out);
  bool must_wait(const Error& error);
  bool mark_seen();
  std::vector<store::Uid> next_unseen();
  Result<void> prepare(Current& current);
  Result<void> prepare(Current& current, const FetchItem& item);
  Result<void> load_text(Current& current);
  Result<void> load_header(Current& current);
  Result<void> load_octets(Current& current);
  Result<void> load_structure(Current& current);
  Result<void> open(Current& current);
  void append_item(std::string& out, const FetchItem& item);
  void append_section(std::string& out, const FetchItem& item);
  std::optional<OctetRange> range_of(const Section& section) const;
  Result<std::string> read(OctetRange range);
  Result<void> continue_literal(std::string& out, std::size_t octets);

  store::Mailbox& mailbox_;
  const std::vector<store::Uid>& view_;
  const std::vector<NumberRange>& numbers_;
  const FetchRequest& request_;
  bool with_uid_;
  bool marks_seen_ = false;
  bool asks_flags_ = false;

  std::size_t range_ = 0;
  std::uint32_t number_ = 0;
  // Messages up to this number have been marked \Seen.
  std::uint32_t seen_until_ = 0;
  std::vector<store::Uid> newly_seen_;
  std::optional<Current> current_;
  std::size_t item_ = 0;
  std::optional<Literal> literal_;
  bool missed_ = false;
  std::optional<Error> failure_;
  std::uint64_t work_octets_ = 0;  // of this step
  bool waits_ = true;
  bool is_held_up_ = false;
};

/// Of a header's octets the fields that HEADER.FIELDS or HEADER.FIELDS.NOT selects, with the empty
/// line.
std::string select_fields(std::string_view header, const Section& section);

}  // namespace pennypost::imap
