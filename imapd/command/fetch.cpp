// FETCH and UID FETCH.
#include "imapd/dialogue/session.h"
#include "imapd/fetch/fetch_producer.h"

namespace pennypost::imap {
namespace {

// So much is read from disk before it is sent: one trip to a thread of the pool for many small
// messages.
constexpr std::size_t chunk_octets = 128 << 10;

}  // namespace

Task<Reply> Session::fetch(const CommandHead& command) {
  CO_TRY(auto request, parse_fetch(command.arguments, surroundings_->limits));
  if (!request.modifiers.empty()) co_return Reply::bad("Unknown FETCH modifier");
  bool is_uid = command.name.starts_with("UID ");
  CO_TRY(auto numbers, selected_->numbers(request.messages, is_uid));
  auto fetching = fetch_numbers(numbers, request, is_uid);
  co_return co_await std::move(fetching);
}

Task<Reply> Session::fetch_numbers(const std::vector<NumberRange>& numbers,
                                   const FetchRequest& request, bool with_uid) {
  FetchProducer producer(selected_->mailbox(), selected_->view(), numbers, request, with_uid);
  std::string chunk;
  bool more = true;
  store::Patience patience(loop_, store_->lock_patience());
  while (more) {
    auto produced =
        co_await account_->threads.offload([&] { return producer.produce(chunk, chunk_octets); });
    sent_ += chunk.size();
    if (more && chunk.size() >= chunk_octets / 2) {
      co_await connection_.write(chunk);
    } else {
      connection_.put(chunk);
      co_await send_if_much();
    }
    chunk.clear();
    if (!produced) {
      // The client waits for the rest of a literal that nobody can give it.
      end_reason_ = "A message broke off while it was sent";
      ended_ = true;
      co_await connection_.flush();
      co_return Reply(produced.error());
    }
    more = *produced;
    co_await look_for_client();
    if (!producer.is_held_up()) continue;
    if (patience.is_over()) producer.stop_waiting();
    co_await connection_.flush();
    co_await patience.pause();
  }
  if (const auto& failure = producer.failure()) co_return Reply(*failure);
  if (producer.missed() && !with_uid) {
    // RFC 2180 section 4.1.2, RFC 5530 section 3. RFC 9051 section 6.4.9: a UID that is not there
    // any more is no error.
    co_return Reply::no(ResponseCode::Expunged, "Some of the requested messages no longer exist.");
  }
  co_return Reply::ok("Fetch completed.");
}

}  // namespace pennypost::imap
