#include "common/mailauth/srs.h"

#include <doctest/doctest.h>

using namespace pennypost;

namespace {

constexpr std::int64_t now = 1'700'000'000;
constexpr std::int64_t day = 86400;

Srs srs(std::vector<std::string> secrets = {"secret"}, std::string_view domain = "our.example") {
  std::vector<Secret> all;
  for (auto& one : secrets) all.emplace_back(std::move(one));
  return {*Domain::parse(domain), std::move(all)};
}

MailAddress address(std::string_view text) {
  auto parsed = MailAddress::parse(text, Utf8::Allowed);
  REQUIRE(parsed);
  return *parsed;
}

std::string forward(const Srs& by, std::string_view sender, std::int64_t at = now) {
  auto made = by.forward(address(sender), at);
  return made ? made->text() : made.error().text();
}

std::string reverse(const Srs& by, std::string_view text, std::int64_t at = now) {
  auto found = by.reverse(address(text), at);
  if (found) return found->text();
  CHECK(found.error().code() == 550);
  return found.error().text();
}

}  // namespace

TEST_CASE("a sender comes back from the address that was made of it") {
  auto ours = srs();
  auto made = forward(ours, "Ann@example.org");
  // As postsrsd 1.10 has made it on that day with this secret.
  CHECK(made == "SRS0=zo7z=G3=example.org=Ann@our.example");
  CHECK(reverse(ours, made) == "Ann@example.org");
  for (const char* sender :
       {"a=b@example.org", "a+b@example.org", "\"a b\"@example.org", "-x@example.org",
        "srs@example.org", "SRS0@example.org", "SRS2=x@example.org"}) {
    CAPTURE(sender);
    CHECK(reverse(ours, forward(ours, sender)) == sender);
  }
  CHECK(forward(ours, std::string(200, 'a') + "@" + std::string(60, 'b') + ".example")
            .find("too long") != std::string::npos);
}

TEST_CASE("an address made elsewhere leads back over those who made it") {
  auto other = srs({"other"}, "other.example");
  auto third = srs({"third"}, "third.example");
  auto ours = srs();
  auto first = forward(other, "ann@example.org");
  auto second = forward(ours, first);
  CHECK(second.starts_with("SRS1="));
  CHECK(second.find("=other.example==") != std::string::npos);
  CHECK(reverse(ours, second) == first);
  // However many forward it, the way back goes by the first and the last.
  auto last = forward(third, second);
  CHECK(last.find("our.example") == std::string::npos);
  CHECK(reverse(third, last) == first);
  CHECK(reverse(other, reverse(third, last)) == "ann@example.org");
  CHECK(forward(ours, "SRS1=broken@x.example").starts_with("SRS0="));
}

TEST_CASE("an address that was not made here, or is too old, leads nowhere") {
  auto ours = srs();
  auto made = forward(ours, "ann@example.org");
  CHECK(reverse(ours, made, now + 21 * day) == "ann@example.org");
  CHECK(reverse(ours, made, now - day) == "ann@example.org");
  CHECK(reverse(ours, made, now + 22 * day) == "this SRS address is older than 21 days");
  CHECK(reverse(ours, made, now - 2 * day) == "this SRS address is older than 21 days");
  auto forged = made;
  forged.replace(forged.find("=ann@"), 5, "=eve@");
  CHECK(reverse(ours, forged) == "this SRS address was not made here");
  CHECK(reverse(srs({"x"}), made) == "this SRS address was not made here");
  CHECK(reverse(ours, "ann@our.example") == "this SRS address is none");
  for (const char* broken : {"SRS0=x@our.example", "SRS0=a=b@our.example", "SRS0=a=b=c@our.example",
                             "SRS1=a=b@our.example", "SRS0==AB=c=d@our.example"}) {
    CAPTURE(broken);
    CHECK(reverse(ours, broken) == "this SRS address is malformed");
  }
}

TEST_CASE("an address is known whatever its case, and by an older secret") {
  auto ours = srs();
  auto made = forward(ours, "ann@example.org");
  CHECK(reverse(ours, "srs0=ZO7Z=g3=example.org=Ann@OUR.example") == "Ann@example.org");
  CHECK(reverse(srs({"newer", "secret"}), made) == "ann@example.org");
  CHECK(forward(srs({"newer", "secret"}), "ann@example.org") != made);
}
