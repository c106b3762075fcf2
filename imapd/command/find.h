// Finds the messages that match the keys of SEARCH, SORT or THREAD.
//
// SEE ALSO   ../search/searcher.h (which does it)
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "common/async/task.h"
#include "imapd/grammar/requests.h"
#include "imapd/grammar/search.h"
#include "imapd/response/reply.h"
#include "store/mailbox/mailbox.h"

namespace pennypost::imap {

class Selected;
class SessionContext;

/// What is known of a search besides the messages that it has found.
struct SearchFindings {
  /// With FUZZY, how well each message that was found answers, by its number (RFC 6203).
  std::vector<std::uint8_t> scores;
  /// Messages that the client knows are gone, and so were not found.
  bool has_missed = false;
};

// The bounds of a step, after which other sessions may have their turn.
inline constexpr std::size_t messages_at_once = 500;
inline constexpr std::uint64_t octets_at_once = 1 << 20;

/// Whether the session may ask this: not with message numbers under UIDONLY (BAD), and not with
/// CHARSET under UTF8=ACCEPT; nor what the request itself says is refused.
Result<void> check_search(const SessionContext& context, const SearchRequest& request);

/// The message numbers, ascending. A long search says now and then how far it is. Errors: those of
/// the keys. `findings` may be null.
Task<Result<std::vector<std::uint32_t>>> find_messages(SessionContext& context,
                                                       const SearchRequest& request,
                                                       SearchFindings* findings = nullptr);

/// The same in a mailbox that need not be the selected one; `selected` outlives it.
Task<Result<std::vector<std::uint32_t>>> find_messages_in(SessionContext& context,
                                                          Selected& selected,
                                                          const SearchRequest& request,
                                                          SearchFindings* findings = nullptr);

/// The greatest mod-sequence of the messages that the answer to `request` names; nothing if they
/// are none, or the keys did not ask for it (RFC 7162 section 3.1.5, RFC 4731 section 3.2).
std::optional<store::ModSeq> modseq_of_answer(Selected& selected, const SearchRequest& request,
                                              std::span<const std::uint32_t> numbers);

/// What RELEVANCY tells of the messages found, in the order of `numbers`: of all of them, or of the
/// part that PARTIAL names.
std::vector<std::uint8_t> scores_of(const SearchRequest& request,
                                    std::span<const std::uint32_t> numbers,
                                    const std::vector<std::uint8_t>& scores);

/// The OK at the end of a SEARCH or SORT, `text` without a full stop. RFC 5530 section 3: a client
/// that uses message numbers is told if some of them stand for messages that are gone.
Reply search_done(const CommandHead& command, std::string_view text,
                  const SearchFindings& findings);

/// The answer to a search of the selected mailbox that has failed. RFC 5182 section 2.1: after a NO
/// the kept result is empty, after a BAD it is what it was.
Reply search_failed(Selected& selected, const SearchRequest& request, const Error& error);

/// Keeps for `$` what the answer to `request` names of it.
void save_found(Selected& selected, const SearchRequest& request,
                std::span<const std::uint32_t> found);

/// Tells what was found: `numbers` in the order of the answer. `name` is SEARCH or SORT. Keeps
/// it for `$` if the request says so. `scores` as find_messages() makes them.
Task<> tell_found(SessionContext& context, const CommandHead& command, std::string_view name,
                  const SearchRequest& request, std::vector<std::uint32_t> numbers,
                  const std::vector<std::uint8_t>& scores);

}  // namespace pennypost::imap
