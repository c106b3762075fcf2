// Keeps the client's view of its selected mailbox, and writes the untagged lines that bring it up
// to date.
//
// The view is a list of UIDs: message sequence number N is the N-th. The mailbox behind it may be
// synced at any time; what was found waits here until the client may be told. New messages and
// flags may be told during any command, an EXPUNGE not while FETCH, STORE or SEARCH use sequence
// numbers.
//
// STANDARDS  RFC 9051 sections 2.3.1.2, 7.4.1 and 7.5.1; RFC 3501 section 7.3.2 (RECENT),
//            RFC 5182 ($), RFC 7162 (MODSEQ, VANISHED), RFC 9586 (UIDFETCH)
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "imapd/grammar/sequence_set.h"
#include "imapd/session/follower.h"
#include "store/mailbox/mailbox.h"

namespace pennypost::imap {

/// How changes are told to a client that has enabled an extension.
struct Reporting {
  /// CONDSTORE: each FETCH line has UID and MODSEQ.
  bool modseqs = false;
  /// QRESYNC: VANISHED takes the place of EXPUNGE.
  bool vanished = false;
  /// IMAP4rev2: nothing is said of \Recent and of the first unseen message (RFC 9051 appendix E).
  bool rev2 = false;
  /// UIDONLY: messages are named by UID, never by number (RFC 9586 section 3).
  bool uid_only = false;
};

class Selected {
 public:
  /// A mailbox just opened: its messages are the client's first view.
  explicit Selected(std::unique_ptr<store::Mailbox> mailbox);

  store::Mailbox& mailbox() { return *mailbox_; }
  bool is_read_only() const { return mailbox_->access() == store::Access::ReadOnly; }

  void set_reporting(Reporting reporting) { reporting_ = reporting; }
  Reporting reporting() const { return reporting_; }

  /// FLAGS, PERMANENTFLAGS, EXISTS, RECENT, UNSEEN, UIDVALIDITY, UIDNEXT: RFC 3501 section 6.3.1;
  /// and HIGHESTMODSEQ and MAILBOXID. RFC 9051 section 6.3.2 has neither RECENT nor UNSEEN.
  std::string introduction();

  /// What sync() of the mailbox found.
  void note(const store::Changes& changes);
  /// All changes up to the mailbox's mod-sequence are noted: it has just been synced.
  void note_whole() { noted_modseq_ = mailbox_->highest_modseq(); }
  /// Notes messages that this session itself removed, to be told as expunged.
  void note_expunged(const std::vector<store::Uid>& uids);
  /// Whether there is anything to tell.
  bool has_news(bool with_expunges) const;
  /// The lines for what is noted. Expunges stay noted unless `with_expunges`. With `with_uid` the
  /// FETCH lines hold the UID (RFC 9051 section 6.4.9). Very many lines come in portions: call it
  /// as long as has_news().
  std::string tell(bool with_expunges, bool with_uid);
  /// What tell() has told since the last call; nothing unless somebody follows.
  ToldMessages take_told() { return std::exchange(told_, {}); }
  /// Messages may have keywords that no FLAGS line has told yet.
  bool lacks_keywords() const;
  /// The client has been told the flags of these otherwise, by STORE or FETCH.
  void note_told_flags(std::span<const store::Uid> uids);
  /// Who follows the mailbox until it is closed; null: nobody.
  Follower* follower() const { return follower_.get(); }
  void set_follower(std::unique_ptr<Follower> follower) { follower_ = std::move(follower); }
  /// For one who follows from outside: take_told() has all from now on, or no more.
  void record_told(bool records) { records_told_ = records; }

  /// Flags stay noted, until they are no longer kept back.
  void keep_flags_back(bool keeps) { keeps_flags_back_ = keeps; }

  /// About how many messages tell() has to look at.
  std::size_t telling_cost() const;

  /// RFC 7162 section 3.2: while expunges are kept back, a client that has been told of later
  /// changes must not take them for all; this line has the mod-sequence up to which it knows all.
  /// `is_behind`: there may be changes that could not even be noted. Nothing if there are neither.
  std::string held_back_line(bool is_behind = false) const;
  /// RFC 7162 section 3.2: the mod-sequence has grown since annotations were changed, which
  /// concerns no message that would show it. Nothing for a client that knows no mod-sequences, and
  /// as long as there are changes that it does not know.
  std::string annotated_line();

  /// How many messages the client knows.
  std::uint32_t exists() const { return static_cast<std::uint32_t>(view_.size()); }
  const std::vector<store::Uid>& view() const { return view_; }
  store::Uid uid_of(std::uint32_t number) const { return view_[number - 1]; }
  /// Nothing if the client does not know the message.
  std::optional<std::uint32_t> number_of(store::Uid uid) const;

  /// The message numbers that a set names, ascending. UIDs that do not exist are passed over; a
  /// message number beyond the last one is Error 501.
  Result<std::vector<NumberRange>> numbers(const SequenceSet& set, bool are_uids) const;
  /// The UIDs behind message numbers.
  std::vector<store::Uid> uids(const std::vector<NumberRange>& numbers) const;
  /// The same, in the order of `numbers`.
  std::vector<store::Uid> uids(std::span<const std::uint32_t> numbers) const;

  /// Keeps the result of a SEARCH for `$`; UIDs, ascending.
  void save_result(std::vector<store::Uid> uids) { saved_result_ = std::move(uids); }

  /// `* 3 FETCH (UID 7 FLAGS (\Seen))`; nothing if the message is gone.
  std::string flags_of(store::Uid uid, bool with_uid) const;
  /// `* 3 FETCH (UID 7 MODSEQ (12))`, the same without its flags.
  std::string modseq_of(store::Uid uid) const;

 private:
  std::uint32_t recent() const;
  void tell_recent(std::string& out);
  std::string fetch_line(store::Uid uid, bool with_uid, bool with_flags) const;
  void tell_keywords(std::string& out);
  bool tell_flags(std::string& out, bool with_uid);
  bool is_followed() const { return records_told_ || follower_ != nullptr; }
  void tell_expunges(std::string& out);

  std::unique_ptr<store::Mailbox> mailbox_;
  Reporting reporting_;
  std::vector<store::Uid> view_;
  std::vector<store::Uid> saved_result_;
  // The client knows all changes up to here.
  store::ModSeq told_modseq_{1};
  store::ModSeq noted_modseq_{1};
  std::uint32_t told_exists_ = 0;
  std::uint32_t told_recent_ = 0;
  std::vector<store::Uid> expunged_;
  std::vector<store::Uid> flags_;
  std::size_t flags_told_ = 0;  // how many of flags_ the last tell() got to
  bool keywords_ = false;
  bool annotated_ = false;
  std::unique_ptr<Follower> follower_;
  bool records_told_ = false;
  bool keeps_flags_back_ = false;
  ToldMessages told_;
  // Hash of the FLAGS line last told.
  std::size_t told_flags_ = 0;
};

}  // namespace pennypost::imap
