// Says which messages of an open mailbox match the keys of a SEARCH.
//
// It blocks on the disk and keeps a processor busy, so it runs on the account's threads, a step at
// a time. A step is bounded in octets, and may stop within a message: what was read of that is kept
// for the next. Of each message only as much is read as the keys need, and the cheap keys are asked
// first: flags and numbers, then sizes and dates, then the header, then the whole message, part by
// part, once for all keys. The messages that must be read whole are gathered, so that several
// threads can read them at the same time. The index keeps the header fields that most searches
// name, so that the next search opens no file for them. The index of words rules out messages that
// can't match; what FUZZY asks it answers alone.
//
// STANDARDS  RFC 9051 section 6.4.4 (case is ignored; texts are decoded first), RFC 6203 (FUZZY)
// LIMITS     imap_search_keys_max keys; key_octets_max of their texts; header_octets_max of a
// header
//            for the keys that name a field
// SEE ALSO   search_keys.h (the keys), text_scan.h and store/indexing/header_scan.h (how texts are
//            found), text_batch.h (several threads)
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "imapd/search/search_keys.h"
#include "imapd/search/subject.h"
#include "imapd/search/text_batch.h"
#include "imapd/session/selected.h"
#include "store/indexing/header_scan.h"

namespace pennypost::imap {

class Searcher {
 public:
  /// `selected` and `mailbox` outlive it. Errors: those of prepare_keys().
  static Result<Searcher> make(const Selected& selected, store::Mailbox& mailbox,
                               const SearchRequest& request, std::int64_t now_seconds);

  /// What the index of words would be asked for.
  std::span<const WordNeedle> needles() const { return keys_->needles; }
  /// What it has answered.
  void narrow(Narrowing narrowing) { narrowing_ = std::move(narrowing); }
  /// For each message found so far, how well it answers the keys with FUZZY, 1 to 100; nothing if
  /// there are none.
  const std::vector<std::uint8_t>& scores() const { return scores_; }

  // A step is gather(), and then read() if there is something to read; a search ends with a
  // gather() that returns false.
  //
  /// Adds the numbers of those that were read and match, and looks at the next `messages`, or at as
  /// many of them as about `octets` of work allow; those that must be read remain for read(). False
  /// when none is left.
  bool gather(std::size_t messages, std::uint64_t octets, std::vector<std::uint32_t>& found);
  /// How many messages read() would read, if the step's octets allow.
  std::size_t unread() const { return batch_->unread(); }
  /// Reads what was gathered, as far as what is left of the step's octets allows. Any number of
  /// threads may do it at the same time, and nothing else meanwhile.
  void read() { batch_->read(); }
  /// The whole step on this thread, and the numbers of those that it has read.
  bool run(std::size_t messages, std::uint64_t octets, std::vector<std::uint32_t>& found);
  /// How many messages the step has begun and not finished: they are held in memory.
  std::size_t messages_in_memory() const { return batch_->under_way(); }
  bool is_within_message() const { return messages_in_memory() > 0; }
  /// How many messages it has looked at.
  std::uint32_t looked_at() const { return next_ - 1; }
  /// Of how many it knows whether they match.
  std::size_t decided() const { return looked_at() - batch_->size(); }
  /// gather() stopped before a message since another program has the mailbox locked; call it again
  /// after a while.
  bool is_held_up() const { return held_up_by_.has_value(); }
  /// Its error.
  const std::optional<Error>& held_up_by() const { return held_up_by_; }
  /// Some of the messages that the client knows have been expunged by others, so that they can't be
  /// found.
  bool has_missed() const { return has_missed_; }
  /// Why the first message that could not be read, though it is there, matches nothing; nothing:
  /// all could be.
  const std::optional<Error>& failure() const { return failure_; }
  /// From now on a locked message matches nothing, as one that is gone.
  void stop_waiting() { batch_->stop_waiting(); }

 private:
  Searcher(const Selected& selected, store::Mailbox& mailbox, std::int64_t now_seconds,
           PreparedKeys keys)
      : selected_(&selected),
        mailbox_(&mailbox),
        now_seconds_(now_seconds),
        keys_(std::make_unique<const PreparedKeys>(std::move(keys))),
        batch_(std::make_unique<TextBatch>(mailbox, *keys_)) {}

  bool settle(std::vector<std::uint32_t>& found);
  bool has_more() const { return !batch_->empty() || next_ <= selected_->exists(); }
  std::unique_ptr<Subject> next_subject();
  std::unique_ptr<Subject> subject_for(std::uint32_t number, const store::Message& message) const;
  void ask(Subject& subject);
  Truth matches(const PreparedKey& key, Subject& subject);
  Truth holds(const PreparedKey& key, Subject& subject);
  Truth all_of(const PreparedKey& key, Subject& subject);
  Truth any_of(const PreparedKey& key, Subject& subject);
  Truth has_text(const PreparedKey& key, const Subject& subject) const;
  std::optional<Truth> indexed(const PreparedKey& key, const Subject& subject) const;
  bool is_ruled_out(const PreparedKey& key, const Subject& subject) const;
  void add_scores(const PreparedKey& key, Subject& subject) const;
  void note_found(Subject& subject, std::vector<std::uint32_t>& found);
  bool has_flag(const PreparedKey& key, const store::Message& message) const;
  bool has_size(const PreparedKey& key, Subject& subject);
  bool has_age(const PreparedKey& key, Subject& subject);
  const store::HeaderScan& header_scan(Subject& subject);
  const std::string& header(Subject& subject);
  std::optional<std::string> kept_fields(const Subject& subject);
  std::optional<std::int64_t> internal_date(Subject& subject);
  std::optional<std::int64_t> internal_day(Subject& subject);
  std::optional<std::int64_t> sent_day(Subject& subject);
  std::optional<std::int64_t> save_date(Subject& subject);
  std::optional<std::int64_t> saved_day(Subject& subject);
  bool has_id(const PreparedKey& key, Subject& subject);
  store::MessageReader* open(Subject& subject);
  void note_failure(Subject& subject, const Error& error);

  const Selected* selected_;
  store::Mailbox* mailbox_;
  std::int64_t now_seconds_;
  // Their addresses are kept.
  std::unique_ptr<const PreparedKeys> keys_;
  std::unique_ptr<TextBatch> batch_;
  Narrowing narrowing_;
  std::vector<std::uint8_t> scores_;
  std::uint32_t next_ = 1;
  std::optional<Error> held_up_by_;
  std::optional<Error> failure_;
  bool has_missed_ = false;
};

}  // namespace pennypost::imap
