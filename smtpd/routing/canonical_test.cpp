#include "smtpd/routing/canonical.h"

#include <doctest/doctest.h>

#include "common/config/testing.h"

using namespace pennypost;
using namespace pennypost::smtp;

namespace {

/// `text` rewritten by the settings, or the error.
std::string rewritten(AddressClass what, std::string_view text, std::vector<std::string> settings) {
  settings.push_back("myorigin=example.org");
  auto config = config_for_test(std::move(settings));
  auto canonical = Canonical::open(*config, {});
  REQUIRE(canonical);
  auto address = MailAddress::parse(text, Utf8::Allowed);
  REQUIRE(address);
  auto is_own = [](const MailAddress& one) -> Result<bool> {
    return one.domain() && one.domain()->key() == "example.org";
  };
  auto result = canonical->rewritten(what, *address, *config, is_own);
  if (!result) CHECK(result.error().is_temporary());
  return result ? result->text() : result.error().text_with_status();
}

std::string sender(std::string_view text, std::vector<std::string> settings) {
  return rewritten(AddressClass::EnvelopeSender, text, std::move(settings));
}

}  // namespace

TEST_CASE("each table rewrites what its classes name, and canonical_maps comes last") {
  struct Row {
    AddressClass what;
    std::string by_all;
    std::string by_senders;
    std::string by_recipients;
  };
  const std::string all = "canonical_maps=inline:{a@x.test=b@x.test, s@x.test=t@x.test}";
  const std::string senders = "sender_canonical_maps=inline:{a@x.test=s@x.test}";
  const std::string recipients = "recipient_canonical_maps=inline:{a@x.test=r@x.test}";
  const std::vector<Row> rows{
      {AddressClass::EnvelopeSender, "b@x.test", "t@x.test", "b@x.test"},
      {AddressClass::HeaderSender, "b@x.test", "t@x.test", "b@x.test"},
      {AddressClass::EnvelopeRecipient, "b@x.test", "b@x.test", "r@x.test"},
      {AddressClass::HeaderRecipient, "b@x.test", "b@x.test", "r@x.test"},
  };
  for (const auto& row : rows) {
    CAPTURE(std::string(name_of(row.what)));
    CHECK(rewritten(row.what, "a@x.test", {}) == "a@x.test");
    CHECK(rewritten(row.what, "a@x.test", {all}) == row.by_all);
    CHECK(rewritten(row.what, "a@x.test", {all, senders}) == row.by_senders);
    CHECK(rewritten(row.what, "a@x.test", {all, recipients}) == row.by_recipients);
    std::string only = "canonical_classes=" + std::string(name_of(row.what));
    for (const auto& other : rows) {
      CHECK(rewritten(other.what, "a@x.test", {all, only}) ==
            (other.what == row.what ? "b@x.test" : "a@x.test"));
    }
  }
  CHECK(sender("a@x.test", {senders, "sender_canonical_classes=header_sender"}) == "a@x.test");
}

TEST_CASE("addresses are looked up as canonical(5) has it") {
  const std::string maps =
      "canonical_maps=inline:{ann=Ann.Smith@example.org, @old.test=@new.test, u@x.test=bare, "
      "@h.example.org=@example.org, m\u00fc@b\u00fccher.test=mu@b\u00fccher.test}";
  const std::vector<std::string> plus{maps, "recipient_delimiter=+"};
  CHECK(sender("ann@example.org", {maps}) == "Ann.Smith@example.org");
  CHECK(sender("ann@other.test", {maps}) == "ann@other.test");
  CHECK(sender("any@old.test", {maps}) == "any@new.test");
  CHECK(sender("ann@h.example.org", {maps}) == "Ann.Smith@example.org");
  CHECK(sender("u@x.test", {maps}) == "bare@example.org");
  CHECK(sender("u+ext@x.test", plus) == "bare+ext@example.org");
  CHECK(sender("u+ext@old.test", plus) == "u+ext@new.test");
  CHECK(sender("u+ext@x.test", {maps, "recipient_delimiter=+",
                                "propagate_unmatched_extensions=virtual"}) == "bare@example.org");
  CHECK(sender("m\u00fc@xn--bcher-kva.test", {maps}) == "mu@xn--bcher-kva.test");
}

TEST_CASE("an address that leads to itself stays, one that goes round or too far is an error") {
  CHECK(sender("A@x.test", {"canonical_maps=inline:{a@x.test=a@x.test}"}) == "a@x.test");
  CHECK(sender("a@x.test", {"canonical_maps=static:b@y.test"}) == "b@y.test");
  CHECK(sender("a@x.test", {"canonical_maps=inline:{a@x.test=b@x.test, b@x.test=a@x.test}"}) ==
        "4.3.5 canonical_maps: more than 10 look-ups lead to a@x.test");
  std::string chain = "canonical_maps=inline:{";
  for (int i = 0; i < 12; ++i) {
    chain +=
        (i > 0 ? ", n" : "n") + std::to_string(i) + "@x.test=n" + std::to_string(i + 1) + "@x.test";
  }
  CHECK(sender("n3@x.test", {chain + "}"}) == "n12@x.test");
  CHECK(sender("n0@x.test", {chain + "}"}).starts_with("4.3.5 "));
}

TEST_CASE("what is no address, and a table that can't tell, are reasons to try later") {
  CHECK(sender("a@x.test", {"canonical_maps=inline:{{a@x.test = b c}}"}) ==
        "4.3.5 canonical_maps: a@x.test leads to \"b c\", which is not an address");
  CHECK(sender("a@x.test", {"canonical_maps=hash:/nonexistent/table"})
            .starts_with("/nonexistent/table"));
}
