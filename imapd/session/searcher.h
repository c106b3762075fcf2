// Search keys and an open mailbox in, the messages that match out.
//
// Blocks on the disk: it is run through Loop::offload, some messages at a time. Of each message
// only as much is read as its keys need, the cheap keys first: flags and sets, then sizes and
// dates, then the header, then the body, decoded part by part. The header fields that are mostly
// searched for are kept by the index, so that the next search opens no file.
//
// STANDARDS  RFC 9051 section 6.4.4 (case is ignored; texts are decoded first)
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "imapd/grammar/search.h"
#include "imapd/session/selected.h"

namespace pennypost::imap {

class Searcher {
 public:
  /// Error 501 for `$`, since no result is kept, and for a text that is none in its charset; NO
  /// [BADCHARSET] for an unknown charset.
  static Result<Searcher> make(const Selected& selected, store::Mailbox& mailbox,
                               SearchRequest request, std::int64_t now_seconds);

  /// Looks at the next `messages`, or as many as it takes to have read `octets` of them, and adds
  /// the numbers of those that match; false when none is left.
  bool run(std::size_t messages, std::uint64_t octets, std::vector<std::uint32_t>& found);
  /// run() stopped before a message since another program has the mailbox locked; call it again
  /// after a while.
  bool is_held_up() const { return is_held_up_; }
  /// From now on what is locked matches nothing, as what is gone.
  void stop_waiting() { waits_ = false; }

 private:
  Searcher(const Selected& selected, store::Mailbox& mailbox, std::int64_t now_seconds)
      : selected_(&selected), mailbox_(&mailbox), now_seconds_(now_seconds) {}

  // What was read of the message under the eye.
  struct Subject {
    Subject(std::uint32_t its_number, const store::Message& its_message)
        : number(its_number), message(its_message) {}
    std::uint32_t number;
    const store::Message& message;
    std::optional<store::MessageReader> reader;
    std::optional<std::string> header;
    std::optional<std::string> text;
    bool is_gone = false;
  };

  // A key ready to be asked: children sorted by cost, sets resolved, texts in UTF-8.
  struct Key {
    SearchKey::Kind kind = SearchKey::Kind::All;
    bool negated = false;
    int cost = 0;
    std::vector<Key> children;
    std::vector<NumberRange> numbers;
    std::string field;
    std::string text;
    std::int64_t value = 0;
  };

  Result<Key> prepare(SearchKey key, const std::string& charset);
  bool matches(const Key& key, Subject& subject);
  bool holds(const Key& key, Subject& subject);
  bool has_flag(const std::string& name, const store::Message& message) const;
  bool has_header(const Key& key, Subject& subject);
  bool has_address(const Key& key, Subject& subject);
  bool has_text(const Key& key, Subject& subject, bool with_headers);
  const std::string& header(Subject& subject);
  std::optional<std::string> kept_fields(const Subject& subject);
  void keep_fields(const Subject& subject, std::string_view header);
  const std::string& text(Subject& subject);
  std::optional<std::int64_t> internal_day(Subject& subject);
  std::optional<std::int64_t> sent_day(Subject& subject);
  store::MessageReader* open(Subject& subject);
  void note_failure(Subject& subject, const Error& error);

  const Selected* selected_;
  store::Mailbox* mailbox_;
  std::int64_t now_seconds_;
  Key key_;
  bool needs_whole_header_ = false;  // some key asks for a field that is not kept
  std::uint32_t next_ = 1;
  std::uint64_t read_octets_ = 0;  // in this run
  bool waits_ = true;
  bool is_held_up_ = false;
};

}  // namespace pennypost::imap
