#include "common/mailauth/spf_macro.h"

#include <doctest/doctest.h>

using namespace pennypost;

namespace {

SpfMacroValues values(std::string_view client = "192.0.2.3") {
  return {.local = "strong-bad",
          .sender_domain = "email.example.com",
          .domain = "email.example.com",
          .client = *IpAddress::parse(client),
          .helo = "mx.example.org",
          .validated = "mx.example.org",
          .receiver = "mail.example.net",
          .now_seconds = 1'800'000'000};
}

}  // namespace

TEST_CASE("macros expand as in RFC 7208 section 7.4") {
  struct Row {
    std::string_view macros;
    std::string_view text;
  };
  constexpr Row rows[]{
      {"%{s}", "strong-bad@email.example.com"},
      {"%{o}", "email.example.com"},
      {"%{d}", "email.example.com"},
      {"%{d4}", "email.example.com"},
      {"%{d3}", "email.example.com"},
      {"%{d2}", "example.com"},
      {"%{d1}", "com"},
      {"%{dr}", "com.example.email"},
      {"%{d2r}", "example.email"},
      {"%{l}", "strong-bad"},
      {"%{l-}", "strong.bad"},
      {"%{lr}", "strong-bad"},
      {"%{lr-}", "bad.strong"},
      {"%{l1r-}", "strong"},
      {"%{ir}.%{v}._spf.%{d2}", "3.2.0.192.in-addr._spf.example.com"},
      {"%{lr-}.lp._spf.%{d2}", "bad.strong.lp._spf.example.com"},
      {"%{lr-}.lp.%{ir}.%{v}._spf.%{d2}", "bad.strong.lp.3.2.0.192.in-addr._spf.example.com"},
      {"%{ir}.%{v}.%{l1r-}.lp._spf.%{d2}", "3.2.0.192.in-addr.strong.lp._spf.example.com"},
      {"%{h}/%{p}/%{c}/%{r}/%{t}",
       "mx.example.org/mx.example.org/192.0.2.3/mail.example.net/1800000000"},
      {"%{S}", "strong-bad%40email.example.com"},
      {"%{d99999999999999999999}", "email.example.com"},
      {"%%%_%-", "% %20"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.macros);
    CHECK(expand_spf_macros(row.macros, values()) == row.text);
  }
  CHECK(expand_spf_macros("%{ir}.%{v}._spf.%{d2}", values("2001:db8::cb01")) ==
        "1.0.B.C.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.B.D.0.1.0.0.2.ip6._spf.example.com");
}

TEST_CASE("malformed macro strings are found, and some letters are for explanations alone") {
  auto is_good = [](std::string_view text) {
    return is_spf_macro_string(text, SpfMacroUse::Domain);
  };
  CHECK(is_good("%{l1r+-}.a%%b"));
  CHECK(is_good(""));
  for (std::string_view text : {"%", "%a", "%{", "%{}", "%{d", "%{x}", "%{d0}", "%{dx}", "%{d1r2}",
                                "a b", "\x7f", "caf\xe9", "%(d)"}) {
    CAPTURE(text);
    CHECK(!is_good(text));
    if (text != "a b") CHECK(!is_spf_macro_string(text, SpfMacroUse::Explanation));
  }
  for (std::string_view text : {"%{c}", "%{r}", "%{t}", "a b"}) {
    CAPTURE(text);
    CHECK(!is_good(text));
    CHECK(is_spf_macro_string(text, SpfMacroUse::Explanation));
  }
}

TEST_CASE("a domain ends in a label that is no number, or in a macro") {
  for (std::string_view text :
       {"a.example", "a.example.", "%{d}", "x%{d}", "a:b/c.example", "_a.b-c", "%{i}.example"}) {
    CAPTURE(text);
    CHECK(is_spf_domain(text));
  }
  for (std::string_view text :
       {"", "example", "example.", "a.123", "a.-b", "a.b-", "a..", "%{d}a", "a.b/24", "a.%"}) {
    CAPTURE(text);
    CHECK(!is_spf_domain(text));
  }
}

TEST_CASE("a name that is too long loses labels from the left") {
  auto with = values();
  with.local = std::string(60, 'a') + "." + std::string(60, 'b') + "." + std::string(60, 'c') +
               "." + std::string(60, 'd') + ".e";
  auto name = expand_spf_domain("%{l}.%{d}.", with);
  CHECK(name == std::string(60, 'b') + "." + std::string(60, 'c') + "." + std::string(60, 'd') +
                    ".e.email.example.com");
}

TEST_CASE("only p asks for the client's name") {
  CHECK(needs_validated_name("a.%{p2}"));
  CHECK(needs_validated_name("%{P}"));
  CHECK(!needs_validated_name("p.%{d}%%{p}"));
}
