// Puts found messages into the order of a SORT or the threads of a THREAD, from what is kept of the
// last time if it can.
//
// SEE ALSO   ../order/sorter.h, ../order/thread_collector.h (which do it), ../session/kept_orders.h
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/async/task.h"
#include "common/base/result.h"
#include "imapd/grammar/sort.h"

namespace pennypost::imap {

class SessionContext;

/// Up to so many messages that have come since are put into a kept order; for more it is made anew.
inline constexpr std::size_t messages_put_in_max = 64;

/// The message numbers of the selected mailbox, which are given ascending, in their order. Messages
/// that are gone or can't be read are left out. `scores` are those for RELEVANCY, by number. Error
/// InUse if another program has the mailbox locked for too long.
Task<Result<std::vector<std::uint32_t>>> order_messages(SessionContext& context,
                                                        const std::vector<SortCriterion>& criteria,
                                                        std::vector<std::uint32_t> numbers,
                                                        std::vector<std::uint8_t> scores = {});

/// `(1)(2 3 (4)(5))`, with UIDs or message numbers. The same error.
Task<Result<std::string>> thread_messages(SessionContext& context,
                                          ThreadRequest::Algorithm algorithm,
                                          std::vector<std::uint32_t> numbers, bool are_uids);

}  // namespace pennypost::imap
