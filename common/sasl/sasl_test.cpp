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

TEST_CASE("the mechanisms that both know are tried, the best first") {
  using Names = std::vector<std::string>;
  CHECK(ClientExchange::choices({"LOGIN", "plain"}, {}) == Names{"PLAIN", "LOGIN"});
  CHECK(ClientExchange::choices({"LOGIN", "SCRAM-SHA-256"}, {}) == Names{"SCRAM-SHA-256", "LOGIN"});
  CHECK(ClientExchange::choices({"LOGIN", "PLAIN", "SCRAM-SHA-256"}, {"login"}) == Names{"LOGIN"});
  CHECK(ClientExchange::choices({"GSSAPI"}, {}).empty());
}

TEST_CASE("EXTERNAL names whom the certificate names, and others only for a proxy") {
  CHECK(ServerExchange::make("EXTERNAL", environment()) == nullptr);
  auto with = [](bool is_proxy) {
    auto made = environment();
    made.external_identity = "alice@example.org";
    made.external_is_proxy = is_proxy;
    return ServerExchange::make("external", made);
  };
  auto step = with(false)->start(std::string());
  CHECK(step.kind == Kind::Success);
  CHECK(step.login == "alice@example.org");
  CHECK(with(false)->start(std::nullopt).kind == Kind::Challenge);
  CHECK(with(false)->start(std::string("alice@example.org")).kind == Kind::Success);
  CHECK(with(false)->start(std::string("bob@example.org")).kind == Kind::Failure);
  CHECK(with(true)->start(std::string("bob@example.org")).login == "bob@example.org");
  CHECK(with(true)->start(std::string("a\0b", 3)).kind == Kind::Failure);
}

TEST_CASE("an exchange that has ended stays so: no second guess") {
  auto server = ServerExchange::make("SCRAM-SHA-256", environment());
  server->start("n,,n=user,r=abc");
  auto first = server->keys_found(rfc_keys).text;
  auto nonce = first.substr(2, first.find(',') - 2);
  auto guess = "c=biws,r=" + nonce + ",p=" + base64_encode(std::string(32, 'x'));
  CHECK(server->respond(guess).text == "password mismatch");
  CHECK(server->respond(guess).text == "out of turn");
  CHECK(server->keys_found(rfc_keys).kind == Kind::Failure);

  server = ServerExchange::make("PLAIN", environment());
  auto response = std::string("\0user\0pencil", 12);
  CHECK(server->password_checked(true).kind == Kind::Failure);
  CHECK(server->start(response).kind == Kind::NeedPassword);
  CHECK(server->password_checked(false).kind == Kind::Failure);
  CHECK(server->password_checked(true).kind == Kind::Failure);
  CHECK(server->respond(response).kind == Kind::Failure);
}

TEST_CASE("names are compared in their SASLprep form, and zero bytes are refused") {
  auto server = ServerExchange::make("PLAIN", environment());
  CHECK(server
            ->start(std::string("\0us\xc2\xad"
                                "er\0x",
                                9))
            .login == "user");
  server = ServerExchange::make("LOGIN", environment());
  server->start(std::string("us\0er", 5));
  CHECK(server->respond("x").kind == Kind::Failure);
  server = ServerExchange::make("LOGIN", environment());
  server->start("user");
  CHECK(server->respond(std::string_view("pencil\0x", 8)).kind == Kind::Failure);
}

TEST_CASE("a response of more than response_bytes_max octets is a failure in every mechanism") {
  std::string name(ServerExchange::response_bytes_max - 1, 'n');
  for (const char* mechanism : {"PLAIN", "LOGIN", "SCRAM-SHA-256"}) {
    CAPTURE(mechanism);
    auto server = ServerExchange::make(mechanism, environment());
    REQUIRE(server);
    auto step = server->start(std::nullopt);
    REQUIRE(step.kind == Kind::Challenge);
    CHECK(server->respond(std::string("\0n\0", 3) + name).kind == Kind::Failure);
  }
}
