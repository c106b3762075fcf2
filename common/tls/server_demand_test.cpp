#include "common/tls/server_demand.h"

#include <doctest/doctest.h>

#include <fstream>
#include <sstream>

#include "common/async/nursery.h"
#include "common/net/connection.h"
#include "common/tls/testing.h"
#include "common/tls/tls_stream.h"

using namespace pennypost;
using namespace std::chrono_literals;

namespace {

Task<> serve(std::unique_ptr<TlsStream> stream) {
  try {
    co_await stream->handshake(5000ms);
    co_await stream->wait(Poll::Event::Readable, SteadyTime::max());
  } catch (const Disconnected&) {
  }
}

/// `Verified`, or why there is no handshake; then what is wrong with the certificate.
Task<std::string> shake(std::unique_ptr<TlsStream> stream) {
  try {
    co_await stream->handshake(5000ms);
    std::string problem = stream->certificate_problem();
    std::string text(name_of(stream->trust()));
    if (!problem.empty()) text += ": " + problem;
    co_return text;
  } catch (const Disconnected& lost) {
    co_return lost.text();
  }
}

/// What a certificate of `localhost` is worth.
std::string worth(const TestCertificate& certificate, const ServerDemand& demand,
                  bool trusts_it = false) {
  TlsContext::ClientSettings settings;
  settings.is_report_only = true;
  if (trusts_it) settings.ca_file = certificate.path();
  auto context = TlsContext::client(settings);
  REQUIRE(context);
  Loop loop;
  auto [a, b] = memory_streams(loop);
  Nursery tasks(loop);
  tasks.start(serve(TlsStream::server(std::move(a), certificate.server())));
  auto client = TlsStream::client(std::move(b), *context, demand);
  if (!client) return client.error().text();
  return loop.run_until(shake(*std::move(client)));
}

ServerDemand names(std::vector<std::string> list) {
  ServerDemand demand;
  demand.server_name = "localhost";
  demand.names = std::move(list);
  return demand;
}

}  // namespace

TEST_CASE(
    "a certificate is verified if an authority and its name are right, trusted by the first") {
  TestCertificate certificate;
  CHECK(worth(certificate, names({"localhost"}), true) == "Verified");
  CHECK(worth(certificate, names({"a.example", "localhost"}), true) == "Verified");
  CHECK(worth(certificate, names({"a.example"}), true) ==
        "Trusted: the certificate is for another name");
  CHECK(worth(certificate, names({}), true) == "Trusted");
  CHECK(worth(certificate, names({"localhost"})).starts_with("Untrusted: self-signed"));
  TestCertificate below("mx.localhost.example");
  CHECK(worth(below, names({".localhost.example"}), true) == "Verified");
  CHECK(worth(below, names({"localhost.example"}), true).starts_with("Trusted"));
}

TEST_CASE("a TLSA record of usage 3 verifies its certificate whatever its name, and no other") {
  TestCertificate certificate;
  TestCertificate other;
  ServerDemand demand = names({"mx.example"});
  demand.server_name = "mx.example";
  demand.associations = {{3, 0, 0, other.der()}};
  CHECK(worth(certificate, demand).starts_with("Untrusted: "));
  CHECK(worth(certificate, demand, true).starts_with("Untrusted: "));
  demand.associations.push_back({3, 0, 0, certificate.der()});
  CHECK(worth(certificate, demand) == "Verified");
}

TEST_CASE("a TLSA record of usage 2 verifies what its authority has signed for the name") {
  TestCertificate authority("authority");
  TestCertificate certificate("localhost", authority);
  ServerDemand demand = names({"localhost"});
  demand.associations = {{2, 0, 0, certificate.der()}};
  CHECK(worth(certificate, demand).starts_with("Untrusted"));
  demand.associations = {{2, 0, 0, authority.der()}};
  CHECK(worth(certificate, demand) == "Verified");
  demand.names = {"mx.example"};
  CHECK(worth(certificate, demand) == "Trusted: the certificate is for another name");
}

TEST_CASE("records that a certificate can't be compared with are told from those that it can") {
  TestCertificate certificate;
  std::string digest(32, 'd');
  CHECK(is_usable({3, 1, 1, digest}));
  CHECK(is_usable({2, 0, 2, digest + digest}));
  CHECK(is_usable({3, 0, 0, certificate.der()}));
  CHECK_FALSE(is_usable({0, 0, 1, digest}));
  CHECK_FALSE(is_usable({1, 1, 1, digest}));
  CHECK_FALSE(is_usable({4, 1, 1, digest}));
  CHECK_FALSE(is_usable({3, 2, 1, digest}));
  CHECK_FALSE(is_usable({3, 1, 3, digest}));
  CHECK_FALSE(is_usable({3, 1, 1, digest + "d"}));
  CHECK_FALSE(is_usable({3, 1, 1, ""}));
  CHECK_FALSE(is_usable({3, 0, 0, "no certificate"}));
}

TEST_CASE("trust anchors in PEM replace the authorities") {
  TestCertificate authority("authority");
  TestCertificate certificate("localhost", authority);
  std::ifstream file(authority.path());
  std::ostringstream text;
  text << file.rdbuf();
  auto anchors = trust_anchors(text.str());
  REQUIRE(anchors);
  CHECK(*anchors == std::vector<CertificateAssociation>{{2, 0, 0, authority.der()}});
  ServerDemand demand = names({"localhost"});
  demand.associations = *anchors;
  CHECK(worth(certificate, demand) == "Verified");
  CHECK(worth(TestCertificate(), demand, true).starts_with("Untrusted"));
  CHECK_FALSE(trust_anchors(""));
  auto broken = trust_anchors("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n");
  REQUIRE_FALSE(broken);
  CHECK(broken.error().text() == "trust anchor 1 is no certificate or public key in PEM");
}

TEST_CASE("a demand may narrow the versions and ciphers of its context") {
  TestCertificate certificate;
  ServerDemand demand = names({});
  demand.versions = *TlsVersions::parse("TLSv1.1");
  CHECK(worth(certificate, demand).starts_with("TLS: "));
  demand.versions.reset();
  demand.cipher_list = "NO-SUCH-CIPHER";
  CHECK(worth(certificate, demand) == "no usable cipher in \"NO-SUCH-CIPHER\"");
}
