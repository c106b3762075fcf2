#include "common/mailauth/dkim.h"

#include <doctest/doctest.h>

#include "common/base/text.h"
#include "common/mailauth/testing.h"

using namespace pennypost;

namespace {

constexpr std::string_view rsa_record =
    "v=DKIM1; k=rsa; "
    "p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQiY/"
    "J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBf"
    "O2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB";

/// RFC 8463 appendix A.3.
constexpr std::string_view example =
    "DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;\r\n"
    " d=football.example.com; i=@football.example.com;\r\n"
    " q=dns/txt; s=brisbane; t=1528637909; h=from : to :\r\n"
    " subject : date : message-id : from : subject : date;\r\n"
    " bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n"
    " b=/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus\r\n"
    " Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==\r\n"
    "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;\r\n"
    " d=football.example.com; i=@football.example.com;\r\n"
    " q=dns/txt; s=test; t=1528637909; h=from : to : subject :\r\n"
    " date : message-id : from : subject : date;\r\n"
    " bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n"
    " b=F45dVWDfMbQDGHJFlXUNB2HKfbCeLRyhDXgFpEL8GwpsRe0IeIixNTe3\r\n"
    " DhCVlUrSjV4BwcVcOF6+FF3Zo9Rpo1tFOeS9mPYQTnGdaSGsgeefOsk2Jz\r\n"
    " dA+L10TeYt9BgDfQNZtKdN1WO//KgIqXP7OdEFE4LjFYNcUxZQ4FADY+8=\r\n"
    "From: Joe SixPack <joe@football.example.com>\r\n"
    "To: Suzie Q <suzie@shopping.example.net>\r\n"
    "Subject: Is dinner ready?\r\n"
    "Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)\r\n"
    "Message-ID: <20030712040037.46341.5F8J@football.example.com>\r\n"
    "\r\n"
    "Hi.\r\n"
    "\r\n"
    "We lost the game.  Are you hungry yet?\r\n"
    "\r\n"
    "Joe.\r\n";

TableResolver example_dns() {
  TableResolver dns;
  dns.txt_record("test._domainkey.football.example.com", std::string(rsa_record));
  dns.txt_record("brisbane._domainkey.football.example.com",
                 "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=");
  return dns;
}

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  auto at = text.find(from);
  REQUIRE(at != text.npos);
  return text.replace(at, from.size(), to);
}

struct Signer {
  SigningKey key = SigningKey::make_ed25519();
  DkimIdentity identity{"example.com", "s1", KeyKind::Ed25519};
  TableResolver dns;

  Signer() { publish(dkim_key_record(key)); }
  void publish(std::string record) {
    dns = TableResolver();
    dns.txt_record("s1._domainkey.example.com", std::move(record));
  }
  DkimResult verify(std::string_view message, std::int64_t now = test_now) {
    auto results = dkim_results(dns, message, now);
    REQUIRE(results.size() == 1);
    return results[0];
  }
};

/// A signature field over the canonical text `covered` and a body of `x`.
std::string signed_by_hand(const SigningKey& key, std::string_view tags, std::string_view covered) {
  std::string field =
      "DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed; d=example.com; s=s1; ";
  add(field, tags, " bh=", base64_encode(relaxed_hash("x\r\n")), "; b=");
  Sha256 sha;
  sha.add(covered);
  sha.add(unsigned_field(Canonical::Relaxed, field));
  return field + base64_encode(key.sign(sha.finish())) + "\r\n";
}

constexpr std::string_view plain = "From: a@example.com\r\nSubject: s\r\n\r\nHello.\r\n";

}  // namespace

TEST_CASE("the signatures of RFC 8463's example pass, RSA and Ed25519") {
  auto dns = example_dns();
  auto results = dkim_results(dns, example);
  REQUIRE(results.size() == 2);
  for (const auto& result : results) {
    CHECK(result.status == DkimStatus::Pass);
    CHECK(result.reason == "");
    CHECK(result.domain == "football.example.com");
    CHECK(result.identity == "@football.example.com");
  }
  CHECK(results[0].algorithm == "ed25519-sha256");
  CHECK(results[0].key_bits == 256);
  CHECK(results[0].signature_start == "/gCrinpcQOoI");
  CHECK(results[1].algorithm == "rsa-sha256");
  CHECK(results[1].selector == "test");
  CHECK(results[1].key_bits == 1024);
}

TEST_CASE("a changed header or body fails, and what is not signed may change") {
  auto dns = example_dns();
  auto status = [&](std::string_view from, std::string_view to) {
    auto results = dkim_results(dns, replaced(std::string(example), from, to));
    REQUIRE(results.size() == 2);
    CHECK(results[0].status == results[1].status);
    return results[0].status;
  };
  CHECK(status("Is dinner", "Was dinner") == DkimStatus::Fail);
  CHECK(status("hungry", "angry") == DkimStatus::Fail);
  CHECK(status("Subject: Is", "Subject: x\r\nSubject: Is") == DkimStatus::Fail);
  CHECK(status("From: Joe", "From: x\r\nFrom: Joe") == DkimStatus::Fail);
  CHECK(status("To: Suzie", "X: x\r\nTo: Suzie") == DkimStatus::Pass);
  CHECK(status("Subject: Is", "SUBJECT:   Is") == DkimStatus::Pass);
  CHECK(status("game.  Are", "game. Are \t") == DkimStatus::Pass);
  CHECK(status("Joe.\r\n", "Joe.\r\n\r\n\r\n") == DkimStatus::Pass);
}

TEST_CASE("signatures by dkimpy in all four canonical forms pass, with raw octets and odd blanks") {
  std::string message =
      "From: Ann <ann@example.com>\r\nTo: bob@example.org\r\nSubject:  odd   blanks \t here \r\n"
      "X-Raw: caf\xe9 \xff\r\nFolded: one\r\n two\r\n\tthree  \r\nMessage-ID: <1@example.com>\r\n"
      "\r\nline one  \r\n\r\n \t tabbed\ttext \r\nend without line end";
  auto field = [](std::string_view form, std::string_view body_hash, std::string_view signature) {
    std::string text = "DKIM-Signature: v=1; a=rsa-sha256; c=";
    add(text, form,
        "; d=example.com;\r\n i=@example.com; q=dns/txt; s=test; t=1795959158; h=from : to : "
        "subject\r\n : x-raw : folded : message-id : absent;\r\n bh=",
        body_hash, ";\r\n b=", signature, "\r\n");
    return text;
  };
  std::string_view simple_body = "x+GuByInRpgt3GKOrFbPBURxW9GmL0xsnlLhgt9mhks=";
  std::string_view relaxed_body = "S4VS+qJsOlXV1DsMvF5FRrl/4Vnj6QAEKqQey8AVOXw=";
  std::vector<std::string> fields{
      field("simple/simple", simple_body,
            "ziq8PviygAbFB1Oy6TKlPzqcCyLrI72f3dHXPJuclkyXTG5oQvwKl34fTyJhESWqYpX4K\r\n "
            "nLcZgF4x8LXb2vmyZeHKMRsaovO8vgTiebTblQEoEvV7M2/GEd9LMSXKoX2btL1HXjwaRCl\r\n "
            "XinA8ySBC9mpctGl6MdSPLbjoWB0UOE="),
      field("relaxed/simple", simple_body,
            "gWddw+H+21fJt8oNlyNvrz15DrvFo0aSjaeBopUJY7qfNOQwCeT+/ddoIB9ZXQcuZbzha\r\n "
            "H0EDZkrlct/fw2WOAwycXHZTp9cXkPAlfJ4oNmvL8NT5PKzwtPx7Vlx1KRptjqnzuUbSKfg\r\n "
            "FsKGUSi0wJs2D0EeFfc+WZRjmaUKZXI="),
      field("simple/relaxed", relaxed_body,
            "JMiD3Njvjhdsjyjraq6TOT+hZFDGS/As0Zm/Lq5gloHcYXy+i+a3cBJ3kdwe+ss0tAii8\r\n "
            "H7SkSGAqdY42uTusDO760iJgGhyyWi7bDH+7Iis0JR0SWV7gCltBqMlRCAdZn7o+18MEg4Y\r\n "
            "OYfF0Bdic/S59xbOh2p/lPcoeGdvck8="),
      field("relaxed/relaxed", relaxed_body,
            "yBE8PbT6+/onrKizruFaFclfY+sS6uaSujZ4FTUtlaDj+/u1D4DY8lUwPJj4DNrNtmerZ\r\n "
            "CkyVi0rNsFZ2P3zKjEnPq+dEwixSGANqpD1ZEiNknFXWbpzWCld5gIPOvcOwXwcnRE4948+\r\n "
            "x69ynU3yW0pdq117Yb8Xxkn8JxClR10=")};
  TableResolver dns;
  dns.txt_record("test._domainkey.example.com", std::string(rsa_record));
  auto results = dkim_results(dns, fields[0] + fields[1] + fields[2] + fields[3] + message);
  REQUIRE(results.size() == 4);
  for (const auto& result : results) CHECK(result.status == DkimStatus::Pass);
  CHECK(dkim_results(dns, fields[0] + replaced(message, " \t here", " here"))[0].status ==
        DkimStatus::Fail);
  CHECK(dkim_results(dns, fields[1] + replaced(message, " \t here", " here"))[0].status ==
        DkimStatus::Pass);
}

TEST_CASE("a failure of DNS is a temporary error, a missing key a permanent one") {
  Signer signer;
  auto message = dkim_signed(signer.identity, signer.key, plain);
  CHECK(signer.verify(message).status == DkimStatus::Pass);
  signer.dns = TableResolver();
  CHECK(signer.verify(message).status == DkimStatus::PermError);
  signer.dns.try_later("s1._domainkey.example.com", DnsType::Txt);
  CHECK(signer.verify(message).status == DkimStatus::TempError);
  signer.publish("v=DKIM1; p=");
  CHECK(signer.verify(message).reason == "the key is revoked");
}

TEST_CASE("a resolver that never answers costs the time given, and no more") {
  class Silent final : public Resolver {
   public:
    explicit Silent(Loop& loop) : loop_(loop) {}
    Task<DnsReply> query(std::string, DnsType) override {
      co_await loop_.sleep(std::chrono::hours(1));
      co_return DnsReply();
    }
    std::vector<IpAddress> hosts_addresses(const std::string&) const override { return {}; }
    std::string hosts_name(const IpAddress&) const override { return {}; }

   private:
    Loop& loop_;
  };
  Signer signer;
  auto message = dkim_signed(signer.identity, signer.key, plain);
  message = dkim_signed(signer.identity, signer.key, message);
  Loop loop;
  Silent dns(loop);
  auto header = header_bytes(message);
  DkimVerifier verifier(message.substr(0, header), test_now);
  REQUIRE(verifier.needs_body());
  verifier.feed(std::string_view(message).substr(header));
  auto begun = std::chrono::steady_clock::now();
  auto results = loop.run_until(verifier.results(loop, dns, std::chrono::milliseconds(20)));
  CHECK(std::chrono::steady_clock::now() - begun < std::chrono::seconds(3));
  REQUIRE(results.size() == 2);
  for (const auto& result : results) CHECK(result.status == DkimStatus::TempError);
}

TEST_CASE("a domain that only tests counts as unsigned when its signature fails") {
  Signer signer;
  auto message = dkim_signed(signer.identity, signer.key, plain);
  signer.publish(dkim_key_record(signer.key) + "; t=y");
  CHECK(signer.verify(message).status == DkimStatus::Pass);
  auto result = signer.verify(replaced(message, "Subject: s", "Subject: t"));
  CHECK(result.status == DkimStatus::None);
  CHECK(result.is_testing);
}

TEST_CASE("a signature of another kind than its key is refused") {
  Signer signer;
  auto message = dkim_signed(signer.identity, signer.key, plain);
  signer.publish(std::string(rsa_record));
  CHECK(signer.verify(message).reason == "the key is of another kind than the signature");
}

TEST_CASE("a signature's times are held against the clock, with some minutes of tolerance") {
  Signer signer;
  auto message = dkim_signed(signer.identity, signer.key, plain, test_now);
  CHECK(signer.verify(message, test_now - 200).status == DkimStatus::Pass);
  CHECK(signer.verify(message, test_now - 400).reason == "the signature was made in the future");
  auto expires = replaced(message, "bh=", "x=1800000100; bh=");
  CHECK(signer.verify(expires, test_now + 300).status == DkimStatus::Fail);
  CHECK(signer.verify(expires, test_now + 500).reason == "the signature has expired");
  CHECK(signer.verify(expires, test_now + 500).status == DkimStatus::PermError);
}

TEST_CASE("signatures that can't or must not be verified say why") {
  Signer signer;
  auto message = dkim_signed(signer.identity, signer.key, plain);
  auto reason = [&](std::string_view from, std::string_view to) {
    auto result = signer.verify(replaced(message, from, to));
    CHECK(result.status == DkimStatus::PermError);
    return result.reason;
  };
  CHECK(reason("v=1;", "") == "no v= tag");
  CHECK(reason("v=1;", "v=2;") == "unknown version 2");
  CHECK(reason("a=ed25519-sha256", "a=rsa-sha1") == "rsa-sha1 is no longer secure");
  CHECK(reason("a=ed25519-sha256", "a=x") == "unknown algorithm x");
  CHECK(reason("c=relaxed", "c=loose") == "unknown canonicalization loose/relaxed");
  CHECK(reason("d=example.com", "d=") == "malformed d= tag");
  CHECK(reason("d=example.com", "d=exa mple") == "malformed d= tag");
  CHECK(reason("d=example.com", "d=com") == "a public suffix can't sign");
  CHECK(reason("d=example.com;", "d=example.com; i=x@example.org;") ==
        "the domain of i= is not within that of d=");
  CHECK(reason("d=example.com;", "d=example.com; i=x@badexample.com;") ==
        "the domain of i= is not within that of d=");
  CHECK(reason("d=example.com;", "d=example.com; q=http;") == "unknown query method in the q= tag");
  CHECK(reason("t=1800000000", "t=x") == "malformed t= tag");
  CHECK(reason("t=1800000000", "t=1800000000; x=1799999999") ==
        "the x= tag is not after the t= tag");
  CHECK(reason("h=from:", "h=from::") == "malformed h= tag");
  CHECK(reason("s=s1;", "s=s1; s=s2;") == "the tag s twice");
  CHECK(reason("bh=", "bh=AAAA; xx=") == "malformed bh= tag");
  CHECK(reason("d=example.com;", "z=" + std::string(70'000, 'x') + "; d=example.com;") ==
        "a field of more than 65536 octets");
  std::string names;
  for (int i = 0; i < 1000; ++i) names += "x:";
  CHECK(reason("h=from", "h=" + names + "from") == "more than 1000 names in the h= tag");
  CHECK(signer.verify(replaced(message, "d=example.com", "d=com")).domain == "com");
  auto without_from = replaced(replaced(message, "h=from:", "h=x:"), "from:", "x:");
  CHECK(signer.verify(without_from).reason == "From is not signed");
}

TEST_CASE("a signature over only a part of the body is against the policy") {
  Signer signer;
  auto message = dkim_signed(signer.identity, signer.key, plain);
  auto result = signer.verify(replaced(message, "bh=", "l=5; bh="));
  CHECK(result.status == DkimStatus::Policy);
  CHECK(result.reason == "only a part of the body is signed (l=)");
}

TEST_CASE("a key for one domain alone does not allow an agent below it") {
  SigningKey key = SigningKey::make_ed25519();
  TableResolver dns;
  dns.txt_record("s1._domainkey.example.com", dkim_key_record(key) + "; t=s");
  auto message = signed_by_hand(key, "i=joe@mail.example.com; h=from;", "from:a@example.com\r\n") +
                 "From: a@example.com\r\n\r\nx\r\n";
  CHECK(dkim_results(dns, message)[0].reason == "the key does not allow i= below d=");
  TableResolver loose;
  loose.txt_record("s1._domainkey.example.com", dkim_key_record(key));
  CHECK(dkim_results(loose, message)[0].status == DkimStatus::Pass);
  CHECK(dkim_results(loose, message)[0].identity == "joe@mail.example.com");
}

TEST_CASE("a signature that names DKIM-Signature covers the others and never itself") {
  Signer signer;
  std::string_view from = "From: a@example.com\r\n";
  auto alone = signed_by_hand(signer.key, "h=dkim-signature:from;", "from:a@example.com\r\n");
  CHECK(signer.verify(alone + std::string(from) + "\r\nx\r\n").status == DkimStatus::Pass);
  auto two = signed_by_hand(signer.key, "h=dkim-signature:dkim-signature:from;",
                            "dkim-signature:v=9\r\nfrom:a@example.com\r\n");
  for (bool is_first : {true, false}) {
    std::string other = "DKIM-Signature: v=9\r\n";
    auto message = (is_first ? two + other : other + two) + std::string(from) + "\r\nx\r\n";
    auto results = dkim_results(signer.dns, message);
    REQUIRE(results.size() == 2);
    CHECK(results[is_first ? 0 : 1].status == DkimStatus::Pass);
  }
}

TEST_CASE(
    "a message without signatures needs no body, and only the first signatures are verified") {
  DkimVerifier unsigned_message("From: a@example.com\r\n\r\n", test_now);
  CHECK(!unsigned_message.needs_body());
  Signer signer;
  std::string message(plain);
  for (std::size_t i = 0; i < dkim_signatures_max + 3; ++i) {
    message = dkim_signed(signer.identity, signer.key, message);
  }
  auto results = dkim_results(signer.dns, message);
  CHECK(results.size() == dkim_signatures_max);
  for (const auto& result : results) CHECK(result.status == DkimStatus::Pass);
}

TEST_CASE("a header of very many fields is not verified") {
  Signer signer;
  auto message = dkim_signed(signer.identity, signer.key, plain);
  std::string many;
  for (std::size_t i = 0; i < signed_fields_max; ++i) many += "x:\r\n";
  auto result = signer.verify(replaced(message, "From:", many + "From:"));
  CHECK(result.status == DkimStatus::PermError);
  CHECK(result.reason == "more than 10000 header fields");
}
