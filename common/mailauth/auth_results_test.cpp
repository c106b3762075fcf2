#include "common/mailauth/auth_results.h"

#include <doctest/doctest.h>

#include "common/base/text.h"

using namespace pennypost;

TEST_CASE("a field shows each method's result with what it was about") {
  SpfResult spf;
  spf.status = SpfStatus::Pass;
  DkimResult dkim;
  dkim.status = DkimStatus::Fail;
  dkim.reason = "the body has changed";
  dkim.domain = "example.com";
  dkim.selector = "s1";
  dkim.identity = "@example.com";
  dkim.algorithm = "rsa-sha256";
  dkim.signature_start = "AbC/+123";
  DmarcResult dmarc;
  dmarc.status = DmarcStatus::Pass;
  dmarc.author_domain = "example.com";
  dmarc.record.emplace();
  dmarc.policy = DmarcPolicy::Reject;
  CHECK(auth_results_field("mx.example.org", {auth_method(spf, "ann@example.com", "mx.example.com"),
                                              auth_method(dkim), auth_method(dmarc)}) ==
        "Authentication-Results: mx.example.org;\r\n"
        " spf=pass smtp.mailfrom=ann@example.com;\r\n"
        " dkim=fail reason=\"the body has changed\" header.d=example.com\r\n"
        " header.i=@example.com header.s=s1 header.a=rsa-sha256 header.b=\"AbC/+123\";\r\n"
        " dmarc=pass header.from=example.com policy.published-domain-policy=reject\r\n");
  CHECK(auth_results_field("mx.example.org", {auth_method(spf, "", "h.example")}) ==
        "Authentication-Results: mx.example.org;\r\n spf=pass smtp.helo=h.example\r\n");
  ArcResult arc;
  arc.status = ArcStatus::Pass;
  arc.hops.push_back({"list.example", "s1", "x; none"});
  CHECK(auth_results_body("mx", {auth_method(arc)}) == "mx;\r\n arc=pass header.d=list.example");
  CHECK(auth_results_field("mx.example.org", {}) ==
        "Authentication-Results: mx.example.org; none\r\n");
}

TEST_CASE("a stranger's text can't put a result of its own into the field") {
  SpfResult spf;
  auto field = [&](std::string_view sender) {
    return auth_results_body("mx", {auth_method(spf, sender, "")});
  };
  CHECK(field("a;dkim=pass@example.com") ==
        "mx;\r\n spf=none smtp.mailfrom=\"a;dkim=pass@example.com\"");
  CHECK(field("a\"; dkim=pass x=\"@example.com") ==
        "mx;\r\n spf=none smtp.mailfrom=\"a\\\"; dkim=pass x=\\\"@example.com\"");
  CHECK(field("a\r\n dkim=pass@x.example") ==
        "mx;\r\n spf=none smtp.mailfrom=\"a?? dkim=pass@x.example\"");
  CHECK(field("caf\xc3\xa9@x.example") == "mx;\r\n spf=none smtp.mailfrom=caf??@x.example");
  CHECK(field("a(b)@x.example") == "mx;\r\n spf=none smtp.mailfrom=\"a(b)@x.example\"");
  CHECK(field("a\\@x.example") == "mx;\r\n spf=none smtp.mailfrom=\"a\\\\@x.example\"");
  CHECK(field("a@b@c") == "mx;\r\n spf=none smtp.mailfrom=\"a@b@c\"");
  CHECK(field(std::string(10'000, 'x')).size() < 500);
}

TEST_CASE("a field that bears our name is found in all odd forms") {
  std::vector<std::string> ours{"mx.example.org", "xn--bcher-kva.example"};
  for (std::string_view body :
       {" mx.example.org; spf=pass", "MX.Example.ORG;none", " mx.example.org 1; spf=pass",
        "(comment) mx.example.org; x=y", "(a (b\\)) c)\r\n\tmx.example.org", "mx.example.org(x);",
        " \"mx.example.org\"; spf=pass", "\"mx\\.example.org\" 1;", "mx.example.org.; spf=pass",
        "mx.example.org/1; spf=pass", "mx.example.org, spf=pass", "mx.example.org=spf=pass",
        "b\xc3\xbc"
        "cher.example; spf=pass",
        "\" mx.example.org\";"}) {
    CAPTURE(body);
    CHECK(bears_authserv_id(body, ours));
  }
  for (std::string_view body :
       {"mx.example.com; spf=pass", "notmx.example.org; x", "mx.example.org.evil.example; x",
        "(mx.example.org) other; x", "spf=pass smtp.mailfrom=x", "\"other mx.example.org\";",
        "other (\"mx.example.org\");"}) {
    CAPTURE(body);
    CHECK(!bears_authserv_id(body, ours));
  }
}

TEST_CASE("a field that readers may read differently is not left in") {
  for (std::string_view body : {"", "   ", "(unfinished mx", "\"unfinished", "; spf=pass",
                                "=?us-ascii?q?mx.example.org?=; spf=pass", "\"mx\".example.org; x",
                                "other (unfinished; spf=pass"}) {
    CAPTURE(body);
    CHECK(bears_authserv_id(body, {"mx.example.org"}));
  }
}

TEST_CASE("only the fields of our name are removed from a header") {
  std::string text =
      "Received: x\r\nAuthentication-Results: mx.example.org;\r\n spf=pass\r\n"
      "AUTHENTICATION-RESULTS : (c) \"mx.example.org\" 1; none\r\n"
      "Authentication-Results: other.example; spf=fail\r\n"
      "ARC-Authentication-Results: i=1; mx.example.org; none\r\nX-Host: mx.example.org; x\r\n\r\n"
      "Authentication-Results: mx.example.org; body\r\n";
  CHECK(edited(text, remove_auth_results(text, {"mx.example.org"})) ==
        "Received: x\r\nAuthentication-Results: other.example; spf=fail\r\n"
        "ARC-Authentication-Results: i=1; mx.example.org; none\r\nX-Host: mx.example.org; x\r\n\r\n"
        "Authentication-Results: mx.example.org; body\r\n");
}

TEST_CASE("what is written as ours is found as ours, and its lines are short") {
  AuthMethod method{"spf", "pass", "", {}};
  for (int i = 0; i < 50; ++i) method.properties.push_back({"smtp", "p", "value"});
  auto field = auth_results_field("mx.example.org", {method, method});
  for (auto line : split(field, '\n')) CHECK(line.size() <= 78);
  CHECK(!remove_auth_results(field, {"mx.example.org"}).empty());
  CHECK(bears_authserv_id(auth_results_body("odd name", {}), {"odd name"}));
}
