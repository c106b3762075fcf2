#include "common/session/starttls.h"

#include <algorithm>
#include <utility>

namespace pennypost {

Task<TlsStream*> start_tls(Connection& connection, std::shared_ptr<TlsContext> context,
                           Duration handshake_limit) {
  co_await connection.flush();
  connection.take_input();
  auto tls = TlsStream::server(connection.exchange_stream(nullptr), std::move(context));
  TlsStream* stream = tls.get();
  connection.exchange_stream(std::move(tls));
  auto left = connection.deadline() - std::chrono::steady_clock::now();
  auto limit = std::clamp(std::chrono::ceil<Duration>(left), Duration::zero(), handshake_limit);
  co_await stream->handshake(limit);
  co_return stream;
}

}  // namespace pennypost
