#include "common/mail/idn.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace pennypost;

namespace {

struct Form {
  std::string unicode;
  std::string ascii;
};

}  // namespace

TEST_CASE("a domain of symbols is taken as UTS 46 has it") {
  // What ICU gives with nontransitional processing and no other option, as Postfix asks it.
  const std::vector<Form> forms{
      {"☃.test", "xn--n3h.test"},        {"i❤.test", "xn--i-7iq.test"},
      {"ß☃.test", "xn--zca031q.test"},   {"👩‍💻.test", "xn--1ug1855pcha.test"},
      {"0☃́.test", "xn--0-xbb999x.test"}, {"faß.test", "xn--fa-hia.test"},
      {"ς.test", "xn--3xa.test"},        {"bücher.☃.example", "xn--bcher-kva.xn--n3h.example"},
      {"א0a.test", "xn--0a-uld.test"},   {"🇩🇪.test", "xn--h77hc.test"},
  };
  for (const auto& form : forms) {
    CAPTURE(form.unicode);
    CHECK(domain_to_ascii(form.unicode) == form.ascii);
    CHECK(domain_to_unicode(form.ascii) == form.unicode);
  }
}

TEST_CASE("what UTS 46 maps is one name") {
  CHECK(domain_to_ascii("BÜCHER.Test") == "xn--bcher-kva.test");
  CHECK(domain_to_ascii("bu\u0308cher.test") == "xn--bcher-kva.test");
  CHECK(domain_to_ascii("ｂücher。test") == "xn--bcher-kva.test");
  CHECK(domain_to_ascii("I❤.TEST") == "xn--i-7iq.test");
  CHECK(domain_to_ascii("❤\ufe0f.test") == domain_to_ascii("❤.test"));
  CHECK(domain_to_ascii("🏳️‍🌈.test") == "xn--1ugy405pdua.test");
}

TEST_CASE("code points that UTS 46 disallows, and what is no UTF-8, are refused") {
  for (const std::string& name : std::vector<std::string>{"\u2ff0.test",
                                                          "\ue000.test",
                                                          "\u0378.test",
                                                          "\u0301☃.test",
                                                          "-☃.test",
                                                          "☃-.test",
                                                          "⒈☃.test",
                                                          {"\0é.test", 8},
                                                          "m\xca.test"}) {
    CAPTURE(name);
    CHECK_FALSE(domain_to_ascii(name));
  }
}

TEST_CASE("an A-label that does not lead back stays as it is") {
  CHECK(domain_to_unicode("xn--a.test") == "xn--a.test");
  CHECK(domain_to_unicode("xn--BCHER-kva.test") == "xn--BCHER-kva.test");
  CHECK(domain_to_unicode("example.test") == "example.test");
}

TEST_CASE("all spellings of an address fold to one") {
  for (std::string text : {"José@bücher.test", "JOSE\u0301@BÜCHER.test", "josé@xn--bcher-kva.TEST",
                           "jose\u0301@xn--bcher-kva.test"}) {
    CAPTURE(text);
    CHECK(folded_address(text) == "josé@xn--bcher-kva.test");
  }
  CHECK(folded_address("Ann@Example.test") == "ann@example.test");
  CHECK(folded_address("JOSÉ") == "josé");
}

TEST_CASE("a table's key has one other spelling where it holds a domain that has") {
  struct Case {
    std::string key;
    std::string folded;
    std::optional<std::string> other;
  };
  const std::vector<Case> cases{
      {"MÜLL.test", "müll.test", "xn--mll-hoa.test"},
      {"xn--mll-hoa.test", "xn--mll-hoa.test", "müll.test"},
      {".müll.test", ".müll.test", ".xn--mll-hoa.test"},
      {"@xn--mll-hoa.test", "@xn--mll-hoa.test", "@müll.test"},
      {"JOSÉ@Müll.test", "josé@müll.test", "josé@xn--mll-hoa.test"},
      {"josé@xn--mll-hoa.test", "josé@xn--mll-hoa.test", "josé@müll.test"},
      {"müll.xn--mll-hoa.test", "müll.müll.test", "xn--mll-hoa.xn--mll-hoa.test"},
      {"☃.test", "☃.test", "xn--n3h.test"},
      {"JOSÉ@example.test", "josé@example.test", std::nullopt},
      {"Ann@Example.test", "ann@example.test", std::nullopt},
      {"José@", "josé@", std::nullopt},
      {"*", "*", std::nullopt},
      {"xn--a.test", "xn--a.test", std::nullopt},
      {"\xff\xfe", "\xff\xfe", std::nullopt},
  };
  for (const auto& test : cases) {
    CAPTURE(test.key);
    CHECK(folded_key_of_table(test.key) == test.folded);
    CHECK(other_spelling(test.folded) == test.other);
  }
}
