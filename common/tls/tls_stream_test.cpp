#include "common/tls/tls_stream.h"

#include <doctest/doctest.h>

#include <string>

#include "common/async/nursery.h"
#include "common/net/connection.h"
#include "common/tls/testing.h"

using namespace pennypost;
using namespace std::chrono_literals;

namespace {

Task<> echo(Loop& loop, std::unique_ptr<TlsStream> stream) {
  try {
    co_await stream->handshake(5000ms);
    Connection connection(loop, std::move(stream), 5000ms);
    for (;;) {
      auto line = co_await connection.line(1'000'000);
      connection.put(line.text);
      connection.put("\r\n");
      if (!connection.has_input()) co_await connection.flush();
    }
  } catch (const Disconnected&) {
  }
}

Task<std::string> ask(Loop& loop, std::unique_ptr<TlsStream> stream, std::string line) {
  try {
    co_await stream->handshake(5000ms);
    Connection connection(loop, std::move(stream), 5000ms);
    connection.put(line);
    connection.put("\r\n");
    auto answer = co_await connection.line(1'000'000);
    co_return std::string(answer.text);
  } catch (const Disconnected& lost) {
    co_return lost.text();
  }
}

std::string round_trip(bool verify, const std::string& ca_file, const std::string& name,
                       const std::string& line) {
  TestCertificate certificate;
  TlsContext::ServerSettings server;
  server.certificate.certificate_file = certificate.path();
  TlsContext::ClientSettings client;
  client.verify = verify;
  client.ca_file = ca_file == "own" ? certificate.path() : ca_file;
  auto server_context = TlsContext::server(server);
  auto client_context = TlsContext::client(client);
  REQUIRE(server_context);
  REQUIRE(client_context);
  Loop loop;
  auto [a, b] = memory_streams(loop);
  Nursery tasks(loop);
  tasks.start(echo(loop, TlsStream::server(std::move(a), *server_context)));
  return loop.run_until(ask(loop, TlsStream::client(std::move(b), *client_context, name), line));
}

}  // namespace

TEST_CASE("what one end writes the other reads, small and large") {
  CHECK(round_trip(false, "", "localhost", "hello") == "hello");
  std::string large(300'000, 'x');
  CHECK(round_trip(false, "", "localhost", large) == large);
}

TEST_CASE("a verifying client takes a certificate of its CA with the right name, and no other") {
  CHECK(round_trip(true, "own", "localhost", "hello") == "hello");
  CHECK(round_trip(true, "own", "example.org", "hello").find("mismatch") != std::string::npos);
  CHECK(round_trip(true, "", "localhost", "hello").find("self-signed") != std::string::npos);
}

TEST_CASE("a certificate that can't be used is named with its file") {
  TlsContext::ServerSettings server;
  server.certificate.certificate_file = "/nonexistent/cert.pem";
  auto context = TlsContext::server(server);
  REQUIRE_FALSE(context);
  CHECK(context.error().text().find("/nonexistent/cert.pem") != std::string::npos);
}

TEST_CASE("plain text where TLS is expected ends the conversation with TLS's words") {
  TestCertificate certificate;
  TlsContext::ServerSettings server;
  server.certificate.certificate_file = certificate.path();
  auto context = TlsContext::server(server);
  REQUIRE(context);
  Loop loop;
  auto [a, b] = memory_streams(loop);
  b->try_write("EHLO client.example\r\n");
  struct Run {
    static Task<std::string> reason(std::unique_ptr<TlsStream> stream) {
      try {
        co_await stream->handshake(1000ms);
      } catch (const Disconnected& lost) {
        co_return lost.text();
      }
      co_return "";
    }
  };
  auto text = loop.run_until(Run::reason(TlsStream::server(std::move(a), *context)));
  CHECK(text.find("TLS: ") == 0);
}
