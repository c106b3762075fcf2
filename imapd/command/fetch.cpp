// FETCH and UID FETCH: sends what is asked of messages.
//
// STANDARDS  RFC 9051 sections 6.4.5 and 6.4.9, RFC 2180 section 4.1.2 (messages that are gone)
#include "imapd/command/handlers.h"
#include "imapd/fetch/fetch_producer.h"
#include "imapd/session/context.h"

namespace pennypost::imap {
namespace {

// How much is read from disk before it is sent, so that many small messages take one trip to a
// thread.
constexpr std::size_t chunk_octets = 128 << 10;

Task<Reply> fetch_numbers(SessionContext& context, const std::vector<NumberRange>& numbers,
                          const FetchRequest& request, bool with_uid) {
  auto& selected = *context.selected();
  FetchProducer producer(selected.mailbox(), selected.view(), numbers, request, with_uid);
  std::string chunk;
  bool more = true;
  store::LockWait wait(context.loop(), context.store().lock_timeout());
  while (more) {
    auto produced = co_await context.account().threads.offload(
        [&] { return producer.produce(chunk, chunk_octets); });
    if (more && chunk.size() >= chunk_octets / 2) {
      co_await context.write(chunk);
    } else {
      context.put(chunk);
      co_await context.send_if_much();
    }
    chunk.clear();
    if (!produced) {
      // The client waits for the rest of a literal that can't be read: only the end is left.
      context.end("A message broke off while it was sent");
      co_await context.connection().flush();
      co_return Reply(produced.error());
    }
    more = *produced;
    co_await context.look_for_client();
    if (!producer.is_held_up()) continue;
    if (wait.is_over()) producer.stop_waiting();
    co_await context.connection().flush();
    co_await wait.pause();
  }
  if (const auto& failure = producer.failure()) co_return Reply(*failure);
  if (producer.missed() && !with_uid) {
    // RFC 2180 section 4.1.2, RFC 5530 section 3. RFC 9051 section 6.4.9: a UID that is not there
    // any more is no error.
    co_return Reply::no(ResponseCode::Expunged, "Some of the requested messages no longer exist.");
  }
  co_return Reply::ok("Fetch completed.");
}

}  // namespace

Task<Reply> fetch(SessionContext& context, const CommandHead& command) {
  CO_TRY(auto request, parse_fetch(command.arguments, context.limits()));
  if (!request.modifiers.empty()) co_return Reply::bad("Unknown FETCH modifier");
  CO_TRY(auto numbers, context.selected()->numbers(request.messages, command.is_uid()));
  auto fetching = fetch_numbers(context, numbers, request, command.is_uid());
  co_return co_await std::move(fetching);
}

}  // namespace pennypost::imap
