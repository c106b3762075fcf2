// Reads an admin's query, which says which messages a command is about, as keys of SEARCH.
//
//   pennypost search -u ann mailbox INBOX from bob since 2w
//   pennypost search -u ann 'mailbox "Sent Items" or subject "the plan" flagged'
//
// The words are IMAP's (RFC 9051 section 6.4.4). Given as several arguments each is one word, and
// no text needs quotes; a single argument with blanks in it is read as a client would send it. As
// for doveadm there are besides:
//
//   MAILBOX NAME        the folder's name; `*` stands for any text, `%` for any without separator
//   MAILBOX-GUID ID     the folder's id, as search and `mailbox status` show it
//   a day               also 2024-01-31, and an age: 36h, 2d, 3w is a time that long ago
//   a size, an age      LARGER 10M, OLDER 30d
//
// MODSEQ is not taken: only the index of a running imapd knows mod-sequences.
//
// LIMITS     query_words_max; those of a SEARCH (../grammar/limits.h)
// STANDARDS  RFC 9051 section 6.4.4, RFC 5032 (OLDER, YOUNGER)
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "imapd/grammar/limits.h"
#include "imapd/grammar/search.h"

namespace pennypost::imap {

inline constexpr std::size_t query_words_max = 10'000;

class MailQuery {
 public:
  /// Ages are counted from `now_seconds`. Errors 501 name the word that is wrong, and what would be
  /// right.
  static Result<MailQuery> parse(std::span<const std::string> arguments, std::int64_t now_seconds,
                                 const Limits& limits);

  /// Whether folders are named at all.
  bool names_mailbox() const { return names_mailbox_; }
  /// Whether folders are named by their ids, so that the answer needs request_for()'s `id`.
  bool names_id() const { return names_id_; }

  /// The query as it is in one folder: MAILBOX and MAILBOX-GUID are decided.
  Result<SearchRequest> request_for(std::string_view mailbox, std::string_view id, char separator,
                                    const Limits& limits) const;

 private:
  struct Word {
    enum class Kind { Bare, Text, Mailbox, Id };
    Kind kind = Kind::Bare;
    std::string text;
  };
  friend class QueryReader;
  std::vector<Word> words_;
  bool names_mailbox_ = false;
  bool names_id_ = false;
};

/// Whether any message at all can match, as far as the key says so without looking at messages.
bool may_match(const SearchKey& key);

}  // namespace pennypost::imap
