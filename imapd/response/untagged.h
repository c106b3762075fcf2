// Writes the untagged lines of IMAP's answers, and the response codes of UIDPLUS.
//
// Every function gives a whole line with its CRLF; the two for response codes give `[CODE …]`.
// Mailbox names are taken in UTF-8, and written in the form that the client expects.
//
// STANDARDS  RFC 9051 section 7, RFC 3501 section 7 (SEARCH, LSUB, RECENT), RFC 4315 (UIDPLUS),
//            RFC 4731 (ESEARCH), RFC 2342 (NAMESPACE), RFC 2971 (ID), RFC 5267 (ESORT, PARTIAL),
//            RFC 7162 (VANISHED, MODSEQ), RFC 8474 (MAILBOXID), RFC 9585 (INPROGRESS),
//            RFC 9586 (UIDFETCH), RFC 10022 (UIDBATCHES)
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "imapd/grammar/list.h"
#include "imapd/grammar/requests.h"
#include "imapd/grammar/search.h"
#include "imapd/grammar/sequence_set.h"
#include "imapd/response/strings.h"
#include "store/mailbox/mailbox.h"

namespace pennypost::imap {

/// The system flag of that name, spelt as canonical_flag() gives it; nothing for \Recent, which no
/// client may set.
std::optional<store::Flags::Bit> system_flag(std::string_view name);
/// `\Answered \Seen $Junk`, in this order: system flags, \Recent, keywords.
std::vector<std::string> flag_names(store::Flags flags, bool recent,
                                    const std::vector<std::string>& keywords);

std::string exists_line(std::uint32_t messages);
std::string recent_line(std::uint32_t messages);
std::string expunge_line(std::uint32_t sequence_number);
/// `* 3 FETCH (`, or `* 7 UIDFETCH (` for a client that uses UIDs only: how the answer about a
/// message begins.
std::string fetch_head(std::uint32_t sequence_number, store::Uid uid, bool uid_only);
/// `* VANISHED (EARLIER) 3:5,9`, with UIDs; `earlier` for what the client does not count any more
/// (RFC 7162 section 3.2.10).
std::string vanished_line(const std::vector<NumberRange>& uids, bool earlier);
/// `* OK [INPROGRESS ("a1" 454 1000)] text`; NIL for what is not known (RFC 9585 section 4).
std::string progress_line(std::string_view tag, std::string_view text,
                          std::optional<std::uint64_t> done, std::optional<std::uint64_t> goal);
std::string highest_modseq_line(store::ModSeq modseq);
/// `* FLAGS (\Answered … $Junk)`: what a mailbox knows; empty keyword names are left out.
std::string flags_line(const std::vector<std::string>& keywords);
/// `* OK [PERMANENTFLAGS (…)] text`: the flags that may be changed; none for a mailbox that is open
/// read-only.
std::string permanent_flags_line(const std::vector<std::string>& keywords, bool read_only,
                                 bool may_add_keyword, const store::Changeable& may = {});

/// `LIST` or `LSUB`.
std::string list_line(std::string_view command, const std::vector<std::string>& attributes,
                      char separator, std::string_view utf8_name,
                      const std::vector<std::string>& child_info = {},
                      NameForm form = NameForm::Utf7);
/// `* LIST () "." new ("OLDNAME" ("old"))`: a mailbox that has now another name than the client
/// thinks (RFC 9051 section 6.3.9.7). Only for clients with names in UTF-8.
std::string old_name_line(char separator, std::string_view utf8_name, std::string_view old_name);
std::string status_line(std::string_view utf8_name, const std::vector<StatusItem>& items,
                        const store::Status& status, std::uint64_t append_limit,
                        NameForm form = NameForm::Utf7);
/// The prefixes, in UTF-8, of the user's own namespaces, and of those with other users' mailboxes.
std::string namespace_line(char separator, const std::vector<std::string>& own,
                           const std::vector<std::string>& others, NameForm form = NameForm::Utf7);
std::string id_line(const IdFields& fields);

/// `* SEARCH 2 84 882`, or `* SORT …`, the numbers in the order of the answer; behind them the
/// greatest mod-sequence, if there is one (RFC 7162 section 3.1.6).
std::string search_line(std::string_view command, std::span<const std::uint32_t> numbers,
                        std::optional<store::ModSeq> modseq = std::nullopt);
/// `* ESEARCH (TAG "a") UID MIN 2 COUNT 3`, what of it `request` asks for. `modseq` is that of the
/// messages which it names; `scores` are theirs for RELEVANCY (RFC 6203 section 4).
std::string esearch_line(std::string_view tag, bool uid, const SearchRequest& request,
                         std::span<const std::uint32_t> numbers,
                         std::optional<store::ModSeq> modseq = std::nullopt,
                         std::span<const std::uint8_t> scores = {});
/// `* UIDBATCHES (TAG "a") 215295:99696,99695:1`: ranges of UIDs, the newest first, each from its
/// last UID down to its first (RFC 10022 section 3).
std::string uid_batches_line(std::string_view tag, const std::vector<NumberRange>& batches);
/// The same for one of several mailboxes: `* ESEARCH (TAG "a" MAILBOX b UIDVALIDITY 3) UID …`, with
/// UIDs (RFC 7377 section 2.1).
std::string multi_search_line(std::string_view tag, std::string_view utf8_name,
                              std::uint32_t uid_validity, const SearchRequest& request,
                              std::span<const std::uint32_t> uids,
                              std::optional<store::ModSeq> modseq = std::nullopt,
                              NameForm form = NameForm::Utf7,
                              std::span<const std::uint8_t> scores = {});
/// The results that PARTIAL asks for, fewer where there are not so many.
std::span<const std::uint32_t> part_of(std::span<const std::uint32_t> numbers,
                                       const PartialResult& partial);

/// `[APPENDUID 38505 3955:3957]`
std::string append_uid_code(const store::Appended& appended);
/// `[COPYUID 38505 304,319:320 3956:3958]`; nothing if no message was copied.
std::string copy_uid_code(const store::Copied& copied);

}  // namespace pennypost::imap
