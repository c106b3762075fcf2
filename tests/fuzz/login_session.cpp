// What a stranger may say before login to popd and imapd; no crash, no hang, whole lines for
// answers, and a login only for who knows the password.
//
// The first byte chooses the protocol.
#include <memory>
#include <string>
#include <string_view>

#include "common/base/assert.h"
#include "common/log/sink.h"
#include "imapd/dialogue/login_session.h"
#include "popd/login.h"
#include "store/login/testing.h"

using namespace pennypost;

namespace {

class Silence final : public LogSink {
 public:
  void write(Severity, std::string_view, std::string_view, int) override {}
};

template <class Session>
Task<std::optional<store::LoginSuccess>> run(Session& session) {
  try {
    co_return co_await session.serve();
  } catch (const Disconnected&) {
    co_return std::nullopt;
  }
}

template <class Session>
void talk(std::string_view lines) {
  static const auto config =
      config_for_test({"auth_failure_delay=0", "auth_mechanisms=plain, login, scram-sha-256"});
  Loop loop;
  auto [server, peer] = memory_streams(loop);
  Connection connection(loop, std::move(server), Duration(1000));
  peer->try_write(lines);
  peer->shut_down();
  store::OneUser auth;
  Session session(connection, config, store::LoginClient(), auth);
  auto success = loop.run_until(run(session));
  std::string text(100'000, '\0');
  text.resize(peer->try_read(text).value_or(0));
  ASSERT(text.empty() || text.ends_with("\r\n"));
  ASSERT(text.find('\0') == text.npos);
  if (!success) return;
  const auto& response = auth.last.response;
  ASSERT(response == std::string("\0alice\0wonder", 13) || response == "proof");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  static const auto before = set_log(std::make_unique<Silence>());
  if (size == 0) return 0;
  std::string_view lines(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (data[0] == 'P') {
    talk<pop::LoginSession>(lines);
  } else {
    talk<imap::LoginSession>(lines);
  }
  return 0;
}
