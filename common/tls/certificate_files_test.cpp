// Certificates of servers, of clients, and for names: what each side shows and sees.
#include <doctest/doctest.h>

#include <fstream>

#include "common/async/nursery.h"
#include "common/base/scratch.h"
#include "common/tls/testing.h"
#include "common/tls/tls_stream.h"

using namespace pennypost;

namespace {

std::string written(const Scratch& scratch, const std::string& name, const std::string& text) {
  std::string path = scratch / name;
  std::ofstream(path) << text;
  return path;
}

/// What the server saw of the client after a handshake, and the name that the client saw.
struct Seen {
  std::optional<TlsStream::PeerCertificate> client;
  std::string error;
};

Task<> shake(TlsStream& stream, std::string& error) {
  try {
    co_await stream.handshake(Duration(5000));
  } catch (const Disconnected& end) {
    error = end.text();
  }
}

Seen handshake(const TlsContext::ServerSettings& server, const TlsContext::ClientSettings& client,
               const std::string& name = "localhost") {
  auto server_context = TlsContext::server(server);
  auto client_context = TlsContext::client(client);
  Seen seen;
  if (!server_context || !client_context) {
    seen.error = server_context ? client_context.error().text() : server_context.error().text();
    return seen;
  }
  Loop loop;
  auto [a, b] = memory_streams(loop);
  auto ours = TlsStream::server(std::move(a), *server_context);
  auto theirs = TlsStream::client(std::move(b), *client_context, name);
  std::string our_error;
  std::string their_error;
  Nursery nursery(loop);
  nursery.start(shake(*ours, our_error));
  nursery.start(shake(*theirs, their_error));
  loop.run_until(nursery.join());
  seen.client = ours->peer_certificate("sha256");
  seen.error = their_error.empty() ? our_error : their_error;
  return seen;
}

TlsContext::ServerSettings server_with(const TestCertificate& certificate) {
  TlsContext::ServerSettings server;
  server.certificate.certificate_file = certificate.path();
  return server;
}

}  // namespace

TEST_CASE("a server sees the certificate of a client only where it asks for one") {
  TestCertificate host;
  TestCertificate ann("ann");
  TlsContext::ClientSettings client;
  client.certificate.certificate_file = ann.path();
  auto server = server_with(host);
  CHECK(!handshake(server, client).client);

  server.clients.are_asked = true;
  auto seen = handshake(server, client);
  CHECK(seen.error == "");
  REQUIRE(seen.client);
  CHECK(seen.client->name == "ann");
  CHECK(seen.client->issuer == "ann");
  CHECK(!seen.client->is_trusted);
  CHECK(seen.client->fingerprint.size() == 32 * 3 - 1);
  CHECK(seen.client->key_fingerprint.size() == 32 * 3 - 1);
  CHECK(seen.client->fingerprint != seen.client->key_fingerprint);
  CHECK(seen.client->fingerprint.find_first_not_of("0123456789ABCDEF:") == std::string::npos);

  server.clients.ca_file = ann.path();
  seen = handshake(server, client);
  REQUIRE(seen.client);
  CHECK(seen.client->is_trusted);

  client.certificate = {};
  seen = handshake(server, client);
  CHECK(!seen.client);
  CHECK(seen.error == "");
  server.clients.are_required = true;
  seen = handshake(server, client);
  CHECK(seen.error != "");
}

TEST_CASE("a client that asks for a name gets that name's certificate, others the host's") {
  Scratch scratch;
  TestCertificate host("localhost");
  TestCertificate other("other.example");
  TestCertificate all("below");
  auto server = server_with(host);
  server.named = {{"Other.example", {written(scratch, "other.pem", other.chain())}},
                  {".wild.example", {written(scratch, "all.pem", all.chain())}}};
  auto shown = [&](const TestCertificate& expected, const std::string& name) {
    TlsContext::ClientSettings client;
    client.verify = true;
    client.ca_file = expected.path();
    return handshake(server, client, name).error;
  };
  CHECK(shown(host, "localhost") == "");
  CHECK(shown(other, "other.example") == "");
  CHECK(shown(other, "OTHER.example") == "");
  CHECK(shown(host, "other.example") != "");
  // Of that certificate's name the client thinks what it likes; it is the one of the table.
  CHECK(shown(all, "a.wild.example").find("mismatch") != std::string::npos);
  CHECK(shown(host, "a.wild.example").find("self-signed") != std::string::npos);
}

TEST_CASE("a list of chain files holds keys with their chains, in one file or several") {
  Scratch scratch;
  TestCertificate host("localhost");
  std::string chain = host.chain();
  auto end_of_key = chain.find("-----BEGIN CERTIFICATE");
  TlsContext::ServerSettings server;
  TlsContext::ClientSettings client;
  auto error_of = [&](std::vector<std::string> files) {
    server.certificate.chain_files = std::move(files);
    return handshake(server, client).error;
  };
  std::string whole = written(scratch, "whole.pem", chain);
  std::string key = written(scratch, "key.pem", chain.substr(0, end_of_key));
  std::string certificate = written(scratch, "certificate.pem", chain.substr(end_of_key));
  CHECK(error_of({whole}) == "");
  CHECK(error_of({key, certificate}) == "");
  CHECK(error_of({certificate, key}) ==
        "certificates " + certificate + ": a certificate stands before its key; put the key first");
  CHECK(error_of({key}) == "certificates " + key + ": a key has no certificate behind it");
  CHECK(error_of({scratch / "none.pem"}).starts_with("certificates " + (scratch / "none.pem")));
  TestCertificate other("other");
  std::string wrong =
      written(scratch, "wrong.pem", other.chain().substr(other.chain().find("-----BEGIN CERT")));
  CHECK(error_of({key, wrong}) ==
        "certificates " + wrong + ": a key does not belong to the certificate behind it");
  CHECK(error_of({written(scratch, "empty.pem", "")})
            .ends_with("holds no key with a certificate behind it"));
}

TEST_CASE("a version of TLS that is left out is not spoken") {
  TestCertificate host;
  auto server = server_with(host);
  server.versions = *TlsVersions::parse("TLSv1.3");
  TlsContext::ClientSettings client;
  CHECK(handshake(server, client).error == "");
  client.versions = *TlsVersions::parse("<=TLSv1.2");
  CHECK(handshake(server, client).error != "");
}
