// All that a mail server may say to us, from its greeting on; no crash, no hang, and an outcome for
// each recipient of each message.
//
// The first byte says whether we have a password for it (A), or whether we speak LMTP (L).
#include <memory>
#include <string>
#include <string_view>

#include "common/async/nursery.h"
#include "common/base/assert.h"
#include "common/config/testing.h"
#include "common/log/sink.h"
#include "smtpd/delivery/smtp_client.h"

using namespace pennypost;
using namespace pennypost::smtp;

namespace {

class Silence final : public LogSink {
 public:
  void write(Severity, std::string_view, std::string_view, int) override {}
};

Envelope envelope_of(const std::string& body) {
  Envelope envelope;
  envelope.id = QueueId("4Zk2Qn1");
  envelope.sender = "ann@example.org";
  envelope.is_8bit = true;
  envelope.body_bytes = body.size();
  Piece whole;
  whole.length = body.size();
  envelope.pieces.push_back(whole);
  for (std::uint32_t number : {0u, 1u, 2u}) {
    Recipient recipient;
    recipient.number = number;
    recipient.address = "bob" + std::to_string(number) + "@example.com";
    recipient.notify = notify_failure;
    envelope.recipients.push_back(recipient);
  }
  return envelope;
}

Task<> swallow(Connection& server) {
  try {
    for (;;) {
      co_await server.fill();
      (void)server.take_input();
    }
  } catch (const Disconnected&) {
  }
}

Task<> converse(SmtpClient& client) {
  auto opened = co_await client.open();
  if (!opened) {
    ASSERT(!opened.error().text().empty());
    co_return;
  }
  const std::string body = "Subject: gr\xc3\xbcn\n\n.body\n";
  const Envelope envelope = envelope_of(body);
  for (int messages = 0; messages < 3 && client.is_usable(); ++messages) {
    MessageSource source(envelope, body, Descriptor());
    std::vector<Slot> slots(envelope.recipients.begin(), envelope.recipients.end());
    std::vector<Slot*> open;
    for (auto& slot : slots) open.push_back(&slot);
    co_await client.deliver(envelope, source, open);
    for (const auto& slot : slots) {
      ASSERT(slot.outcome && !slot.outcome->status.empty());
      ASSERT(slot.outcome->kind != OutcomeKind::Expand);
    }
  }
  if (client.is_usable()) co_await client.quit();
}

Task<> run(SmtpClient& client) {
  try {
    co_await converse(client);
  } catch (const Disconnected&) {
    // The server has gone: Sender gives the outcomes then.
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  static const auto before = set_log(std::make_unique<Silence>());
  static const auto config =
      config_for_test({"smtp_sasl_auth_enable=yes", "smtp_sasl_security_options=noanonymous"});
  if (size == 0) return 0;
  std::string_view replies(reinterpret_cast<const char*>(data) + 1, size - 1);
  Loop loop;
  auto [ours, theirs] = memory_streams(loop);
  theirs->try_write(replies);
  theirs->shut_down();
  Connection server(loop, std::move(theirs), Duration(2000));
  Nursery tasks(loop);
  tasks.start(swallow(server));
  TlsDemand tls;
  tls.level = TlsDemand::Level::None;
  Login login;
  if (data[0] == 'A') login = Login::parse("ann:secret");
  Target target("mx.example.com", Endpoint(*IpAddress::parse("192.0.2.1"), 25));
  auto protocol = data[0] == 'L' ? Protocol::Lmtp : Protocol::Smtp;
  SmtpClient client(loop, protocol, config, std::move(ours), std::move(target), std::move(tls),
                    std::move(login));
  loop.run_until(run(client));
  return 0;
}
