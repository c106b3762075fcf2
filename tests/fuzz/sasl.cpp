// A mechanism and a client's responses in; no crash, and Success only for who knew the password,
// out.
#include <optional>
#include <string>
#include <string_view>

#include "common/base/assert.h"
#include "common/base/text.h"
#include "common/mail/saslprep.h"
#include "common/mail/unicode.h"
#include "common/sasl/client.h"
#include "common/sasl/scram_message.h"
#include "common/sasl/server.h"

using namespace pennypost;

namespace {

using Kind = SaslStep::Kind;

const ScramKeys keys = ScramKeys::derive(Secret("pencil"), "0123456789abcdef", 2);

void server(std::string_view mechanism, std::string_view input) {
  ServerExchange::Environment environment;
  environment.server_secret = "secret";
  environment.nonce = "nonce";
  environment.external_identity = "user";
  if (mechanism.ends_with("PLUS")) environment.channel_binding = "binding";
  auto exchange = ServerExchange::make(mechanism, environment);
  ASSERT(exchange);
  std::optional<std::string> initial;
  auto responses = split(input, '\n');
  if (!responses[0].empty()) initial = std::string(responses[0]);
  auto step = exchange->start(initial);
  std::size_t next = 1;
  bool proved = mechanism == "EXTERNAL";
  for (int steps = 0; steps < 10; ++steps) {
    if (step.kind == Kind::NeedPassword) {
      ASSERT(!step.login.empty() && is_utf8(step.login));
      proved = step.password.reveal() == "pencil";
      step = exchange->password_checked(proved);
    } else if (step.kind == Kind::NeedKeys) {
      ASSERT(!step.login.empty() && is_utf8(step.login));
      step = exchange->keys_found(step.login == "user" ? std::optional(keys) : std::nullopt);
    } else if (step.kind == Kind::Challenge && next < responses.size()) {
      step = exchange->respond(responses[next++]);
    } else {
      break;
    }
  }
  if (step.kind == Kind::Success && !mechanism.starts_with("SCRAM")) ASSERT(proved);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  std::string_view input(reinterpret_cast<const char*>(data), size);
  if (input.empty()) return 0;
  const auto& mechanisms = ServerExchange::mechanisms();
  server(mechanisms[static_cast<unsigned char>(input[0]) % mechanisms.size()], input.substr(1));

  for (const char* mechanism : {"PLAIN", "LOGIN", "SCRAM-SHA-256"}) {
    auto client = ClientExchange::make(mechanism, "user", Secret("pencil"), "nonce");
    client->initial();
    for (auto challenge : split(input.substr(1), '\n')) {
      auto first = ScramServerFirst::parse(challenge);
      bool costs_too_much = first && first->iterations > 1000;
      if (costs_too_much || !client->respond(challenge)) break;
    }
    bool is_scram = std::string_view(mechanism) == "SCRAM-SHA-256";
    if (is_scram) ASSERT(!client->verify(input.substr(1)));
  }

  if (auto once = saslprep(input)) {
    auto twice = saslprep(*once);
    ASSERT(twice && *twice == *once);
  }
  return 0;
}
