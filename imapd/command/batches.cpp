// UIDBATCHES: divides the mailbox into ranges of UIDs with as many messages each as the client
// wants.
//
// The ranges leave no gap between the newest message and UID 1, so that what is expunged or comes
// later moves no message from one to another.
//
// STANDARDS  RFC 10022
#include <algorithm>

#include "imapd/command/handlers.h"
#include "imapd/response/untagged.h"
#include "imapd/session/context.h"

namespace pennypost::imap {
namespace {

// RFC 10022 section 3.1: so many a server must be ready to give, and to take.
constexpr std::uint32_t batch_messages_min = 500;
constexpr std::uint64_t asked_messages_max = 100'000;

std::vector<NumberRange> batches_of(const std::vector<store::Uid>& view,
                                    const UidBatchesRequest& request) {
  std::vector<NumberRange> out;
  std::size_t size = request.messages;
  auto [first, last] = request.batches.value_or(std::pair(1u, UINT32_MAX));
  for (std::size_t number = first; number <= last; ++number) {
    auto newer = (number - 1) * size;
    if (newer >= view.size()) break;
    auto end = view.size() - newer;
    auto begin = end - std::min(end, size);
    auto highest = end == view.size() ? view.back().value() : view[end].value() - 1;
    out.push_back({begin == 0 ? 1 : view[begin].value(), highest});
  }
  return out;
}

}  // namespace

Task<Reply> uid_batches(SessionContext& context, const CommandHead& command) {
  CO_TRY(auto request, parse_uid_batches(command.arguments, context.limits()));
  if (request.messages < batch_messages_min) {
    co_return Reply::no("TOOFEW", "A batch has at least 500 messages");
  }
  if (request.batches) {
    auto count = std::uint64_t{request.batches->second} - request.batches->first + 1;
    if (count * request.messages > asked_messages_max) {
      co_return Reply::no("TOOMANY", "The batches asked for may have 100000 messages together");
    }
  }
  context.put(uid_batches_line(command.tag, batches_of(context.selected()->view(), request)));
  co_return Reply::ok("UIDBATCHES completed.");
}

}  // namespace pennypost::imap
