// Makes the answers to a FETCH, a chunk of octets at a time.
//
// It blocks on the disk, so it runs on the account's threads, in steps: a step ends when there is
// enough to send, or when enough has been read for it. Messages that are gone or can't be read are
// left out, and missed() and failure() tell of them. A message that another program has locked is
// waited for: see is_held_up().
//
// STANDARDS  RFC 9051 sections 6.4.5 and 7.5.2, RFC 3516 section 4.3 (literal8), RFC 7162 section
//            3.2.4, RFC 9586 section 3.3 (UIDFETCH)
// SEE ALSO   fetch_message.h (what is read of each message)
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "imapd/fetch/fetch_message.h"
#include "imapd/grammar/fetch.h"
#include "imapd/grammar/sequence_set.h"
#include "imapd/session/selected.h"
#include "store/mailbox/mailbox.h"

namespace pennypost::imap {

class FetchProducer {
 public:
  /// `numbers` are message numbers in `view`; all three must outlive the producer, and nobody may
  /// change them or use the mailbox meanwhile. `with_uid` for UID FETCH, `reporting` is what the
  /// client has enabled.
  FetchProducer(store::Mailbox& mailbox, const std::vector<store::Uid>& view,
                const std::vector<NumberRange>& numbers, const FetchRequest& request, bool with_uid,
                Reporting reporting = {});

  /// Appends about `octets` to `out`, fewer if more would be too much work for a step; false when
  /// nothing follows. Error: a message broke off within its literal, and the connection can't go
  /// on.
  Result<bool> produce(std::string& out, std::size_t octets);
  /// produce() stopped because another program has the mailbox locked; call it again after a while.
  bool is_held_up() const { return is_held_up_; }
  /// From now on a locked message is left out, as one that can't be read.
  void stop_waiting() { waits_ = false; }
  /// Messages were left out because they are gone.
  bool missed() const { return missed_; }
  /// Why the first message that could not be read was left out; nothing: all could be.
  const std::optional<Error>& failure() const { return failure_; }

 private:
  // How much a step may read and search.
  static constexpr std::uint64_t work_octets_max = 1 << 20;

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
  void append_item(std::string& out, const FetchItem& item);
  void append_new_flags(std::string& out);
  void append_binary(std::string& out, const FetchItem& item);
  void append_section(std::string& out, const FetchItem& item);
  Result<void> continue_literal(std::string& out, std::size_t octets);

  store::Mailbox& mailbox_;
  const std::vector<store::Uid>& view_;
  const std::vector<NumberRange>& numbers_;
  const FetchRequest& request_;
  bool with_uid_;
  bool marks_seen_ = false;
  Reporting reporting_;
  bool asks_uid_ = false;
  bool asks_flags_ = false;
  bool asks_modseq_ = false;

  std::size_t range_ = 0;
  std::uint32_t number_ = 0;
  // Messages up to this number have been marked \Seen.
  std::uint32_t seen_until_ = 0;
  std::vector<store::Uid> newly_seen_;
  // The message whose answer is being made; its answer tells the flags if it was marked \Seen for
  // it.
  std::optional<FetchMessage> current_;
  bool is_newly_seen_ = false;
  std::size_t item_ = 0;
  std::optional<Literal> literal_;
  bool missed_ = false;
  std::optional<Error> failure_;
  std::uint64_t work_octets_ = 0;  // of this step
  bool waits_ = true;
  bool is_held_up_ = false;
};

}  // namespace pennypost::imap
