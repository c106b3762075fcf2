#include <doctest/doctest.h>

#include "common/base/text.h"
#include "common/sasl/client.h"
#include "common/sasl/server.h"

using namespace pennypost;

namespace {

using Kind = SaslStep::Kind;

const ScramKeys rfc_keys =
    ScramKeys::derive(Secret("pencil"), *base64_decode("W22ZaJ0SNY7soEsUEjb6gQ=="), 4096);

ServerExchange::Environment environment(std::string binding = {}, std::string nonce = {}) {
  ServerExchange::Environment made;
  made.channel_binding = std::move(binding);
  made.server_secret = "secret of the server";
  made.nonce = std::move(nonce);
  return made;
}

/// Our client against our server, to the end.
SaslStep run(const std::string& mechanism, const std::string& password, bool is_known = true) {
  auto server = ServerExchange::make(mechanism, environment());
  auto client = ClientExchange::make(mechanism, "user", Secret(password), {});
  REQUIRE(server);
  REQUIRE(client);
  SaslStep step = server->start(client->initial());
  for (int i = 0; i < 5; ++i) {
    if (step.kind == Kind::NeedPassword) {
      step = server->password_checked(is_known && step.password.reveal() == "pencil");
    } else if (step.kind == Kind::NeedKeys) {
      step = server->keys_found(is_known ? std::optional(rfc_keys) : std::nullopt);
    } else if (step.kind == Kind::Challenge) {
      auto response = client->respond(step.text);
      REQUIRE(response);
      step = server->respond(*response);
    } else {
      break;
    }
  }
  if (step.kind == Kind::Success) CHECK(client->verify(step.text));
  return step;
}

}  // namespace

TEST_CASE("SCRAM-SHA-256 speaks the example of RFC 7677 section 3") {
  auto server =
      ServerExchange::make("SCRAM-SHA-256", environment({}, "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"));
  auto client =
      ClientExchange::make("SCRAM-SHA-256", "user", Secret("pencil"), "rOprNGfwEbeRWgbNEkqO");
  CHECK(*client->initial() == "n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
  auto step = server->start(client->initial());
  CHECK(step.kind == Kind::NeedKeys);
  CHECK(step.login == "user");
  step = server->keys_found(rfc_keys);
  CHECK(step.text ==
        "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096");
  auto final = client->respond(step.text);
  REQUIRE(final);
  CHECK(*final ==
        "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
        "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=");
  step = server->respond(*final);
  CHECK(step.kind == Kind::Success);
  CHECK(step.text == "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
  CHECK(client->verify(step.text));
  CHECK_FALSE(client->verify("v=AAAA"));
}

TEST_CASE("the right password opens, a wrong one or an unknown user does not") {
  for (const char* mechanism : {"PLAIN", "LOGIN", "SCRAM-SHA-256"}) {
    CAPTURE(mechanism);
    auto good = run(mechanism, "pencil");
    CHECK(good.kind == Kind::Success);
    CHECK(good.login == "user");
    CHECK(run(mechanism, "pencils").kind == Kind::Failure);
    CHECK(run(mechanism, "pencil", false).kind == Kind::Failure);
  }
}

TEST_CASE("an unknown user's salt stays the same, so that it can't be told from a known one's") {
  auto salt_of = [](const std::string& user) {
    auto server = ServerExchange::make("SCRAM-SHA-256", environment());
    server->start("n,,n=" + user + ",r=abc");
    auto text = server->keys_found(std::nullopt).text;
    return text.substr(text.find(",s="));
  };
  CHECK(salt_of("nobody") == salt_of("nobody"));
  CHECK(salt_of("nobody") != salt_of("noone"));
}

TEST_CASE("an authorization identity other than the login is refused") {
  auto server = ServerExchange::make("PLAIN", environment());
  CHECK(server->start(std::string("root\0user\0pencil", 16)).kind == Kind::Failure);
  server = ServerExchange::make("PLAIN", environment());
  CHECK(server->start(std::string("user\0user\0pencil", 16)).kind == Kind::NeedPassword);
  server = ServerExchange::make("SCRAM-SHA-256", environment());
  CHECK(server->start("n,a=root,n=user,r=abc").kind == Kind::Failure);
}

TEST_CASE("channel binding is checked, and its removal noticed") {
  CHECK(ServerExchange::make("SCRAM-SHA-256-PLUS", environment()) == nullptr);
  auto server = ServerExchange::make("SCRAM-SHA-256", environment("bytes"));
  CHECK(server->start("y,,n=user,r=abc").kind == Kind::Failure);
  server = ServerExchange::make("SCRAM-SHA-256-PLUS", environment("bytes"));
  CHECK(server->start("n,,n=user,r=abc").kind == Kind::Failure);
  server = ServerExchange::make("SCRAM-SHA-256-PLUS", environment("bytes"));
  CHECK(server->start("p=tls-exporter,,n=user,r=abc").kind == Kind::NeedKeys);
}

TEST_CASE("malformed responses are failures, never more") {
  for (const char* text : {"", "n", "n,,", "n,,n=,r=x", "n,,r=x,n=user", "x,,n=user,r=x",
                           "n,,n=a=2c,r=x", "n,,m=ext,n=user,r=x", "n,b=c,n=user,r=x"}) {
    CAPTURE(text);
    auto server = ServerExchange::make("SCRAM-SHA-256", environment());
    CHECK(server->start(std::string(text)).kind == Kind::Failure);
  }
  for (std::string text : {std::string(), std::string("a\0b", 3), std::string("\0\0x", 3)}) {
    auto server = ServerExchange::make("PLAIN", environment());
    CHECK(server->start(text).kind == Kind::Failure);
  }
}

TEST_CASE("the best mechanism that both know is chosen") {
  CHECK(ClientExchange::choose({"LOGIN", "plain"}, {}) == "PLAIN");
  CHECK(ClientExchange::choose({"LOGIN", "PLAIN", "SCRAM-SHA-256"}, {"login"}) == "LOGIN");
  CHECK_FALSE(ClientExchange::choose({"GSSAPI"}, {}).has_value());
}
