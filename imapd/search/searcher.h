// Says which messages of an open mailbox match the keys of a SEARCH.
//
// Blocks on the disk and keeps a processor busy: it is run through the account's threads, a step at
// a time. A step is bounded in octets, also within a message: what is still to be read of that is
// remembered. Of each message only as much is read as its keys need, the cheap keys first: flags
// and sets, then sizes and dates, then the header, then all of it, part by part, once for all keys.
// The header fields that are mostly searched for are kept by the index, so that the next search
// opens no file.
//
// STANDARDS  RFC 9051 section 6.4.4 (case is ignored; texts are decoded first)
// LIMITS     imap_search_keys_max keys; key_octets_max of them; header_octets_max of a header for
//            the keys that name a field
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "imapd/grammar/search.h"
#include "imapd/search/header_scan.h"
#include "imapd/search/text_scan.h"
#include "imapd/session/selected.h"

namespace pennypost::imap {

class Searcher {
 public:
  /// Error 501 for `$`, since no result is kept, for a text that is none in its charset, and for
  /// too much text; NO [BADCHARSET] for an unknown charset.
  static Result<Searcher> make(const Selected& selected, store::Mailbox& mailbox,
                               SearchRequest request, std::int64_t now_seconds);

  /// Looks at the next `messages`, or at as much of them as about `octets` of work allow, and adds
  /// the numbers of those that match; false when none is left.
  bool run(std::size_t messages, std::uint64_t octets, std::vector<std::uint32_t>& found);
  /// run() stopped in the midst of a message, which it holds in memory.
  bool is_within_message() const { return subject_ != nullptr; }
  /// How many messages were looked at.
  std::uint32_t looked_at() const { return next_ - 1; }
  /// run() stopped before a message since another program has the mailbox locked; call it again
  /// after a while.
  bool is_held_up() const { return is_held_up_; }
  /// From now on what is locked matches nothing, as what is gone.
  void stop_waiting() { waits_ = false; }

 private:
  Searcher(const Selected& selected, store::Mailbox& mailbox, std::int64_t now_seconds)
      : selected_(&selected), mailbox_(&mailbox), now_seconds_(now_seconds) {}

  // What is known of a key while its message is not read to the end.
  enum class Truth { No, Unknown, Yes };
  static Truth truth(bool is_true) { return is_true ? Truth::Yes : Truth::No; }

  // What was read of the message under the eye.
  struct Subject {
    Subject(std::uint32_t its_number, const store::Message& its_message)
        : number(its_number), message(its_message) {}
    std::uint32_t number;
    store::Message message;
    std::optional<store::MessageReader> reader;
    std::optional<std::string> header;
    std::optional<HeaderScan> header_scan;
    std::string text;                     // as far as it is read
    std::unique_ptr<TextScan> text_scan;  // when all of it was
    std::optional<std::optional<std::int64_t>> internal_date;
    std::optional<std::optional<std::int64_t>> sent_day;
    std::optional<std::optional<std::uint64_t>> octets;
    bool is_gone = false;
  };

  // A key ready to be asked: children sorted by cost, sets, flags and texts resolved.
  struct Key {
    SearchKey::Kind kind = SearchKey::Kind::All;
    bool negated = false;
    int cost = 0;
    std::vector<Key> children;
    std::vector<NumberRange> numbers;
    std::int64_t value = 0;
    store::Flags flags;
    store::KeywordSet keywords = 0;
    bool is_recent = false;
    HeaderKeys::Number header;
    std::size_t text = 0;
  };

  Result<Key> prepare(SearchKey key, const std::string& charset);
  Result<void> prepare_numbers(Key& key, const SearchKey& from) const;
  Result<void> prepare_text(Key& key, SearchKey& from, const std::string& charset);
  void prepare_flag(Key& key, const std::string& name) const;

  bool begin_message();
  Truth matches(const Key& key, Subject& subject);
  Truth holds(const Key& key, Subject& subject);
  Truth all_of(const Key& key, Subject& subject);
  Truth any_of(const Key& key, Subject& subject);
  Truth has_text(const Key& key, const Subject& subject) const;
  bool has_flag(const Key& key, const store::Message& message) const;
  bool has_size(const Key& key, Subject& subject);
  bool has_age(const Key& key, Subject& subject);
  const HeaderScan& header_scan(Subject& subject);
  const std::string& header(Subject& subject);
  std::optional<std::string> kept_fields(const Subject& subject);
  void keep_fields(const Subject& subject, std::string_view header);
  void read_on(Subject& subject);
  Result<std::string> read_piece(Subject& subject);
  std::optional<std::int64_t> internal_date(Subject& subject);
  std::optional<std::int64_t> internal_day(Subject& subject);
  std::optional<std::int64_t> sent_day(Subject& subject);
  store::MessageReader* open(Subject& subject);
  void note_failure(Subject& subject, const Error& error);
  void spend(std::size_t octets) { budget_ -= static_cast<std::int64_t>(octets); }

  const Selected* selected_;
  store::Mailbox* mailbox_;
  std::int64_t now_seconds_;
  Key key_;
  std::int64_t keys_ = 0;          // how many there are
  std::unique_ptr<KeySet> texts_;  // of BODY and TEXT
  HeaderKeys headers_;
  bool needs_whole_header_ = false;  // some key asks for a field that is not kept
  std::optional<TextScan::Asked> asked_;
  std::unique_ptr<Subject> subject_;
  std::uint32_t next_ = 1;
  std::int64_t budget_ = 0;  // what is left of this run's octets
  bool waits_ = true;
  bool is_held_up_ = false;
};

}  // namespace pennypost::imap
