#include "common/tls/ticket_keys.h"

#include <doctest/doctest.h>
#include <openssl/ssl.h>

#include <string>

#include "common/tls/testing.h"

using namespace pennypost;

namespace {

/// A client that remembers the session of its last connection.
class Client {
 public:
  explicit Client(int protocol) : context_(SSL_CTX_new(TLS_client_method()), SSL_CTX_free) {
    SSL_CTX_set_min_proto_version(context_.get(), protocol);
    SSL_CTX_set_max_proto_version(context_.get(), protocol);
  }

  /// Connects once, with the session of the time before; whether the server took it up.
  bool resumes(const TlsContext& server) {
    std::unique_ptr<SSL, void (*)(SSL*)> there(SSL_new(server.native()), SSL_free);
    std::unique_ptr<SSL, void (*)(SSL*)> here(SSL_new(context_.get()), SSL_free);
    BIO* ends[2];
    BIO_new_bio_pair(&ends[0], 0, &ends[1], 0);
    SSL_set_bio(there.get(), ends[0], ends[0]);
    SSL_set_bio(here.get(), ends[1], ends[1]);
    SSL_set_accept_state(there.get());
    SSL_set_connect_state(here.get());
    if (session_) SSL_set_session(here.get(), session_.get());
    for (int round = 0; round < 10; ++round) {
      SSL_do_handshake(here.get());
      SSL_do_handshake(there.get());
    }
    REQUIRE(SSL_is_init_finished(here.get()) == 1);
    REQUIRE(SSL_is_init_finished(there.get()) == 1);
    // TLS 1.3 sends its tickets behind the handshake.
    char byte = 'x';
    REQUIRE(SSL_write(there.get(), &byte, 1) == 1);
    REQUIRE(SSL_read(here.get(), &byte, 1) == 1);
    session_.reset(SSL_get1_session(here.get()));
    bool is_resumed = SSL_session_reused(here.get()) == 1;
    SSL_shutdown(here.get());
    SSL_shutdown(there.get());
    return is_resumed;
  }
  std::string ticket() const {
    const unsigned char* bytes = nullptr;
    std::size_t count = 0;
    SSL_SESSION_get0_ticket(session_.get(), &bytes, &count);
    return std::string(reinterpret_cast<const char*>(bytes), count);
  }

 private:
  std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)> context_;
  std::unique_ptr<SSL_SESSION, void (*)(SSL_SESSION*)> session_{nullptr, SSL_SESSION_free};
};

struct Servers {
  Servers() {
    settings.certificate.certificate_file = certificate.path();
    settings.tickets = keys;
    settings.ticket_lifetime = std::chrono::seconds(600);
    one = *TlsContext::server(settings);
    other = *TlsContext::server(settings);
  }
  TestCertificate certificate;
  std::shared_ptr<TicketKeys> keys = TicketKeys::create();
  TlsContext::ServerSettings settings;
  std::shared_ptr<TlsContext> one;
  std::shared_ptr<TlsContext> other;
};

}  // namespace

TEST_CASE("a session is taken up by every context and process that has the same keys") {
  Servers servers;
  for (int protocol : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    Client client(protocol);
    CHECK_FALSE(client.resumes(*servers.one));
    CHECK(client.resumes(*servers.other));
  }
}

TEST_CASE("tickets of the key before the newest are read, those of older keys are not") {
  Servers servers;
  for (int protocol : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    Client one(protocol);
    Client two(protocol);
    CHECK_FALSE(one.resumes(*servers.one));
    CHECK_FALSE(two.resumes(*servers.one));
    servers.keys->rotate();
    CHECK(one.resumes(*servers.one));
    servers.keys->rotate();
    CHECK_FALSE(two.resumes(*servers.one));
    // With the ticket that it got for its old one.
    CHECK(one.resumes(*servers.one));
  }
}

TEST_CASE("where clients show certificates, a session counts for the same authorities only") {
  Servers servers;
  TestCertificate authority;
  TestCertificate another;
  servers.settings.clients.are_asked = true;
  servers.settings.clients.ca_file = authority.path();
  auto trusting = *TlsContext::server(servers.settings);
  auto same = *TlsContext::server(servers.settings);
  servers.settings.clients.ca_file = another.path();
  auto other = *TlsContext::server(servers.settings);
  for (int protocol : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    Client client(protocol);
    CHECK_FALSE(client.resumes(*trusting));
    CHECK(client.resumes(*same));
    CHECK_FALSE(client.resumes(*other));
    CHECK(client.resumes(*other));
    CHECK_FALSE(client.resumes(*servers.one));
  }
}

TEST_CASE("each connection of TLS 1.3 gets a ticket of its own, resumed or not") {
  Servers servers;
  Client client(TLS1_3_VERSION);
  CHECK_FALSE(client.resumes(*servers.one));
  auto first = client.ticket();
  CHECK(client.resumes(*servers.one));
  CHECK(client.ticket() != first);
}

TEST_CASE("a key is gone once two others have come") {
  auto keys = TicketKeys::create();
  auto first = keys->newest();
  REQUIRE(first);
  keys->rotate();
  REQUIRE(keys->named(first->key.name));
  CHECK_FALSE(keys->named(first->key.name)->is_newest);
  keys->rotate();
  CHECK_FALSE(keys->named(first->key.name));
}

TEST_CASE("a session is good for the lifetime of tickets, and no server remembers one itself") {
  Servers servers;
  CHECK(SSL_CTX_get_timeout(servers.one->native()) == 600);
  CHECK(SSL_CTX_get_session_cache_mode(servers.one->native()) == SSL_SESS_CACHE_OFF);
}

TEST_CASE("a process that has forgotten the keys makes and reads no tickets") {
  Servers servers;
  Client client(TLS1_3_VERSION);
  CHECK_FALSE(client.resumes(*servers.one));
  servers.keys->forget();
  CHECK_FALSE(client.resumes(*servers.one));
  CHECK_FALSE(client.resumes(*servers.one));
}
